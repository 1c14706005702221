"""Whether lines excite lines of their own direction."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import UNITS, Effect
from wbsite.claims.verdicts import description, optional
from wbsite.results.expanded.examples import Agreement
from wbsite.results.site import Gap, Site

from ._network import example_finding


@dataclass(frozen=True)
class Lines:
    """Two families of lines of which one reads the other.

    Attributes:
        sectors: equal sectors of angles that have a unit.
        layer: of the units that read.
        agreement: of the families.
    """

    sectors: int
    layer: str
    agreement: Agreement


def evidence(site: Site) -> Lines | None:
    """The families of the example network."""
    targets = example_finding(site, "oriented-targets")
    if targets is None or isinstance(targets.examples.finding("oriented-sources"), Gap):
        return None
    agreement = targets.examples.agreement
    assert agreement is not None, "both families were found"
    return Lines(len(targets.finding.units), targets.finding.first.layer, agreement)


def correlation(e: Lines) -> Effect:
    """Of net weight with agreement in angle, against angles in random order."""
    what = "correlation of net weight with agreement in angle"
    return Effect(what, e.agreement.correlation, null=e.agreement.null, count=e.sectors, of=UNITS)


CORRELATION = (
    "If lines excite lines of their own direction, the diagonal of the grid should be red and what lies across it blue."
    " The correlation of net weight with agreement in angle is {{ e.agreement.correlation | share }} over the grid; with"
    " the angles assigned at random it stays below {{ e.agreement.null | share }} in 95 of 100 assignments. "
)

CLAIMS = (
    description(
        "families-of-lines",
        "Lines of all directions are found in two families of which one reads the other.",
        evidence,
        '{{ ref("connection-grid") }} takes lines: from each of {{ e.sectors }} equal sectors of angles the unit of'
        " `{{ e.layer }}` whose weights, expanded to the picture, are most oriented, and the same among the units it reads.",
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
                HOLDS: CORRELATION
                + 'So they do here, as curve detectors were reported to.{{ cite("cammarata2020curve") }}',
                FAILS: CORRELATION + "So for these units it cannot be told from chance.",
            },
        )
    ),
)
