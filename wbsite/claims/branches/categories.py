"""Whether branches hold more units of a category than chance gives, in every network with concatenated branches."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import counted, of_one
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.branches._examples import concatenated, with_branches
from wbsite.results.branches.enrichment import Enrichment
from wbsite.results.site import Gap, Site


@dataclass(frozen=True)
class Network:
    """Pairs of a branch and a category of a network.

    Attributes:
        title: of the network.
        pairs: that were tested.
        enriched: of these, how many hold more units than chance gives.
        compared: of the enriched ones, how many were compared with untrained copies.
        beyond_untrained: of these, how many stand out from the copies.
    """

    title: str
    pairs: int
    enriched: int
    compared: int
    beyond_untrained: int


def networks(site: Site) -> list[Network] | None:
    """Every network with concatenated branches that were tested."""
    tested = []
    for model in with_branches(site, "concat"):
        if enrichment := model.result(Enrichment):
            rows = enrichment.rows
            enriched = rows[(rows["q"] <= 0.05) & (rows["odds_ratio"] > 1)]
            untrained = enriched["untrained_p"].dropna()
            beyond = int((untrained <= 0.05).sum())
            tested.append(Network(model.title, len(rows), len(enriched), len(untrained), beyond))
    return tested or None


def divided(e: list[Network]) -> str:
    """In which networks any branch does."""
    enriched = [network.enriched > 0 for network in e]
    return HOLDS if all(enriched) else SOME if any(enriched) else FAILS


@dataclass(frozen=True)
class Permutations:
    """How often units were permuted in the network that the article shows; None where there is none."""

    count: int | None


def permutations(site: Site) -> Permutations:
    """How often units were permuted."""
    model = concatenated(site)
    enrichment = None if isinstance(model, Gap) else model.result(Enrichment)
    return Permutations(enrichment.permutations if enrichment else None)


SUMS = (
    "{% set pairs = e | sum(attribute='pairs') %}{% set total = e | sum(attribute='enriched') %}"
    "{% set compared = e | sum(attribute='compared') %}{% set beyond = e | sum(attribute='beyond_untrained') %}"
)
TOTAL = (
    f"{SUMS}{{{{ 'In ' ~ e[0].title if e | length == 1 else 'Over ' ~ (e | length | number) ~ ' networks' }}}},"
    " {{ 'only ' if 0 < total < pairs / 10 }}{{ total or 'none' }} of {{ pairs | number }} pairs of a branch and a category"
    " {{ 'holds' if total == 1 else 'hold' }} more units than chance gives"
    "{% if compared == total > 0 %}, and {{ beyond or 'none' }} of them more than {{ term('untrained copies') }} do"
    "{% elif compared %}. Of the {{ compared }} that could be compared with {{ term('untrained copies') }}, {{ beyond or 'none' }}"
    " {{ 'holds' if beyond == 1 else 'hold' }} more than these{% endif %}."
)
WEAK = (
    "{% if 0 < total < pairs / 2 %} Our rule is content with one such pair in a network, so this counts as a division of the"
    " work. Yet most branches hold of most categories what chance gives"
    "{% if 2 * beyond < compared %}, and most of the rest cannot be told from what is there before training{% endif %}."
    "{% endif %}"
)
"""How little the counts say where most pairs show nothing; follows `TOTAL`."""

CLAIMS = (
    optional(
        Claim(
            name="branches-hold-categories",
            statement="Branches divide the work: units of a category gather in one of them.",
            source="voss2021branch",
            place="text that defines branch specialization",
            rule="a branch holds more units of a category than assigning the layer's units at random where q ≤ 0.05"
            " (hypergeometric, Benjamini–Hochberg over all pairs of a branch and a category of the network) and the odds"
            " ratio is above 1; holds where every network with concatenated branches has such a pair",
            evidence=networks,
            verdict=divided,
            effect=of_one(
                lambda n: counted("share of pairs of a branch and a category", n.enriched, n.pairs, "pairs", 0)
            ),
            wording=dict.fromkeys((HOLDS, SOME, FAILS), TOTAL + WEAK),
            brief=dict.fromkeys((HOLDS, SOME, FAILS), TOTAL),
            meaning={SOME: (UNDECIDED, "holds for some of the networks here")},
        )
    ),
    Claim(
        name="permutations-keep-sizes",
        statement="Permutation tests of branches keep the sizes of branches.",
        source="",
        rule="description: how often units are permuted",
        evidence=permutations,
        verdict=lambda e: "uncounted" if e.count is None else "counted",
        wording={
            "counted": "permutation tests assign units to branches at random {{ e.count | number }} times, with as many units in each as it has.",
            "uncounted": "permutation tests assign units to branches at random, with as many units in each as it has.",
        },
        decides=False,
    ),
)
