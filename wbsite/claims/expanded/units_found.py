"""Which of the units that were looked for stand out further than chance."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import counted
from wbsite.claims.verdicts import SOME, optional
from wbsite.results.expanded.examples import Examples, Finding
from wbsite.results.site import Site

from ._network import ARTICLE, example_result, network


@dataclass(frozen=True)
class Chances:
    """Rules with a null, of a network.

    Attributes:
        network: its title.
        beyond: what was found beyond chance.
        within: what was not.
    """

    network: str
    beyond: list[str]
    within: list[str]


def evidence(site: Site) -> Chances | None:
    """Of the example network; None where no rule with a null found anything."""
    pair = example_result(site, Examples)
    if pair is None:
        return None
    model, examples = pair
    findings = [finding for finding in examples.findings.values() if isinstance(finding, Finding)]
    beyond = [finding.title for finding in findings if finding.beyond_chance]
    within = [finding.title for finding in findings if finding.beyond_chance is False]
    return Chances(model.title, beyond, within) if beyond or within else None


def verdict(e: Chances) -> str:
    """All, some, or none of them."""
    if not e.within:
        return HOLDS
    return SOME if e.beyond else FAILS


BEYOND = '- **Beyond chance in {{ e.network }}:** {{ e.beyond | join(", ") }}.\n'
WITHIN = (
    '- **Not beyond chance in {{ e.network }}:** {{ e.within | join(", ") }}. Their figures illustrate a method and show no'
    " finding.\n"
)

CLAIMS = (
    optional(
        Claim(
            name="units-beyond-chance",
            statement="The units that rules find stand out further than chance.",
            source="",
            rule="of every rule with a null, the score against what the same rule gives where there is nothing to find; holds"
            " where all rules that found a unit score higher.",
            evidence=evidence,
            verdict=verdict,
            effect=lambda e: counted(
                "share of rules that score beyond chance", len(e.beyond), len(e.beyond + e.within), "rules"
            ),
            wording={HOLDS: BEYOND, SOME: BEYOND + WITHIN, FAILS: WITHIN},
            meaning={SOME: (UNDECIDED, "holds for some rules")},
        )
    ),
    optional(
        Claim(
            name="unit-numbers",
            statement="Unit numbers of the original article apply to the network that is shown.",
            source=ARTICLE,
            place="figures that give numbers of units, as 9 to 13",
            rule="holds where the network is InceptionV1 with the weights that the article looked at.",
            evidence=network,
            verdict=lambda e: (
                HOLDS if (e.architecture.name, e.architecture.weights) == ("inceptionv1", "5h") else FAILS
            ),
            wording={
                HOLDS: "This is the network of the original article, whose unit numbers apply.",
                FAILS: "Unit numbers of the original article do not apply: they belong to another network, or another"
                " training, and a number means nothing across trainings.",
            },
            meaning={FAILS: (NOTHING, "another network, or another training")},
        )
    ),
)
