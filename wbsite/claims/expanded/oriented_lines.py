"""Whether lines excite lines of their own direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import UNITS, Effect
from wbsite.claims.verdicts import description, optional
from wbsite.results.expanded.examples import Agreement, Examples, Finding
from wbsite.results.site import Gap, Site

from ._network import example_finding


@dataclass(frozen=True)
class Lines:
    """Two families of lines of which one reads the other.

    Attributes:
        network: its title.
        sectors: equal sectors of angles that have a unit.
        layer: of the units that read.
        agreement: of the families.
        excited: of the units that read, those that the line nearest in angle excites on the whole.
    """

    network: str
    sectors: int
    layer: str
    agreement: Agreement
    excited: int

    @property
    def share(self) -> float:
        """Of the variance of net weights over the grid that agreement in angle explains."""
        return self.agreement.correlation**2


def evidence(site: Site) -> Lines | None:
    """The families of the example network."""
    found = example_finding(site, "oriented-targets")
    if found is None:
        return None
    examples, targets = found.examples, found.finding
    sources = examples.finding("oriented-sources")
    if isinstance(sources, Gap):
        return None
    assert examples.agreement is not None, "both families were found"
    excited = sum(own > 0 for own in nearest_sums(examples, targets, sources))
    return Lines(found.model.title, len(targets.units), targets.first.layer, examples.agreement, excited)


def nearest_sums(examples: Examples, targets: Finding, sources: Finding) -> list[float]:
    """Of every target, the sum of the weights from the source whose line is nearest to it in angle."""
    assert examples.pair is not None and examples.pair_kernels is not None, "families are of a pair of layers"
    columns = [examples.pair.sources.index((unit.layer, unit.channel)) for unit in sources.units]
    rows = [unit.channel for unit in targets.units]
    sums = examples.pair_kernels[rows][:, columns].astype(float).sum((2, 3))
    angles = (np.deg2rad([unit.angle or 0.0 for unit in family.units]) for family in (targets, sources))
    nearest = np.cos(2 * np.subtract.outer(*angles)).argmax(1)
    return [float(line[place]) for line, place in zip(sums, nearest, strict=True)]


def correlation(e: Lines) -> Effect:
    """Of net weight with agreement in angle, against angles in random order."""
    what = "correlation of net weight with agreement in angle"
    return Effect(what, e.agreement.correlation, null=e.agreement.null, count=e.sectors, of=UNITS)


EXPECTED = (
    'Curve detectors were reported to excite those of their own direction.{{ cite("cammarata2020curve") }} If lines do, the'
    " kernels on the diagonal are red and those between crossing lines blue. "
)
MEASURED = (
    "direction accounts for {{ e.share | percent }} of the variance between kernels, and {{ e.excited }} of"
    " {{ e.sectors }} lines are excited, on the whole, by the one nearest in direction."
)

CLAIMS = (
    description(
        "families-of-lines",
        "Lines of all directions are found in two families of which one reads the other.",
        evidence,
        '{{ ref("connection-grid") }} shows what comes nearest: oriented units of `{{ e.layer }}`, one for each of'
        " {{ e.sectors }} equal ranges of angles, and oriented units among those they read.",
    ),
    optional(
        Claim(
            name="lines-excite-lines",
            statement="Lines excite lines of their own direction, as curve detectors do curves.",
            source="cammarata2020curve",
            rule="correlation, over pairs of oriented units of two families, of net weight with the cosine of twice the"
            " difference of angles; holds where it exceeds the 95th percentile of the same with the sources' angles in"
            " random order, 1000 times.",
            evidence=evidence,
            verdict=lambda e: HOLDS if e.agreement.beyond_chance else FAILS,
            effect=correlation,
            wording={
                HOLDS: EXPECTED
                + "Over the whole grid of {{ e.network }} they tend to, more than in 95 of 100 random assignments of angles: "
                + MEASURED,
                FAILS: EXPECTED + "In {{ e.network }} that cannot be told from chance: " + MEASURED,
            },
        )
    ),
)
