"""All kernels between two families of units: figure("connection-grid", source_units="1, 2", target_units="4, 5")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, scale_legend
from wbsite.render.text import percent_text, share_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.expanded.examples import Finding, LayerPair
from wbsite.results.site import Gap

from ._example_scene import ExampleScene, codes, layers_text, scale_of, weights_table

ON_COLUMN = 7
"""Units that fit beside each other into a column of prose."""

MOST = 12
"""Units of a family that are shown."""

Unit = tuple[str, int]


def draw(scene: Scene) -> Drawing | Gap:
    """Options: source_units, target_units, numbers as permalinks have them; left out, lines of all orientations."""
    examples = ExampleScene.of(scene)
    if isinstance(examples, Gap):
        return examples
    pair, pair_kernels = examples.result.pair, examples.result.pair_kernels
    if pair is None or pair_kernels is None:
        return Gap("no pair of spatial layers in its first third can be read", failed=False)
    families = {"source": pair.sources, "target": [(pair.target, channel) for channel in range(len(pair_kernels))]}
    chosen: dict[str, list[Unit]] = {}
    for side, among in families.items():
        if numbers := scene.options.get(f"{side}_units", ""):
            chosen[side] = _picked(examples, side, numbers, among)
            continue
        finding = examples.result.finding(f"oriented-{side}s")
        if isinstance(finding, Gap):
            return finding
        chosen[side] = [(unit.layer, unit.channel) for unit in finding.units]
    columns = [pair.sources.index(unit) for unit in chosen["source"]]
    rows = [channel for _, channel in chosen["target"]]
    kernels = pair_kernels[rows][:, columns].astype(np.float32)
    return grid(
        examples,
        chosen,
        kernels,
        finding=_finding(examples, kernels),
        caption=_caption(examples, pair, chosen),
        method=_method(examples, pair),
    )


def grid(
    examples: ExampleScene, chosen: dict[str, list[Unit]], kernels: np.ndarray, finding: str, caption: str, method: str
) -> Drawing:
    """Kernels (target, source, row, column) as a table: a row a unit that reads, a column a unit that is read."""
    scale = scale_of(kernels)
    body = html("{}{}", scale_legend(scale), _table(examples, chosen, kernels, scale))
    data = weights_table(
        ({"target_layer": t[0], "target": t[1], "source_layer": s[0], "source": s[1]}, kernels[i, j])
        for i, t in enumerate(chosen["target"])
        for j, s in enumerate(chosen["source"])
    )
    alt = (
        f"A grid of {kernels.shape[0]} by {kernels.shape[1]} kernels: what each of {kernels.shape[1]} source units does to each of"
        f" {kernels.shape[0]} units of {chosen['target'][0][0]}. The largest weight is {share_text(scale)}."
    )
    width: Literal["column", "wide"] = "column" if kernels.shape[1] < ON_COLUMN else "wide"
    return Drawing(caption, alt, pd.DataFrame(data), body=body, width=width, finding=finding, method=method)


def _picked(examples: ExampleScene, side: str, option: Any, among: Sequence[Unit]) -> list[Unit]:
    """The units that an author names by number.

    Raises:
        WbsiteError: no numbers, a number that no unit of the pair has or several have, or too many.
    """
    numbers: dict[str, list[Unit]] = {}
    for layer, channel in among:
        number = examples.number(layer, channel)
        numbers.setdefault(number, []).append((layer, channel))
        numbers.setdefault(f"{layer}/{number}", []).append((layer, channel))
    wanted = [word.strip() for word in str(option).split(",") if word.strip()]
    if not wanted:
        raise WbsiteError(f"{side}_units is {option!r}, which names no units.", "Write numbers separated by commas.")
    if len(wanted) > MOST:
        raise WbsiteError(f"{side}_units names {len(wanted)} units.", f"A grid shows {MOST} at most.")
    for word in wanted:
        if len(numbers.get(word, ())) != 1:
            layers = " and ".join(dict.fromkeys(layer for layer, _ in among))
            problem = "is no unit" if word not in numbers else f"is {len(numbers[word])} units"
            raise WbsiteError(
                f"{side}_units: {word!r} {problem} of {layers}.",
                "Write numbers as the layers' pages have them, or LAYER/NUMBER, separated by commas.",
            )
    return [numbers[word][0] for word in dict.fromkeys(wanted)]


def _table(examples: ExampleScene, chosen: dict[str, list[Unit]], kernels: np.ndarray, scale: float) -> Markup:
    """Kernels are named by units alone: heads of rows and columns have the layers."""
    head = joined(html('<th scope="col">{}</th>', tile) for tile in _tiles(examples, chosen["source"]))
    sources, targets = (
        [examples.name(*unit).removesuffix(f" of {unit[0]}") for unit in chosen[side]] for side in ("source", "target")
    )
    lines = []
    for i, (target, tile) in enumerate(zip(targets, _tiles(examples, chosen["target"]), strict=True)):
        cells = joined(
            (
                html("<td>{}</td>", kernel_img(kernels[i, j], scale, f"From {source} to {target}"))
                for j, source in enumerate(sources)
            )
        )
        lines.append(html('<tr><th scope="row">{}</th>{}</tr>', tile, cells))
    return html(
        '<div class="wb-scroll" tabindex="0"><table class="wb-kernel-grid"><thead><tr><td></td>'
        "{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        joined(lines),
    )


def _tiles(examples: ExampleScene, units: Sequence[Unit]) -> list[str]:
    """Units' tiles, under which the layer stands only where the number alone does not tell."""
    numbers = [examples.number(*unit) for unit in units]
    distinct = len(set(numbers)) == len(numbers)
    return [examples.tile(*unit, number if distinct else "") for unit, number in zip(units, numbers, strict=True)]


def _finding(examples: ExampleScene, kernels: np.ndarray) -> str:
    """Whether lines excite lines of their own direction; of units chosen by hand, how many kernels excite."""
    agreement = examples.result.agreement
    if any(examples.scene.options.values()) or agreement is None:
        sums = kernels.sum((2, 3))
        return f"{int((sums > 0).sum())} of {sums.size} kernels excite on the whole, the others inhibit."
    share = percent_text(agreement.correlation**2)
    if agreement.beyond_chance:
        return f"Lines tend to excite lines of their own direction, which explains {share} of the differences between kernels."
    return f"That lines excite lines of their own direction cannot be told from chance: it explains {share} of the differences."


def _caption(examples: ExampleScene, pair: LayerPair, chosen: dict[str, list[Unit]]) -> Markup:
    sources = layers_text(layer for layer, _ in chosen["source"])
    order = "" if any(examples.scene.options.values()) else ", both in order of angle"
    return html(
        "What units of {} (columns) do to units of {} (rows) of {}{}. Red excites, blue inhibits, white is zero.",
        sources,
        codes([pair.target]),
        examples.model.title,
        order,
    )


def _method(examples: ExampleScene, pair: LayerPair) -> Markup:
    text = "One scale holds for all kernels."
    if pair.bottleneck:
        text += html(" They are expanded weights across the bottleneck {}.", codes(pair.bottleneck))
    if any(examples.scene.options.values()):
        return html("{} Units were chosen by hand.", text)
    agreement = examples.result.agreement
    assert agreement is not None, "both families were found"
    source_lines, target_lines = (_lines(examples.result.finding(f"oriented-{side}s")) for side in ("source", "target"))
    verdict = "more than" if agreement.beyond_chance else "no more than"
    return html(
        "{} Both families are found by one rule: in each of equal ranges of angles, the unit whose expanded weights to the"
        " picture are most oriented. Orientation is measured on the power spectrum, which does not tell lines from curves;"
        " lines run at {} (columns) and {} (rows). Over the grid, the sum of a kernel correlates"
        " {} with the cosine of twice the difference of angles, {} the {} that 95 % of"
        " random assignments of angles stay below. What it explains is the square of that correlation.",
        text,
        source_lines,
        target_lines,
        share_text(agreement.correlation),
        verdict,
        share_text(agreement.null),
    )


def _lines(finding: Finding | Gap) -> str:
    """The angles of an oriented family."""
    return "" if isinstance(finding, Gap) else ", ".join(f"{unit.angle:.0f}°" for unit in finding.units)


FIGURES = (
    Figure(
        "connection-grid", draw, "kernels between two families of units", of="model", example=example_network,
        options=("source_units", "target_units"),
    ),
)  # fmt: skip
