"""What figures show around units that were found: inputs, positions, factors, pairs of families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.expanded.input_map import InputMap
from wbsite.ops.expanded.weight_factors import explained_by_count, weight_factors
from wbsite.ops.tuning.orientation import agreement

from ._finding import Found, Unit
from ._survey import Survey

COUNTS = range(1, 7)
"""Numbers of factors whose explained variance is compared."""

SHARES = 5
"""Units listed of a factor."""


@dataclass
class Shown:
    """What a part of the example adds to the result.

    Attributes:
        values: JSON.
        arrays: by name.
        units: those that want a picture, the most wanted first.
        directions: those that want one: name, place, side; their vectors are the arrays direction/NAME.
    """

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    directions: list[dict[str, str]] = field(default_factory=list)

    def direction(self, name: str, wide: InputMap, vector: torch.Tensor) -> None:
        """Asks for a picture of a direction in a wide map."""
        self.arrays[f"direction/{name}"] = vector.float().numpy()
        self.directions.append({"name": name, "place": wide.layer, "side": wide.side})


def strongest(wide: InputMap, kernels: torch.Tensor, count: int) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The strongest channels of a map for one unit's kernels (C, kh, kw), and their kernels.

    Rows: channel of the map, the layer and unit it is (layer "" where it is no one unit), its share of the unit's
    squared weights.
    """
    squares = kernels.double().square().sum((1, 2))
    order = squares.argsort(descending=True, stable=True)[:count].tolist()
    total, names = float(squares.sum()), wide.units
    rows = [
        {"channel": i, "layer": names[i][0], "unit": names[i][1], "share": float(squares[i]) / total if total else 0.0}
        for i in order
    ]
    return rows, kernels[order].numpy()


def units_of(rows: Iterable[Mapping[str, Any]]) -> list[Unit]:
    """The units among rows of `strongest`."""
    return [(row["layer"], row["unit"]) for row in rows if row["layer"] not in ("", "input")]


def centre(survey: Survey, unit: Unit, inputs: int, back: int) -> Shown:
    """A unit of the later level: its strongest inputs, and, one layer further back, its strongest expanded weights.

    These are put into two groups by two non-negative factors of the unit's expanded weights: the one that carries
    more of a channel; "colour" is how colourful each factor's inputs are, on average over their shares. Where nothing
    lies between the unit and the first filters, there is no "back".
    """
    (layer, channel), shown = unit, Shown()
    wide = survey.wide(layer)
    near, shown.arrays["centre_kernels"] = strongest(wide, wide.kernels(layer, [channel])[0], inputs)
    shown.values, shown.units = {"inputs": near}, [unit, *units_of(near)]
    further = _further(survey, layer)
    if further is None:
        return shown
    kernels = further.kernels(layer, [channel])
    factors = weight_factors(kernels, 2)
    rows, shown.arrays["centre_back"] = strongest(further, kernels[0], back)
    size = torch.cat([factors.excitatory, factors.inhibitory]).flatten(0, 2).norm(dim=0)
    carried = factors.inputs * size[:, None]
    for row in rows:
        row["factor"] = int(carried[:, row["channel"]].argmax())
    shown.values |= {
        "back": rows,
        "colour": _property(survey, further, "colour", factors.shares),
        "explained": factors.explained,
        "back_share": sum(row["share"] for row in rows),
        "back_channels": further.channels,
    }
    shown.units += units_of(rows)
    return shown


def _property(survey: Survey, wide: InputMap, prop: str, shares: torch.Tensor) -> list[float | None]:
    """How colourful, or how fine, what each factor (n, channels) of a map reads is, in [−1, 1].

    The mean over its channels, by share, of the cosine of their expanded weights to the first filters with that
    property of theirs; of a first filter, its own in place of it. Over the channels that are one unit; None without.
    """
    found, known, names = torch.zeros(wide.channels).double(), torch.zeros(wide.channels).double(), wide.units
    direction = survey.filters.directions()[prop]
    for layer in {layer for layer, _ in names} - {"", "input"}:
        try:
            own = direction if layer == survey.first else survey.read(layer).along(direction)[:, 0]
        except WbsiteError:  # a branch beside the way from the first filters
            continue
        for channel, (of, unit) in enumerate(names):
            if of == layer:
                found[channel], known[channel] = own[unit], 1
    weight = shares.double() * known
    return [float(row @ found / row.sum()) if row.sum() > 0 else None for row in weight]


def _further(survey: Survey, layer: str) -> InputMap | None:
    """The wide map that the first of the earlier layers on the way to this one reads; None without such layers."""
    tape = survey.wires.tape
    for before in survey.early:
        if tape.path(tape.value(before.name), tape.value(layer)):
            return survey.wide(before.name)
    return None


def positions(survey: Survey, unit: Unit, inputs: int, most: int) -> Shown:
    """For each position of a unit's kernel (of more than `most`, for the strongest), the direction over its inputs."""
    (layer, channel), shown = unit, Shown()
    wide = survey.wide(layer)
    kernel = wide.kernels(layer, [channel])[0]
    norms = kernel.norm(dim=0)
    order = norms.flatten().argsort(descending=True, stable=True)[:most].tolist()
    for place in sorted(order):
        y, x = divmod(place, norms.shape[1])
        shown.direction(f"position-{y}-{x}", wide, kernel[:, y, x])
    rows, kernels = strongest(wide, kernel, inputs)
    shown.arrays |= {"position_norms": norms.numpy(), "position_kernels": kernels}
    shown.values = {"inputs": rows, "bottleneck": list(wide.bottleneck), "channels": wide.channels}
    shown.units = [unit, *units_of(rows)]
    return shown


def bottleneck(survey: Survey, unit: Unit, count: int) -> Shown:
    """A unit's strongest kernels over its bottleneck, and over the wide map before that."""
    (layer, channel), shown = unit, Shown()
    narrow = InputMap(survey.wires, survey.wires.tape.feeds(layer), layer, "input", ())
    wide = survey.wide(layer)
    for name, given in (("direct", narrow), ("across", wide)):
        rows, kernels = strongest(given, given.kernels(layer, [channel])[0], count)
        shown.values[name], shown.arrays[f"bottleneck_{name}"] = rows, kernels
        shown.units += units_of(rows)
    shown.values |= {"layers": list(wide.bottleneck), "channels": narrow.channels, "wide": wide.channels}
    shown.units.insert(0, unit)
    return shown


def factors(survey: Survey, name: str, prop: str, members: Sequence[Unit], count: int, groups: int) -> Shown:
    """Factors of a family of one layer over the wide map before it, against random groups of units of the layer.

    "property": how far each factor's inputs have the property `prop`, on average over their shares; see `_property`.
    """
    layer, channels = members[0][0], [channel for _, channel in members]
    wide, shown = survey.wide(layer), Shown()
    kernels = wide.kernels(layer)
    found = weight_factors(kernels[channels], count)
    rng = np.random.default_rng(0)
    drawn = [sorted(rng.choice(len(kernels), len(channels), replace=False).tolist()) for _ in range(groups)]
    listed = []
    for i in range(count):
        order = found.shares[i].argsort(descending=True, stable=True)[:SHARES].tolist()
        named = [(wide.units[c], float(found.shares[i][c])) for c in order]
        listed.append([{"layer": of, "unit": unit, "share": share} for (of, unit), share in named if share > 0])
        shown.direction(f"{name}-factor-{i}", wide, found.inputs[i])
    shown.arrays |= {f"{name}/excitatory": found.excitatory.numpy(), f"{name}/inhibitory": found.inhibitory.numpy()}
    shown.values = {
        "layer": layer,
        "channels": channels,
        "inputs": wide.channels,
        "explained": found.explained,
        "units": listed,
        "property": [prop, *_property(survey, wide, prop, found.shares)],
        "by_count": list(explained_by_count(kernels[channels], COUNTS).values()),
        "by_count_random": [list(explained_by_count(kernels[group], COUNTS).values()) for group in drawn],
    }
    shown.units = [*members, *(unit for i in range(SHARES) for rows in listed for unit in units_of(rows[i : i + 1]))]
    return shown


def pair(survey: Survey, layer: str) -> Shown:
    """All kernels between a layer and the wide map before it."""
    wide, shown = survey.wide(layer), Shown()
    shown.arrays["pair_kernels"] = wide.kernels(layer).half().numpy()
    shown.values = {"target": layer, "bottleneck": list(wide.bottleneck), "sources": [list(u) for u in wide.units]}
    return shown


def orientations_agree(survey: Survey, targets: Found, sources: Found, shuffles: int = 1000) -> dict[str, float]:
    """Whether lines excite those of their own orientation: `agreement` of two families of the same pair of layers.

    "null": its 95th percentile with the sources' angles dealt out at random.
    """
    layer = targets.members[0][0]
    wide = survey.wide(layer)
    columns = [wide.units.index(unit) for unit in sources.members]
    net = wide.kernels(layer, [channel for _, channel in targets.members])[:, columns].sum((2, 3))
    lines, given = torch.tensor(targets.angles), torch.tensor(sources.angles)
    generator = torch.Generator().manual_seed(0)
    chance = [agreement(net, lines, given[torch.randperm(len(given), generator=generator)]) for _ in range(shuffles)]
    return {"correlation": agreement(net, lines, given), "null": float(torch.tensor(chance).quantile(0.95))}
