"""Whether branches out there specialize: one answer a network, with packages as clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis
from wbsite.census.branches import CONCATENATED
from wbsite.census.context import CensusContext
from wbsite.results.census.branches import Sorted, WildBranches
from wbsite.results.census.census import Census
from wbsite.results.estimate import or_none
from wbsite.stats.clustered import clustered_mean

LEVEL = 0.05
"""Of the q-values of single tests."""

SILENT = "units of fewer than two branches respond"
"""Why a group that was shown stimuli has no share."""


def run(context: CensusContext) -> WildBranches:
    """The tables, and the test over networks."""
    trainings = context.need(Census).networks.set_index("network")["training"]
    groups = [
        {
            "network": m.facts["name"],
            "package": m.facts["package"],
            "counts": False,
            **group,
            **_of_copies(group.get("copies", ())),
            "reason": group["reason"] or ("" if group["trained"] is not None else SILENT),
        }
        for m in context.measured
        for group in m.groups
    ]
    table = WildBranches.frame("groups", groups)
    table["counts"] = _counting(table, trainings)
    rows = WildBranches.frame(
        "rows",
        [{"network": m.facts["name"], "package": m.facts["package"], **t} for m in context.measured for t in m.tests],
    )
    counted = table[table["counts"]]
    concatenated = counted["kind"].isin(CONCATENATED)
    tests = rows[(rows["test"] == "category") & rows["network"].isin(counted["network"])]
    enriched = (tests["q"] < LEVEL) & (tests["effect"] > 1)
    return WildBranches(
        sorted=sorted_by_branch(counted),
        concatenated=sorted_by_branch(counted[concatenated]),
        added=sorted_by_branch(counted[~concatenated]),
        tests=len(tests),
        enriched=int(enriched.sum()),
        beyond=int((enriched & (tests["untrained_q"] < LEVEL)).sum()),
        groups=table,
        rows=rows,
    )


def _of_copies(shares: Any) -> dict[str, float | None]:
    """Mean and standard deviation over the untrained copies that have a share."""
    defined = [share for share in shares if share is not None]
    return {
        "untrained": float(np.mean(defined)) if defined else None,
        "deviation": float(np.std(defined, ddof=1)) if len(defined) > 1 else None,
    }


def _counting(groups: pd.DataFrame, trainings: pd.Series[str]) -> pd.Series[bool]:
    """Whether a group counts: it was measured, and no network before has the same trained weights."""
    measured = groups["trained"].notna() & groups["untrained"].notna()
    training = groups["network"].map(trainings)
    first = groups[measured].groupby(training[measured])["network"].first()
    return measured & (training.map(first) == groups["network"])


def sorted_by_branch(groups: pd.DataFrame) -> Sorted:
    """The test over groups that count: a network has the mean of its groups, a package that of its networks."""
    means = groups.groupby(["package", "network"], sort=False)[["trained", "untrained"]].mean().reset_index()
    packages = means["package"].tolist()
    test = clustered_mean((means["trained"] - means["untrained"]).tolist(), packages)
    trained, untrained = (clustered_mean(means[name].tolist(), packages).effect for name in ("trained", "untrained"))
    return Sorted(
        effect=or_none(test.effect),
        low=or_none(test.low),
        high=or_none(test.high),
        p=or_none(test.p),
        trained=or_none(trained),
        untrained=or_none(untrained),
        networks=test.members,
        packages=test.clusters,
    )


ANALYSES = (Analysis(scope="census", run=run, result=WildBranches, needs=("census",)),)
