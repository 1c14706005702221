"""What was looked for in a network, by which rule, and what was found: a table."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.text import share_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Finding, NothingFound
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, codes, layers_text

HEADS = ("looked for", "rule", "found", "score", "by chance", "next")


def draw(scene: Scene) -> Drawing | Gap:
    """One line a rule; a rule that found nothing says why."""
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    lines: list[str] = []
    data: list[dict[str, Any]] = []
    firsts = []
    for name in examples.result.order:
        finding = examples.result.findings[name]
        if isinstance(finding, NothingFound):
            lines.append(_line(finding.title, finding.rule, f'<td colspan="4">{escape(finding.reason)}</td>'))
            data.append({"found": name, "rank": None, "reason": finding.reason})
            continue
        for rank, unit in enumerate(finding.units, 1):
            number = unit_number(examples.model, unit.layer, unit.channel)
            about = {"found": name, "rank": rank, "layer": unit.layer, "unit": number, "angle": unit.angle}
            data.append({**about, "score": unit.score, "null": finding.null})
        lines.append(_line(finding.title, finding.rule, _cells(examples, finding)))
        firsts.append(f"{finding.title}: {examples.name(finding.first.layer, finding.first.channel)}")
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = (
        '<div class="wb-scroll" tabindex="0"><table class="wb-found-table"><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
    levels = examples.result.levels
    caption = (
        f"What was looked for in {escape(examples.model.title)}, from the weights alone, and what was found."
        " The rules were fixed before any result was seen. Families are looked for in"
        f" {codes(levels.early) or 'no layer'}, single units in {codes(levels.late) or 'no layer'}: two neighbouring levels in the first third of"
        f" {levels.deepest} levels of spatial convolutions. Scores by properties of filters are cosines; by chance is the 95th percentile"
        " of the best score when the filters' property is assigned to them at random (a family: of its mean score), and for"
        " spatial structure the best score with the positions of every input in random order."
    )
    alt = (
        f"A table of rules and the units they found. {'; '.join(firsts)}."
        if firsts
        else "A table of rules that found nothing."
    )
    columns = ["found", "rank", "layer", "unit", "angle", "score", "null", "reason"]
    table = pd.DataFrame(data).reindex(columns=columns).astype({"rank": "Int64", "unit": "Int64"})
    return Drawing(caption, alt, table.round(4), body=body, width="full")


def _cells(examples: ExampleScene, finding: Finding) -> str:
    """The units that a rule found, their scores, chance, and who came next."""
    tiles = "".join(
        examples.tile(unit.layer, unit.channel, 52, examples.number(unit.layer, unit.channel)) for unit in finding.units
    )
    scores = [unit.score for unit in finding.units]
    low, high = min(scores), max(scores)
    score = share_text(high) if low == high else f"{share_text(low)} to {share_text(high)}"
    chance = "–" if finding.null is None else share_text(finding.null)
    if finding.beyond_chance is False:
        chance += " (not above)"
    second = examples.scored(finding.runner_up, ", ") if finding.runner_up else "–"
    layers = layers_text(unit.layer for unit in finding.units)
    return f'<td>{layers}<div class="wb-found">{tiles}</div></td><td>{score}</td><td>{chance}</td><td>{second}</td>'


def _line(title: str, rule: str, cells: str) -> str:
    return f'<tr><th scope="row">{escape(title)}</th><td>{escape(rule)}</td>{cells}</tr>'


FIGURES = (Figure("found-units", draw, "the units that were found", of="model", example=example_network),)
