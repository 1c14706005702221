"""What was looked for in a network, by which rule, and what was found: a table."""

from __future__ import annotations

from html import escape

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._example_data import Examples, layers_text

HEADS = ("looked for", "rule", "found", "score", "by chance", "next")


def draw(scene: Scene) -> Drawing | Gap:
    """One line a rule; a rule that found nothing says why."""
    examples = Examples.of(scene)
    if isinstance(examples, Gap):
        return examples
    lines, data, told = [], [], []
    for name, found in ((name, examples.values["found"][name]) for name in examples.values["order"]):
        if "reason" in found:
            lines.append(_line(found["title"], found["rule"], f'<td colspan="4">{escape(found["reason"])}</td>'))
            data.append({"found": name, "rank": None, "reason": found["reason"]})
            continue
        for rank, unit in enumerate(found["units"]):
            number = unit_number(examples.model, unit["layer"], unit["channel"])
            about = {"layer": unit["layer"], "unit": number, "angle": unit.get("angle")}
            data.append({"found": name, "rank": rank + 1, **about, "score": unit["score"], "null": found["null"]})
        tiles = "".join(
            examples.tile(one["layer"], one["channel"], 52, examples.number(one["layer"], one["channel"]))
            for one in found["units"]
        )
        layers = layers_text(found["units"])
        low, high = min(u["score"] for u in found["units"]), max(u["score"] for u in found["units"])
        score = share_text(high) if low == high else f"{share_text(low)} to {share_text(high)}"
        chance = "–" if found["null"] is None else share_text(found["null"])
        if found["null"] is not None and found["score"] <= found["null"]:
            chance += " (not above)"
        after = found["runner_up"]
        second = (
            "–"
            if after is None
            else f"{examples.named(after['layer'], after['channel'])}, {share_text(after['score'])}"
        )
        cells = (
            f'<td>{layers}<div class="wb-found">{tiles}</div></td><td>{score}</td><td>{chance}</td><td>{second}</td>'
        )
        lines.append(_line(found["title"], found["rule"], cells))
        told.append(f"{found['title']}: {examples.name(found['units'][0]['layer'], found['units'][0]['channel'])}")
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = (
        '<div class="wb-scroll" tabindex="0"><table class="wb-found-table"><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
    levels = examples.values["levels"]
    caption = (
        f"What was looked for in {escape(scene.model.title if scene.model else '')}, from the weights alone, and what was found."
        " The rules were fixed before any result was seen. Families are looked for in"
        f" {_listed(levels['early'])}, single units in {_listed(levels['late'])}: two neighbouring levels in the first third of"
        f" {levels['deepest']} levels of spatial convolutions. Scores by properties of filters are cosines; by chance is the 95th percentile"
        " of the best score when the filters' property is dealt to them at random (a family: of its mean score), and for"
        " spatial structure the best score with the positions of every input in random order."
    )
    alt = (
        f"A table of rules and the units they found. {'; '.join(told)}."
        if told
        else "A table of rules that found nothing."
    )
    columns = ["found", "rank", "layer", "unit", "angle", "score", "null", "reason"]
    table = pd.DataFrame(data).reindex(columns=columns).astype({"rank": "Int64", "unit": "Int64"})
    return Drawing(caption, alt, table.round(4), body=body, width="full")


def _line(title: str, rule: str, cells: str) -> str:
    return f'<tr><th scope="row">{escape(title)}</th><td>{escape(rule)}</td>{cells}</tr>'


def _listed(layers: list[str]) -> str:
    return " and ".join(f"<code>{escape(name)}</code>" for name in layers) or "no layer"


FIGURES = (Figure("found-units", draw, "the units that were found", of="model"),)
