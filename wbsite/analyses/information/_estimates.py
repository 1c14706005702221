"""Means over runs, as results keep them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wbsite.results.estimate import Estimate
from wbsite.stats.intervals import t_interval


def mean_over_runs(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of the defined values with its 95 % Student t interval.

    Args:
        values: (runs,); NaN where a run has none.
    """
    x = np.asarray(values, np.float64)
    return Estimate.from_interval(t_interval(x[~np.isnan(x)]))
