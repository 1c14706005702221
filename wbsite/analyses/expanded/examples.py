"""The units that an article on weights shows, found by their properties on whatever network was built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import Layer
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.expanded.examples import Examples, Finding, Levels, NothingFound
from wbsite.results.expanded.long_range import LongRange

from ._illustrations import Illustrations
from ._rules import (
    BEHIND_BOTTLENECK,
    CLEAREST,
    ORIENTED_SOURCES,
    ORIENTED_TARGETS,
    PROPERTY_RULES,
    PropertyRule,
    Rule,
    Unit,
    clearest,
    fans,
    find,
)
from ._survey import Survey

FACTORED = {"high-low": "frequency", "black-and-white": "colour"}
"""Families whose weights are factorised → the property of first filters that they differ by."""


def run(context: Context) -> Examples:
    """Units found by stated rules, and what the figures around them show."""
    survey, params = Survey(context.model, context.layers, context.device), context.params
    outcomes = _outcomes(survey, params["family"])
    findings = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Finding)}
    drawn = Illustrations(survey)
    centre = positions = bottleneck = agreement = pair = None
    families = {}
    if unit := _first(findings, "black-and-white-centre"):
        centre = drawn.centre(unit, params["centre_inputs"], params["centre_back"])
    if unit := _first(findings, "example"):
        positions = drawn.positions(unit, params["inputs"], params["positions"])
    for name, prop in FACTORED.items():
        if name in findings:
            families[name] = drawn.family(name, prop, _units(findings[name]), params["factors"], params["groups"])
    if unit := _first(findings, "bottleneck"):
        bottleneck = drawn.bottleneck(unit, params["inputs"])
    if {"oriented-targets", "oriented-sources"} <= findings.keys():
        agreement = drawn.agreement(findings["oriented-targets"], findings["oriented-sources"])
    if positions is not None and (widest := _widest(survey)):
        pair = drawn.pair(widest.name)
    wanted = list(dict.fromkeys(_wanted(findings, drawn.units, context)))
    return Examples(
        levels=Levels(
            deepest=survey.deepest,
            early=[layer.name for layer in survey.early],
            late=[layer.name for layer in survey.late],
        ),
        order=list(outcomes),
        findings=outcomes,
        centre=centre,
        positions=positions,
        families=families,
        bottleneck=bottleneck,
        agreement=agreement,
        pair=pair,
        directions=drawn.directions,
        pictures=_by_layer(wanted[: params["pictures"]]),
        unpictured=max(0, len(wanted) - params["pictures"]),
        excitatory=drawn.excitatory,
        inhibitory=drawn.inhibitory,
        vectors=drawn.vectors,
        rows=_rows(findings),
        **drawn.kernels,
    )


def _outcomes(survey: Survey, count: int) -> dict[str, Finding | NothingFound]:
    """What every rule found, by name; rules on oriented units only where there is a later level."""
    outcomes = {rule.name: _by_property(survey, rule, count) for rule in PROPERTY_RULES}
    late = [layer.name for layer in survey.late]
    outcomes[CLEAREST.name] = _look(
        CLEAREST, lambda: clearest(CLEAREST, survey, late), "no spatial convolution comes after the first"
    )
    outcomes[BEHIND_BOTTLENECK.name] = _look(
        BEHIND_BOTTLENECK,
        lambda: clearest(BEHIND_BOTTLENECK, survey, _behind_bottleneck(survey)),
        "no spatial convolution of it reads through a bottleneck",
    )
    if widest := _widest(survey):
        sources = survey.wide(widest.name).units
        targets = [(widest.name, channel) for channel in range(widest.out_channels)]
        outcomes[ORIENTED_TARGETS.name] = _look(
            ORIENTED_TARGETS, lambda: fans(ORIENTED_TARGETS, survey, targets, count), "no unit of it is oriented"
        )
        outcomes[ORIENTED_SOURCES.name] = _look(
            ORIENTED_SOURCES,
            lambda: fans(ORIENTED_SOURCES, survey, sources, count),
            "no single unit that its later level reads is oriented",
        )
    return outcomes


def _by_property(survey: Survey, rule: PropertyRule, count: int) -> Finding | NothingFound:
    layers = survey.early if rule.family else survey.late
    if not layers:
        reason = "too few spatial convolutions follow its first"
        return NothingFound(title=rule.title, rule=rule.words, reason=reason)
    return _look(
        rule,
        lambda: find(rule, {layer.name: survey.read(layer.name) for layer in layers}, count),
        f"its first filters do not differ in {rule.prop}",
    )


def _look(rule: Rule, search: Callable[[], Finding | None], otherwise: str) -> Finding | NothingFound:
    """What a search finds; its error, or `otherwise`, is the reason why there is nothing."""
    try:
        finding, reason = search(), otherwise
    except WbsiteError as error:
        finding, reason = None, error.message
    return finding or NothingFound(title=rule.title, rule=rule.words, reason=reason)


def _behind_bottleneck(survey: Survey) -> list[str]:
    """The spatial convolutions behind a bottleneck on the level nearest to the later one."""
    behind = [layer.name for layer in survey.spatial if survey.wires.bottleneck(layer.name)]
    late = max((survey.level[layer.name] for layer in survey.late), default=0)
    nearest = min((abs(survey.level[name] - late) for name in behind), default=0)
    return [name for name in behind if abs(survey.level[name] - late) == nearest]


def _widest(survey: Survey) -> Layer | None:
    """The later level's layer with the most units."""
    return max(survey.late, key=lambda layer: layer.out_channels, default=None)


def _units(finding: Finding) -> list[Unit]:
    return [(unit.layer, unit.channel) for unit in finding.units]


def _first(findings: Mapping[str, Finding], rule: str) -> Unit | None:
    return _units(findings[rule])[0] if rule in findings else None


def _wanted(findings: Mapping[str, Finding], surrounding: Sequence[Unit], context: Context) -> Iterator[Unit]:
    """Units that want a picture: those found first, then the other analyses' examples, then what lies around them."""
    for name, finding in findings.items():
        yield from _units(finding) if name in FACTORED else _units(finding)[:1]
    for result in (context.need(Cancellation), context.need(LongRange)):
        for layer, channels in (result.wanted if result else {}).items():
            yield from ((layer, channel) for channel in channels)
    yield from surrounding
    for finding in findings.values():
        yield from _units(finding)


def _by_layer(units: Sequence[Unit]) -> dict[str, list[int]]:
    """Layer → channels, both in order."""
    pictures: dict[str, list[int]] = {}
    for layer, channel in units:
        pictures.setdefault(layer, []).append(channel)
    return {layer: sorted(channels) for layer, channels in sorted(pictures.items())}


def _rows(findings: Mapping[str, Finding]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "found": name,
            "rank": rank,
            **unit.model_dump(),
            "null": finding.null,
            "considered": finding.considered,
        }
        for name, finding in findings.items()
        for rank, unit in enumerate(finding.units, 1)
    ]
    columns = list(Examples.fields["rows"].columns)
    return pd.DataFrame(rows, columns=columns).astype({"null": float, "angle": float})


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=Examples,
        needs=("cancellation", "long_range"),
        params={
            "quick": {
                "family": 6,
                "factors": 2,
                "groups": 5,
                "inputs": 8,
                "centre_inputs": 5,
                "centre_back": 18,
                "positions": 25,
                "pictures": 150,
            }
        },
    ),
)
