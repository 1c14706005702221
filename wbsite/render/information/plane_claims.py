"""What earlier work claimed, with what came out over seeds, and whether another estimator says otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd
from markupsafe import Markup

from wbsite.claims.base import Claim
from wbsite.claims.information.base import ACCURACY, COMPRESSES, GAP, INFORMATION, Decision, Evidence, Measured
from wbsite.core import registry
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import interval_text
from wbsite.results.site import Gap

from ._html import scrolling_table
from ._plane_parts import chosen_estimator, measured_text
from ._planes import measured

QUANTITIES = {
    "compression": ("Shared compression", "bits"),
    "ty": ("Highest I(T;Y), unconstrained minus constrained", "bits"),
    "loss": ("Test accuracy, unconstrained minus constrained", "points"),
    "gap": ("Training minus test accuracy", "points"),
    "rho": ("Spearman's ρ over seeds", ""),
}
"""What is measured → its name in the table, and its unit; claims are listed in this order."""

VERDICTS = {True: ("✓", "holds"), False: ("✗", "does not hold"), None: ("?", "undecided")}

HEAD = Markup("<tr>{}</tr>").format(
    Markup("").join(
        Markup('<th scope="col">{}</th>').format(name)
        for name in ("Claim", "Here", "Evidence, mean (95 % interval)", "Runs", "By each estimator")
    )
)

Decided = Sequence[tuple[Claim, Evidence]]


def draw(scene: Scene) -> Drawing | Gap:
    """A row a claim, by the estimator of the option `estimator`, with marks for the others."""
    results = measured(scene)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    decided: list[tuple[Claim, Evidence]] = []
    absent = 0
    for claim in registry.entries("claims"):
        evidence = claim.evidence(scene.site) if claim.source == "deepbottleneck2018" else None
        if isinstance(evidence, Gap):
            return evidence
        if isinstance(evidence, Evidence):
            decided += [(claim, evidence)] if evidence.decisions else []
            absent += not evidence.decisions
    if not decided:
        return Gap("the study has none of the configurations that the claims are about", failed=False)
    decided.sort(key=lambda pair: list(QUANTITIES).index(pair[1].quantity))
    token = chosen_estimator(scene, plane)
    rows = [
        (_statement(claim), _cells(evidence, token, trajectories.titles, plane.titles)) for claim, evidence in decided
    ]
    return Drawing(
        _caption(plane.titles, token, measured_text(trajectories), absent),
        _alt(decided, token, plane.titles),
        claim_rows(decided),
        body=str(scrolling_table("wb-claims", HEAD, rows)),
        width="full",
    )


def claim_rows(decided: Decided) -> pd.DataFrame:
    """One row a claim, estimator and layer or configuration: claim, estimator ("" for what none measures), holds,
    place, mean (ρ for the last claim), low, high, p, seeds."""
    rows = [
        {
            "claim": claim.name, "estimator": token, "holds": VERDICTS[decision.holds][1], "place": each.name,
            "mean": each.mean, "low": each.low, "high": each.high, "p": each.p, "seeds": each.seeds,
        }
        for claim, evidence in decided
        for token, decision in evidence.decisions.items()
        for each in decision.measured
    ]  # fmt: skip
    columns = ["mean", "low", "high", "p"]
    return pd.DataFrame(rows).astype(dict.fromkeys(columns, float)).round(dict.fromkeys(columns, 4))


def _statement(claim: Claim) -> str:
    """Without its full stop."""
    return claim.statement.removesuffix(".")


def _by(evidence: Evidence, token: str) -> Decision:
    """What an estimator decides; the only decision where no estimator measures the quantity."""
    return evidence.decisions.get(token, evidence.decision)


def _cells(evidence: Evidence, token: str, titles: Mapping[str, str], estimators: Mapping[str, str]) -> tuple[str, ...]:
    decision = _by(evidence, token)
    mark, verdict = VERDICTS[decision.holds]
    label, unit = QUANTITIES[evidence.quantity]
    lines = Markup(" ").join(_line(each, titles, unit) for each in decision.measured)
    return (
        Markup('<span class="wb-verdict wb-verdict-{}">{} {}</span>').format(verdict.split()[0], mark, verdict),
        Markup("{}: {}").format(label, lines),
        str(decision.seeds),
        _marks(evidence, estimators),
    )


def _line(each: Measured, titles: Mapping[str, str], unit: str) -> Markup:
    """A mean and its interval."""
    text = interval_text(each, *((1, 100) if unit == "points" else (2, 1)))
    p = "" if math.isnan(each.p) else f", p {each.p:.2g}"
    name = "mean of hidden layers" if each.name == "mean" else titles.get(each.name, each.name)
    bold = Markup(" class=wb-above") if each.above else ""
    return Markup("<span{}>{}{}{}{}</span>").format(
        bold, f"{name} " if name else "", text, p, f" {unit}" if unit else ""
    )


def _marks(evidence: Evidence, estimators: Mapping[str, str]) -> Markup:
    """A mark an estimator, in their order; a remark for what none measures."""
    if "" in evidence.decisions:
        return Markup("<small>not by estimators</small>")
    marks = []
    for token, title in estimators.items():
        mark, verdict = VERDICTS[evidence.decisions[token].holds]
        label = f"{title}: {verdict}"
        marks.append(
            Markup('<span class="wb-verdict-{}" title="{}" aria-label="{}">{}</span>').format(
                verdict.split()[0], label, label, mark
            )
        )
    return Markup('<span class="wb-marks" role="group">{}</span>').format(Markup("").join(marks))


def _caption(titles: Mapping[str, str], token: str, data: str, absent: int) -> str:
    missing = f" {absent} more claims are about configurations that this study has not." if absent else ""
    others = f" Marks of the last column, in order: {escape('; '.join(titles.values()))}." if len(titles) > 1 else ""
    return (
        "Claims of an earlier notebook, which read them off single runs, tested on all runs that lived, estimated by"
        f" {escape(titles[token])}. Shared compression of a run is its I(X;T) at the epoch at which the mean of the"
        " <em>other</em> runs is largest, minus its last: unlike the largest minus the last, it is 0 on average for a layer that"
        f" only fluctuates. A layer compresses where the 95 % Student t interval over runs lies above {COMPRESSES:g}"
        f" bit, and does not where it lies below; what is in between is undecided. I(T;Y) is lower from {INFORMATION:g} bit,"
        f" accuracy from {100 * ACCURACY:g} point on, paired by seed; a network overfits from a gap of"
        f" {100 * GAP:g} points on. ρ relates the compression of a run, largest minus last, mean over hidden layers, to its"
        " test accuracy, with permutation p, Bonferroni over configurations for the verdict. Rules were fixed before they were"
        f" computed; no correction is made for the number of claims. Bold: above the threshold. Data: {data}.{others}{missing}"
    )


def _alt(decided: Decided, token: str, titles: Mapping[str, str]) -> str:
    texts = [f"{_statement(claim)}: {VERDICTS[_by(evidence, token).holds][1]}" for claim, evidence in decided]
    return f"Table of {len(decided)} claims and what came out by {titles[token]}. {'; '.join(texts)}."


FIGURES = (Figure("plane-claims", draw, "what earlier work claimed", of="site", options=("estimator",)),)
