"""The network that claims about expanded weights are decided on, and what it has of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from wbsite.claims.effect import UNITS, Effect
from wbsite.results.base import Result
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Examples, Finding
from wbsite.results.site import Gap, Model, Site

R = TypeVar("R", bound=Result)

ARTICLE = "voss2021visualizing"
"""Visualizing Weights."""

UNIT = "[`{{ e.finding.first.layer }}` {{ e.number }}]({{ link(e.model, e.finding.first.layer) }}#unit-{{ e.number }})"
"""Wording: the first unit that a rule found, linked to its place."""


def called(finding: Finding) -> str:
    """What units that a rule found are to be called: what was looked for, or, where they fit it no better than chance
    allows, the units nearest to it."""
    if finding.beyond_chance is not False:
        return finding.title
    return f"the {'unit' if len(finding.units) == 1 else 'units'} nearest to {finding.title}"


@dataclass(frozen=True)
class ExampleFinding:
    """What a rule found in the example network.

    Attributes:
        model: the network.
        examples: all that was looked for.
        finding: of this rule.
    """

    model: Model
    examples: Examples
    finding: Finding

    @property
    def number(self) -> int:
        """Of the first unit, as its permalink has it."""
        unit = self.finding.first
        return self.model.layer(unit.layer).units[unit.channel]


def network(site: Site) -> Model | None:
    """The example network."""
    model = example_network(site)
    return None if isinstance(model, Gap) else model


def example_finding(site: Site, rule: str) -> ExampleFinding | None:
    """What a rule found in the example network; None where it found nothing, or there is no such network."""
    pair = example_result(site, Examples)
    finding = pair[1].finding(rule) if pair else None
    return ExampleFinding(*pair, finding) if pair and isinstance(finding, Finding) else None


def example_result(site: Site, analysis: type[R]) -> tuple[Model, R] | None:
    """The example network and its result of an analysis; None without either."""
    model = network(site)
    result = model.result(analysis) if model else None
    return (model, result) if model and result is not None else None


def by_network(site: Site, analysis: type[R]) -> list[tuple[Model, R]]:
    """Every network that has a result of an analysis, with the result."""
    return [(model, result) for model in site.working if (result := model.result(analysis)) is not None]


def score(e: ExampleFinding) -> Effect:
    """The score of the best units, against what the rule gives where there is nothing to find."""
    return Effect("score of the rule", e.finding.score, null=e.finding.null, count=e.finding.considered, of=UNITS)
