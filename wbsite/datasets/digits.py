"""`digits`: the handwritten digits that scikit-learn ships, 8×8 pixels."""

from __future__ import annotations

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from .base import DatasetSpec, Samples


def samples(argument: str, progress: Progress) -> Samples:
    """1797 digits of 43 writers in 64 values of 0 to 1; the test part of Alpaydin and Kaynak's (1998) set.

    They come without a split: scikit-learn ships one of the two parts.

    Raises:
        WbsiteError: there is something after the colon.
    """
    if argument:
        raise WbsiteError(f"digits takes nothing after the colon, and was given {argument!r}.", "Write digits.")
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Samples((digits.data / 16).astype(np.float32), digits.target.astype(np.int64), tuple("0123456789"))


DATASETS = (
    DatasetSpec("digits", "samples: 1797 handwritten digits of 8×8 pixels, from scikit-learn", samples=samples),
)
