"""Verdicts that claims of several subjects share, and claims that a site may have nothing to say of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .base import NOTHING, Claim

DESCRIBED = "described"
"""Numbers are given, and nothing is decided."""

SOME = "some"
"""Holds for some of several networks or trainings."""


def optional(claim: Claim) -> Claim:
    """The claim, with the verdict `NOTHING` and no words where its evidence is None."""
    return replace(
        claim,
        verdict=lambda evidence: NOTHING if evidence is None else claim.verdict(evidence),
        wording={**claim.wording, NOTHING: ""},
        brief={**claim.brief, NOTHING: ""} if claim.brief else {},
    )


def description(name: str, statement: str, evidence: Callable[..., Any], words: str) -> Claim:
    """A claim of this project that gives numbers and decides nothing; without words where its evidence is None."""
    claim = Claim(
        name=name,
        statement=statement,
        source="",
        rule="description: numbers are given, nothing is decided",
        evidence=evidence,
        verdict=lambda _: DESCRIBED,
        wording={DESCRIBED: words},
        decides=False,
    )
    return optional(claim)
