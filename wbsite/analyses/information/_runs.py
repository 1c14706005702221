"""What analyses of a study's runs share: which of them lived to the end, and means over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wbsite.results.estimate import Estimate
from wbsite.results.information.trajectories import Trajectories
from wbsite.stats.intervals import t_interval


def living(trajectories: Trajectories) -> pd.MultiIndex:
    """(configuration, seed) of the runs that lived to the end of training."""
    runs = trajectories.runs
    return pd.MultiIndex.from_frame(runs.loc[runs["died"].isna(), ["configuration", "seed"]])


def of_living(rows: pd.DataFrame, trajectories: Trajectories) -> pd.DataFrame:
    """The rows of a table with `configuration` and `seed` that are of runs that lived."""
    keys = pd.MultiIndex.from_frame(rows[["configuration", "seed"]])
    return rows[keys.isin(living(trajectories))]


def mean_over_runs(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of the defined values with its 95 % Student t interval.

    Args:
        values: (runs,); NaN where a run has none.
    """
    x = np.asarray(values, np.float64)
    return Estimate.from_interval(t_interval(x[~np.isnan(x)]))
