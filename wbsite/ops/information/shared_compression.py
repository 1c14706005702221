"""How much information a layer loses by the end in every training alike, and not by chance in one."""

from __future__ import annotations

import numpy as np

from wbsite.core.errors import WbsiteError


def shared_compression(courses: np.ndarray) -> np.ndarray:
    """I(X;T) of each training where the mean of the *others* is largest, minus its own at the end.

    The largest value of a course minus its last is never below 0, and grows with whatever noise there is from record to
    record: a layer that stays as it is but fluctuates seems to compress. Here each training is measured at a moment
    that the others choose, so noise of its own gives 0 on average, and a fall at about the same moment in all of them
    is measured in full. What trainings lose at quite different moments is underestimated.

    Args:
        courses: (seeds, records), of trainings that lived to the last record.

    Returns:
        (seeds,), at most the training's own largest value minus its last; NaN for a single training, which has no
        others.

    Raises:
        WbsiteError: not of rank 2, or without a record.
    """
    x = np.asarray(courses, np.float64)
    if x.ndim != 2 or not x.shape[1]:
        raise WbsiteError(f"courses have shape {x.shape}.", "Give (seeds, records), with at least one record.")
    if len(x) < 2:
        return np.full(len(x), np.nan)
    tops = (x.sum(0) - x).argmax(1)
    return x[np.arange(len(x)), tops] - x[:, -1]
