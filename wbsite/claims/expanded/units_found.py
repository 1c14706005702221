"""Which of the units that were looked for stand out further than chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import counted
from wbsite.claims.verdicts import SOME, description, optional
from wbsite.results.expanded.examples import Examples, Finding, NothingFound
from wbsite.results.site import Model, Site

from ._network import ARTICLE, example_result, network


@dataclass(frozen=True)
class Chances:
    """Rules with a null, of a network.

    Attributes:
        network: its title.
        beyond: titles of rules that found something beyond chance; rules that found the same by the same score are in
            one list.
        within: the same, of rules that did not.
    """

    network: str
    beyond: list[list[str]]
    within: list[list[str]]

    @property
    def rules(self) -> tuple[int, int]:
        """How many rules found something beyond chance, and how many there are."""
        beyond, within = (sum(map(len, titles)) for titles in (self.beyond, self.within))
        return beyond, beyond + within

    def named(self, titles: list[list[str]]) -> list[str]:
        """What was found, each once."""
        return [
            same[0] if len(same) == 1 else f"{' and '.join(same)} (one finding by {len(same)} rules)" for same in titles
        ]


def evidence(site: Site) -> Chances | None:
    """Of the example network; None where no rule with a null found anything."""
    pair = example_result(site, Examples)
    if pair is None:
        return None
    model, examples = pair
    findings = [finding for finding in examples.findings.values() if isinstance(finding, Finding)]
    beyond, within = (
        _titles(finding for finding in findings if finding.beyond_chance is side) for side in (True, False)
    )
    return Chances(model.title, beyond, within) if beyond or within else None


def _titles(findings: Iterable[Finding]) -> list[list[str]]:
    """Titles of findings, together where two rules found the same units by the same score."""
    titles: dict[tuple[object, ...], list[str]] = {}
    for finding in findings:
        units = [(unit.layer, unit.channel) for unit in finding.units]
        titles.setdefault((*units, finding.score), []).append(finding.title)
    return list(titles.values())


@dataclass(frozen=True)
class Looked:
    """All rules, and where units were looked for by them.

    Attributes:
        model: the network.
        examples: what was found.
    """

    model: Model
    examples: Examples

    @property
    def findings(self) -> list[Finding | NothingFound]:
        """In the order in which readers are told of them."""
        return [self.examples.findings[name] for name in self.examples.order]

    def found(self, finding: Finding) -> list[tuple[str, list[int]]]:
        """Layers with the numbers of the units found, as permalinks have them."""
        layers = dict.fromkeys(unit.layer for unit in finding.units)
        numbers = {layer: self.model.layer(layer).units for layer in layers}
        return [
            (layer, [numbers[layer][unit.channel] for unit in finding.units if unit.layer == layer]) for layer in layers
        ]


def looked(site: Site) -> Looked | None:
    """In the example network."""
    pair = example_result(site, Examples)
    return Looked(*pair) if pair else None


FOUND = (
    "{% for layer, units in e.found(f) %}`{{ layer }}` {% for u in units %}{{ ', ' if not loop.first }}"
    "[{{ u }}]({{ link(e.model, layer) }}#unit-{{ u }}){% endfor %}{{ '; ' if not loop.last }}{% endfor %}"
)
"""Wording: units that a rule found, linked to their places."""


def verdict(e: Chances) -> str:
    """All, some, or none of them."""
    if not e.within:
        return HOLDS
    return SOME if e.beyond else FAILS


LISTED = "{{ e.named(titles) | listing }}"
BEYOND = (
    f"{{% set titles = e.beyond %}}In {{{{ e.network }}}} {{{{ 'this stands' if titles | length == 1 else 'these stand' }}}} out"
    f" further than chance: {LISTED}."
)
WITHIN = (
    f"{{% set titles = e.within %}}{{{{ 'This does' if titles | length == 1 else 'These do' }}}} not: {LISTED}. Figures of"
    " {{ 'it' if titles | length == 1 else 'them' }} illustrate a method and show no finding."
)
NONE = (
    f"{{% set titles = e.within %}}In {{{{ e.network }}}} none stands out further than chance: {LISTED}. Figures of them"
    " illustrate a method and show no finding."
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
            effect=lambda e: counted("share of rules that score beyond chance", e.rules[0], e.rules[1], "rules"),
            wording={HOLDS: BEYOND, SOME: f"{BEYOND} {WITHIN}", FAILS: NONE},
            meaning={SOME: (UNDECIDED, "holds for some rules")},
        )
    ),
    description(
        "rules-and-units",
        "What was looked for in a network, by which rule, and what was found.",
        looked,
        "| looked for | found | score | by chance |\n|---|---|---|---|\n"
        "{% for f in e.findings %}| **{{ f.title }}**: {{ f.rule }} | "
        "{% if f.reason is defined %}{{ f.reason }} | – | –{% else %}"
        + FOUND
        + " | {{ f.score | fixed }} | {{ f.null | fixed }}{{ ' (not above)' if f.beyond_chance is false }}{% endif %}"
        " |\n{% endfor %}",
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
                HOLDS: "This is the network of the original article, and its unit numbers apply.",
                FAILS: "Unit numbers of the original article do not apply: they belong to another network, or another"
                " training, and a number means nothing across trainings.",
            },
            meaning={FAILS: (NOTHING, "another network, or another training")},
        )
    ),
)
