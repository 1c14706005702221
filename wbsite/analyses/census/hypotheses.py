"""Five hypotheses on why kernels are banded, tested over the networks of the census, with packages as clusters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wbsite.analyses.base import Analysis
from wbsite.census.context import CensusContext
from wbsite.results.census.census import Census
from wbsite.results.census.hypotheses import Evidence, Hypotheses
from wbsite.stats.clustered import Clustered, clustered_mean, clustered_slope

if TYPE_CHECKING:
    import pandas as pd

AXES = {"horizontal": -1.0, "vertical": 1.0, "both": 0.0, "none": 0.0}
"""Axis that matters → the sign of H by which bands would tell positions along it apart: bands across it."""


def run(context: CensusContext) -> Hypotheses:
    """The tests. Of files with the same trained weights the first counts; files of weights alone have no depth."""
    networks = context.need(Census).networks
    networks = networks[~networks["weights_alone"]].drop_duplicates("training")
    late = networks[networks["late_index"].notna()].copy()
    shaped = late[late["map_height"].notna() & (late["map_height"] > 0) & (late["map_width"] > 0)]
    deep = networks[networks["depth_correlation"].notna()]
    tests = {
        "pooled": _over(late, lambda n: (n["pooled"] != "none").astype(float), n_index=lambda n: n["late_index"].abs()),
        "task_axis": _over(late, lambda n: n["task_axis"].map(AXES)),
        "map_shape": _over(shaped, lambda n: np.log2(n["map_height"] / n["map_width"])),
        "upright": _over(late, lambda n: n["upright"].astype(float)),
        "depth": (
            clustered_mean(deep["depth_correlation"].tolist(), deep["package"].tolist()),
            deep["package"].nunique(),
        ),
    }
    corrected = holm([test.p for test, _ in tests.values()])
    records = {
        name: _record(test, smaller, p) for (name, (test, smaller)), p in zip(tests.items(), corrected, strict=True)
    }
    rows = Hypotheses.frame("rows", [{"hypothesis": name, **r.model_dump()} for name, r in records.items()])
    return Hypotheses(**records, rows=rows)


def _over(
    networks: pd.DataFrame,
    predictor: Callable[[pd.DataFrame], pd.Series[float]],
    n_index: Callable[[pd.DataFrame], pd.Series[float]] = lambda n: n["late_index"],
) -> tuple[Clustered, int]:
    """The slope over a predictor, and the packages at its rarer level: those on the side of the mean that has fewer."""
    x, packages = predictor(networks), networks["package"]
    test = clustered_slope(x.tolist(), n_index(networks).tolist(), packages.tolist())
    above = x > x.mean()
    return test, min(packages[above].nunique(), packages[~above].nunique())


def holm(p: list[float]) -> list[float]:
    """p-values corrected after Holm (Scand. J. Stat. 6, 1979); NaN stays, and counts among the tests."""
    order = sorted(range(len(p)), key=lambda i: math.inf if math.isnan(p[i]) else p[i])
    corrected, largest = [math.nan] * len(p), 0.0
    for rank, i in enumerate(order):
        if not math.isnan(p[i]):
            largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
            corrected[i] = largest
    return corrected


def _record(test: Clustered, smaller: int, p_holm: float) -> Evidence:
    numbers = {"effect": test.effect, "low": test.low, "high": test.high, "p": test.p, "p_holm": p_holm}
    defined = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    return Evidence(**defined, networks=test.members, packages=test.clusters, smaller=smaller)


ANALYSES = (Analysis(scope="census", run=run, result=Hypotheses, needs=("census",)),)
