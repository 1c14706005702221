"""What a claim is: a statement that depends on results, the rule that decides it, and its words for every outcome.

A file in a subject's folder declares one or a few that belong together:

    @dataclass(frozen=True)
    class Evidence:
        difference: Interval

    def evidence(site: Site) -> Evidence | Gap: ...
    def verdict(evidence: Evidence) -> str: ...

    CLAIMS = (
        Claim(
            name="x-pooling-moves-bands",
            statement="Pooling along x alone turns the bands.",
            source="petrov2021weight",
            place="Figure 8",
            of="banding",
            rule="holds where the 95 % interval over seeds of H(x pooled) − H(baseline) lies below 0, …",
            evidence=evidence,
            verdict=verdict,
            wording={"holds": "Pooling along x turns them: H falls by {{ e.difference | interval }}. …", …},
            effect=lambda e: estimated("change of H", e.difference, e.seeds),
        ),
    )

A rule is fixed before results are seen. Wording is Markdown in which `{{ }}` may name the evidence as `e` and use what
articles may use (`ref`, `cite`, filters); what is decided belongs into the verdict or the evidence, not into the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wbsite.results.site import Gap, Site

from .effect import Effect

HOLDS, FAILS, UNDECIDED, NOTHING = "holds", "fails", "undecided", "nothing"
"""Usual verdicts; the last where a site has nothing that the claim is about, an experiment or a kind of network. A
claim may have others, which its wording names."""

WORDS = {HOLDS: "holds", UNDECIDED: "undecided", FAILS: "does not hold", NOTHING: "not testable here"}
"""Usual verdict → the ledger's word for it."""

NETWORK = "network"
"""What most claims are of: they are decided of every network of a site."""

Meaning = tuple[str, str]
"""A usual verdict, and what qualifies it, in words."""


@dataclass(frozen=True)
class Claim:
    """A statement that depends on results.

    Attributes:
        name: as articles ask for it.
        statement: what is claimed, in one sentence of Markdown.
        source: key of the publication in refs.bib; "" for a claim of this project.
        place: section, paragraph or figure of the source; "" where it is not known.
        of: what is claimed of: NETWORK, and the ledger decides the claim of each network by itself; or the name of a
            suite or study, and it is decided once.
        rule: what decides it, in words: quantity, threshold, uncertainty. Fixed beforehand.
        evidence: reads what the rule needs from a site's results; a Gap where they are not there. It takes the options
            that an article gives, as in `claim("…", model="inceptionv1")`, by name.
        verdict: evidence → a key of `wording`.
        wording: verdict → what an article says then. Every possible verdict has an entry.
        meaning: verdict → one of the usual verdicts and what qualifies it, for verdicts other than the usual. What
            comes out for some of what is claimed, and not for the rest, is undecided.
        effect: evidence → the number that the verdict rests on; None where the evidence has no such number.
        decides: whether anything is decided; False for words that give numbers, which the ledger leaves out.
        brief: verdict → what a summary says, as `claim("…", brief=True)` asks for; empty for a claim in no summary.
    """

    name: str
    statement: str
    source: str
    rule: str
    evidence: Callable[..., Any]
    verdict: Callable[[Any], str]
    wording: Mapping[str, str]
    meaning: Mapping[str, Meaning] = field(default_factory=dict)
    decides: bool = True
    brief: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    of: str = NETWORK
    effect: Callable[[Any], Effect | None] | None = None

    def decide(self, site: Site, **options: Any) -> tuple[str, Any] | Gap:
        """The verdict and the evidence it rests on, or why there is none.

        Raises:
            KeyError: the verdict has no wording: a defect of the claim.
        """
        evidence = self.evidence(site, **options)
        if isinstance(evidence, Gap):
            return evidence
        verdict = self.verdict(evidence)
        if verdict not in self.wording:
            raise KeyError(f"claim {self.name}: the verdict {verdict!r} has no wording.")
        return verdict, evidence

    def put(self, verdict: str) -> Meaning:
        """The usual verdict that a verdict amounts to, and what qualifies it, "" for nothing.

        Raises:
            KeyError: the claim does not say what the verdict means: a defect of the claim.
        """
        if verdict in self.meaning:
            return self.meaning[verdict]
        if verdict not in WORDS:
            raise KeyError(f"claim {self.name}: the verdict {verdict!r} has no meaning.")
        return verdict, ""
