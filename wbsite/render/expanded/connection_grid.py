"""All kernels between two families of units: figure("connection-grid", source_units="1, 2", target_units="4, 5")."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd

from wbsite.core.errors import WbsiteError
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import kernel_img, scale_legend, unit_number
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._example_data import Examples, layers_text, scale_of, weights_table

PIXELS = 76
"""Side of a kernel."""

ON_COLUMN = 7
"""Units that fit beside each other into a column of prose."""

MOST = 12
"""Units of a family that are shown."""

Unit = tuple[str, int]


def draw(scene: Scene) -> Drawing | Gap:
    """Options: source_units, target_units, numbers as permalinks have them; left out, lines of all orientations."""
    examples = Examples.of(scene)
    if isinstance(examples, Gap):
        return examples
    pair = examples.values["shown"].get("pair")
    if pair is None:
        return Gap("no pair of spatial layers in its first third can be read", failed=False)
    layer, units = pair["target"], [(str(of), int(unit)) for of, unit in pair["sources"]]
    picked = {name: scene.options.get(f"{name}_units", "") for name in ("source", "target")}
    count = len(examples.arrays["pair_kernels"])
    chosen: dict[str, list[Unit]] = {}
    for name, among in (("source", units), ("target", [(layer, channel) for channel in range(count)])):
        found = examples.values["found"][f"oriented-{name}s"]
        if picked[name]:
            chosen[name] = _picked(examples, name, picked[name], among)
        elif "reason" in found:
            return Gap(found["reason"], failed=False)
        else:
            chosen[name] = [(unit["layer"], unit["channel"]) for unit in found["units"]]
    columns = [units.index(unit) for unit in chosen["source"]]
    rows = [channel for _, channel in chosen["target"]]
    kernels = examples.arrays["pair_kernels"][rows][:, columns].astype(np.float32)
    scale = scale_of(kernels)
    body = f"{scale_legend(scale)}{_table(examples, chosen, kernels, scale)}"
    data = weights_table(
        ({"target_layer": t[0], "target": t[1], "source_layer": s[0], "source": s[1]}, kernels[i, j])
        for i, t in enumerate(chosen["target"])
        for j, s in enumerate(chosen["source"])
    )
    alt = (
        f"A grid of {kernels.shape[0]} by {kernels.shape[1]} kernels: what each of {kernels.shape[1]} source units does to each of"
        f" {kernels.shape[0]} units of {layer}. The largest weight is {share_text(scale)}."
    )
    width: Literal["column", "wide"] = "column" if kernels.shape[1] < ON_COLUMN else "wide"
    return Drawing(_caption(examples, pair, chosen, picked, kernels), alt, pd.DataFrame(data), body=body, width=width)


def _picked(examples: Examples, name: str, given: Any, among: Sequence[Unit]) -> list[Unit]:
    """The units that an author names by number.

    Raises:
        WbsiteError: no numbers, a number that no unit of the pair has or several have, or too many.
    """
    numbers: dict[str, list[Unit]] = {}
    for layer, channel in among:
        number = channel if not layer or layer == "input" else unit_number(examples.model, layer, channel)
        numbers.setdefault(str(number), []).append((layer, channel))
        numbers.setdefault(f"{layer}/{number}", []).append((layer, channel))
    wanted = [word.strip() for word in str(given).split(",") if word.strip()]
    if not wanted:
        raise WbsiteError(f"{name}_units is {given!r}, which names no units.", "Write numbers separated by commas.")
    if len(wanted) > MOST:
        raise WbsiteError(f"{name}_units names {len(wanted)} units.", f"A grid shows {MOST} at most.")
    for word in wanted:
        if len(numbers.get(word, ())) != 1:
            layers = " and ".join(dict.fromkeys(layer for layer, _ in among))
            said = "is no unit" if word not in numbers else f"is {len(numbers[word])} units"
            raise WbsiteError(
                f"{name}_units: {word!r} {said} of {layers}.",
                "Write numbers as the layers' pages have them, or LAYER/NUMBER, separated by commas.",
            )
    return [numbers[word][0] for word in dict.fromkeys(wanted)]


def _table(examples: Examples, chosen: dict[str, list[Unit]], kernels: np.ndarray, scale: float) -> str:
    head = "".join(f'<th scope="col">{_tile(examples, chosen["source"], i)}</th>' for i in range(kernels.shape[1]))
    lines = []
    for i, target in enumerate(chosen["target"]):
        cells = "".join(
            f"<td>{kernel_img(kernels[i, j], scale, f'From {examples.name(*source)} to {examples.name(*target)}', PIXELS)}</td>"
            for j, source in enumerate(chosen["source"])
        )
        lines.append(f'<tr><th scope="row">{_tile(examples, chosen["target"], i)}</th>{cells}</tr>')
    return (
        '<div class="wb-scroll" tabindex="0"><table class="wb-kernel-grid"><thead><tr><td></td>'
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _tile(examples: Examples, units: Sequence[Unit], i: int) -> str:
    """A unit's tile under which the layer stands only where the number alone does not tell."""
    numbers = [examples.number(*unit) for unit in units]
    return examples.tile(*units[i], PIXELS, numbers[i] if len(set(numbers)) == len(numbers) else "")


def _caption(
    examples: Examples, pair: Any, chosen: dict[str, list[Unit]], picked: dict[str, str], kernels: np.ndarray
) -> str:
    through = " and ".join(f"<code>{escape(name)}</code>" for name in pair["bottleneck"])
    sources = layers_text({"layer": layer} for layer, _ in chosen["source"])
    text = (
        f"Kernels from {kernels.shape[1]} units of {sources} (columns) to {kernels.shape[0]} units of <code>{escape(pair['target'])}</code> (rows) of"
        f" {escape(examples.model.title)}"
        + (f", expanded across the bottleneck {through}" if through else "")
        + ". Red excites, blue inhibits, white is zero; one scale for all."
    )
    if any(picked.values()):
        return text + " Units were chosen by hand."
    agreed, found = examples.values["shown"]["oriented"], examples.values["found"]
    lines = {
        name: ", ".join(f"{unit['angle']:.0f}°" for unit in found[f"oriented-{name}s"]["units"])
        for name in ("source", "target")
    }
    verdict = "more than" if agreed["correlation"] > agreed["null"] else "no more than"
    return (
        f"{text} Both families are found by one rule: in each of equal sectors of angles, the unit whose expanded weights to the"
        " picture are most oriented; orientation is measured on the power"
        f" spectrum, and lines run at {lines['source']} (columns) and {lines['target']} (rows). Over the grid, the sum of a kernel correlates"
        f" {share_text(agreed['correlation'])} with the cosine of twice the difference of angles, {verdict} the {share_text(agreed['null'])} that 95 % of"
        " random deals of angles stay below."
    )


FIGURES = (
    Figure(
        "connection-grid", draw, "kernels between two families of units", of="model",
        options=("source_units", "target_units"),
    ),
)  # fmt: skip
