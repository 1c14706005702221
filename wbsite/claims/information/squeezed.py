"""Whether some layers that lose much tell most about the input before anything is learned."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import Effect
from wbsite.core.naming import STUDY
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.site import Gap, Site

from ._study import read

BITS = 1.0
"""Compression from which on a layer is looked at."""


@dataclass(frozen=True)
class Squeezed:
    """Hidden layers that lose `BITS` or more from the untrained network or the first epoch on.

    Attributes:
        layers: how many.
        losing: hidden layers that lose as much at any time.
        latest: median epoch of the largest I(X;T), the latest of these layers; 0 for the untrained network.
    """

    layers: int
    losing: int
    latest: float


def evidence(site: Site) -> Squeezed | Gap:
    """By the study's first estimator, means over the runs that lived."""
    results = read(site, InformationPlane)
    if isinstance(results, Gap):
        return results
    (plane,) = results
    rows = plane.compression
    rows = rows[(rows["estimator"] == plane.default) & (rows["layer"] != "output")]
    losing = rows[rows["mean"] >= BITS]
    early = losing[losing["peak_epoch"] <= 1]
    return Squeezed(len(early), len(losing), float(early["peak_epoch"].max()) if len(early) else 0.0)


def verdict(evidence: Squeezed) -> str:
    """Whether there are such layers, and since when."""
    return "none" if not evidence.layers else "untrained" if evidence.latest == 0 else "first epoch"


TOLD = (
    "Of {{ e.losing | counted('hidden layer') }} that {{ 'loses' if e.losing == 1 else 'lose' }} a bit or more,"
    " {{ e.layers }} {{ 'tells' if e.layers == 1 else 'tell' }} most about the input *before* training%s"
    "{{ '; the others, later' if e.losing - e.layers > 1 else '; the other, later' if e.losing > e.layers }}."
)

CLAIMS = (
    Claim(
        name="squeezed-at-once",
        statement="Some hidden layers that lose much tell most about the input before training, or at its first epoch.",
        source="",
        of=STUDY,
        rule=(
            f"Holds where a hidden layer has a mean compression of {BITS:g} bit or more, by the study's first"
            " estimator, and its I(X;T) is largest, by the median over runs, in the untrained network or at the first"
            " epoch."
        ),
        evidence=evidence,
        verdict=verdict,
        effect=lambda e: Effect(
            "hidden layers that tell most at the start", e.layers, null=0, count=e.losing, of="that lose as much"
        ),
        wording={"none": "", "untrained": TOLD % "", "first epoch": TOLD % ", or after its first epoch"},
        meaning={
            "none": (FAILS, ""),
            "untrained": (HOLDS, "some do, in the untrained network"),
            "first epoch": (HOLDS, "some do, in the untrained network or at the first epoch"),
        },
    ),
)
