"""Do branches out there specialize? What the branch tells of its units' tuning, before and after training."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.claims.base import FAILS, HOLDS
from wbsite.claims.census.branches import SPECIALIZE
from wbsite.core.naming import CENSUS
from wbsite.render.charts import INDEX, NEUTRAL, SERIES, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, listing, percent_text
from wbsite.results.census.branches import Sorted, WildBranches
from wbsite.results.census.census import Census
from wbsite.results.site import Gap

from ._networks import opened

KINDS = {
    "concat": "concatenated paths",
    "dense": "concatenated paths",
    "residual": "residual blocks",
    "groups": "groups of a convolution",
    "towers": "towers",
}
"""Kind of a group → what its branches are, in words."""

FINDINGS = {
    HOLDS: "Out there, too, branches tell more of what units are tuned to than before training: {trained} against {untrained}.",
    FAILS: "Out there, training hardly sorts units into branches by what they are tuned to.",
}
"""Verdict → the finding; other verdicts decide nothing."""

OPEN = "Whether training sorts units into branches cannot be told out there."

ROW = 38


def draw(scene: Scene) -> Drawing | Gap:
    """A row a group: what its branches tell in the trained network, and in untrained copies."""
    branches, census = scene.site.suite(CENSUS).result_or_gap(WildBranches), opened(scene)
    if isinstance(branches, Gap):
        return branches
    if isinstance(census, Gap):
        return census
    table = table_of(branches, census)
    if table.empty:
        return Gap("no network of the census has branches whose units can be shown stimuli", failed=False)
    decided = SPECIALIZE.decide(scene.site)
    assert not isinstance(decided, Gap), "the measurements are there"
    height = ROW * len(table)
    return Drawing(
        "A row is a group, its dot the share of tuning that branches tell, chance at zero; its line two deviations around"
        " untrained copies.",
        f"{counted(len(table), 'group')} of branches, each with its share in the trained network and in untrained copies.",
        table,
        specification(_chart(table), height),
        width="wide",
        height=height,
        finding=FINDINGS.get(decided[0], OPEN).format(**_shares(branches.sorted)),
        method=_method(branches, census),
    )


def _shares(test: Sorted) -> dict[str, str]:
    return {"trained": percent_text(test.trained, 1), "untrained": percent_text(test.untrained, 1)}


def table_of(branches: WildBranches, census: Census) -> pd.DataFrame:
    """A row for each group that counts, those first whose branches tell most."""
    titles = census.networks.set_index("network")["title"]
    table = branches.groups[branches.groups["counts"]]
    table = table.assign(
        title=table["network"].map(titles),
        branching=table["kind"].map(KINDS),
        low=table["untrained"] - 2 * table["deviation"],
        high=table["untrained"] + 2 * table["deviation"],
    )
    table = table.sort_values("trained", ascending=False, ignore_index=True)
    return table.drop(columns=["counts", "reason"]).round(6)


def _method(branches: WildBranches, census: Census) -> str:
    reasons = branches.groups[branches.groups["trained"].isna()]
    left = f" {counted(len(reasons), 'group')} could not be measured: {_reasons(reasons)}." if len(reasons) else ""
    test = branches.sorted
    return (
        "Of each network the first group whose paths are concatenated and the first of any other kind, where one stimulus takes"
        " at most 500 million multiply-adds. Units are shown gratings, contours, discs, regions of colour and textures; each"
        " index of tuning is replaced by ranks over the group, and the share of their variance that lies between branches is"
        " averaged over indices. Chance is the mean over permutations of units. Of files with the same weights one counts."
        f" Over {counted(test.networks, 'network')} of {counted(test.packages, 'package')} the share is"
        f" {percent_text(test.trained, 1)} in trained networks and {percent_text(test.untrained, 1)} in five untrained copies of"
        f" each. By kind, trained networks exceed copies {_by_kind('for concatenated paths', branches.concatenated)} and"
        f" {_by_kind('for others', branches.added)}, with intervals of 95 % over packages." + left
    )


def _by_kind(words: str, test: Sorted) -> str:
    if test.effect is None:
        return f"by nothing that was measured {words}"
    packages = counted(test.packages, "package")
    if test.low is None:
        return f"by {percent_text(test.effect, 1)} {words} ({packages}, too few for an interval)"
    ends = f"{percent_text(test.low, 1)} to {percent_text(test.high, 1)}"
    return f"by {percent_text(test.effect, 1)} {words} ({ends}; {packages})"


def _reasons(groups: pd.DataFrame) -> str:
    """Why groups were not measured, with how many each."""
    reason = groups["reason"].str.replace(r"one stimulus would take .*", "too much work", regex=True)
    reason = reason.str.replace(r".* reads inputs with .*", "no picture in one channel or three", regex=True)
    return listing(f"{words} ({count})" for words, count in reason.value_counts().items())


def _chart(table: pd.DataFrame) -> Any:
    import altair as alt

    rows = table["network"] + " " + table["branching"]
    y = alt.Y("row:N", sort=rows.tolist(), axis=None)
    base = alt.Chart(data()).transform_calculate(row="datum.network + ' ' + datum.branching")
    tips = [
        alt.Tooltip("title:N", title="network"),
        alt.Tooltip("package:N"),
        alt.Tooltip("group:N", title="where its branches meet"),
        alt.Tooltip("branches:Q"),
        alt.Tooltip("live:Q", title="units that respond"),
        alt.Tooltip("trained:Q", format=".3f"),
        alt.Tooltip("untrained:Q", format=".3f", title="untrained, mean"),
        alt.Tooltip("p:Q", format=".3f", title="p, by permutation"),
    ]
    kinds = list(dict.fromkeys(table["branching"]))
    colour = alt.Color(
        "branching:N",
        scale=alt.Scale(domain=kinds, range=[INDEX, SERIES[3], SERIES[0], SERIES[6]][: len(kinds)]),
        legend=alt.Legend(title="branches", orient="top"),
    )
    zero = alt.Chart(alt.InlineData(values=[{}])).mark_rule(color=NEUTRAL, strokeDash=[4, 4]).encode(x=alt.X(datum=0))
    copies = base.mark_rule(color=NEUTRAL, strokeWidth=5, opacity=0.6).encode(x="low:Q", x2="high:Q", y=y, tooltip=tips)
    axis = alt.Axis(format=".0%", tickCount=7)
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=alt.X("trained:Q", title="share of tuning that the branch tells", axis=axis), y=y, color=colour, tooltip=tips
    )
    names = base.mark_text(align="left", baseline="bottom", dy=-7, fontSize=11, limit=340).encode(
        x=alt.value(0), y=y, text="title:N", tooltip=tips
    )
    return alt.layer(zero, copies, dots, names)


FIGURES = (Figure("wild-branches", draw, "branches of all networks", of="site"),)
