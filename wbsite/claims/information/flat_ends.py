"""Whether functions that are flat on both sides compress, and others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import Effect
from wbsite.core.naming import STUDY
from wbsite.results.information.activation_patterns import ActivationPatterns
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.plane_claims import PlaneClaims
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import read, table
from .base import COMPRESSES

USUAL = ("tanh", "relu")
FEWEST = 3
"""Activation functions besides the usual ones, below which nothing is said."""


class Function(NamedTuple):
    """An activation function, and the shared compression of the last hidden layer with weights free, in bits."""

    activation: str
    mean: float
    low: float
    high: float

    @property
    def compresses(self) -> bool:
        """With its whole interval."""
        return self.low > COMPRESSES


@dataclass(frozen=True)
class Evidence:
    """Functions by whether they are flat on both sides, those that compress most first.

    Attributes:
        estimator: title of the study's first.
        flat: on both sides.
        other: on one side or nowhere.
        unusual: functions besides the usual ones.
    """

    estimator: str
    flat: list[Function]
    other: list[Function]
    unusual: int

    @property
    def threshold(self) -> float:
        """Bits."""
        return COMPRESSES

    @property
    def functions(self) -> list[Function]:
        """All of them."""
        return [*self.flat, *self.other]

    @property
    def flat_compressing(self) -> int:
        """Functions flat on both sides that compress."""
        return sum(each.compresses for each in self.flat)

    @property
    def other_compressing(self) -> int:
        """Other functions that compress."""
        return sum(each.compresses for each in self.other)


def evidence(site: Site) -> Evidence | Gap:
    """Of a site's study."""
    results, more = read(site, Trajectories, InformationPlane), read(site, ActivationPatterns, PlaneClaims)
    if isinstance(results, Gap):
        return results
    if isinstance(more, Gap):
        return more
    (trajectories, plane), (patterns, claims) = results, more
    rows = claims.rows
    rows = rows[(rows["quantity"] == "compression") & (rows["estimator"] == plane.default)].dropna(subset=["mean"])
    free = [each for each in trajectories.configurations if each.max_norm is None]
    flat: list[Function] = []
    other: list[Function] = []
    for configuration in free:
        last = rows[(rows["configuration"] == configuration.name) & (rows["layer"] == configuration.hidden[-1])]
        kind = flat if len(patterns.flat_ends[configuration.name]) == 2 else other
        kind += [Function(configuration.activation, row.mean, row.low, row.high) for row in last.itertuples()]
    unusual = sum(each.activation not in USUAL for each in free)
    return Evidence(plane.titles[plane.default], _ranked(flat), _ranked(other), unusual)


def _ranked(functions: Sequence[Function]) -> list[Function]:
    return sorted(functions, key=lambda each: each.mean, reverse=True)


def verdict(evidence: Evidence) -> str:
    """Whether all of the one kind compress and none of the other, or more of the one."""
    if evidence.unusual < FEWEST:
        return "too few functions"
    flat, other = evidence.flat_compressing, evidence.other_compressing
    if flat == len(evidence.flat) and other == 0:
        return HOLDS
    more = flat / (len(evidence.flat) or 1) > other / (len(evidence.other) or 1)
    return "tendency" if more else FAILS


def compressing(e: Evidence) -> Effect | None:
    """The share of functions flat on both sides that compress, against that of the others."""
    if not e.flat or not e.other:
        return None
    what = "share of functions flat on both sides that compress, against that of others"
    others = e.other_compressing / len(e.other)
    return Effect(what, e.flat_compressing / len(e.flat), null=others, count=len(e.flat + e.other), of="functions")


COUNTS = (
    "{{ e.flat_compressing }} of {{ e.flat | length }} functions that are flat on both sides compress, and"
    " {{ e.other_compressing }} of {{ e.other | length }} others."
)

TABLE = table(
    "Compression of the last hidden layer with weights free, in bits by {{ e.estimator }}, by the measure that"
    " fluctuations do not raise.",
    ("Function", "Flat on both sides", "Compression"),
    "e.functions",
    ("{{ 'yes' if n in e.flat else 'no' }}", "{{ n | interval }}"),
    "{{ n.activation }}",
)


def _section(outcome: str) -> str:
    """A section of its own, which a study without such functions does not have."""
    return (
        "## Other activation functions\n\nIf saturation on both sides is what compresses, functions that are flat on both"
        f" sides should compress, and others should not. {outcome}\n\n{TABLE}"
    )


CLAIMS = (
    Claim(
        name="flat-ends-compress",
        statement="Activation functions that are flat on both sides compress, and others do not.",
        source="saxe2018information",
        place="abstract",
        of=STUDY,
        rule=(
            "Of the last hidden layer with weights free: a function compresses where the 95 % Student t interval of"
            f" shared compression lies above {COMPRESSES:g} bit. Holds where all functions flat on both sides do and"
            " no other; a tendency where a larger share of the first than of the others; fails otherwise. Not asked"
            f" where fewer than {FEWEST} functions besides {' and '.join(USUAL)} were trained."
        ),
        evidence=evidence,
        verdict=verdict,
        effect=compressing,
        wording={
            HOLDS: _section("The rule holds for all of them."),
            "tendency": _section(f"The rule holds as a tendency, with exceptions: {COUNTS}"),
            FAILS: _section(f"The rule does not hold: {COUNTS}"),
            "too few functions": "",
        },
        meaning={
            "tendency": (UNDECIDED, "a tendency, with exceptions"),
            "too few functions": (NOTHING, "too few activation functions were trained"),
        },
    ),
)
