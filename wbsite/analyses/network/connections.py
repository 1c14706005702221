"""The strongest connections of every unit: inputs, outputs, and inputs across a bottleneck by expanded weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Result
from wbsite.graph.channel_map import Wiring
from wbsite.graph.channel_origin import Span
from wbsite.graph.layers import Layer
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.weights import path_products

Arrays = dict[str, np.ndarray]

COLUMNS = ["unit", "kind", "rank", "other", "channel", "norm", "positive", "negative", "cancellation"]


def applies(layer: Layer) -> str:
    """Convolutions."""
    return "" if layer.kind == "conv" else "connections are listed unit by unit for convolutions only"


@lru_cache(maxsize=1)  # the layers of a model follow one another
def wiring(module: nn.Module, input_shape: tuple[int, int, int], layers: tuple[str, ...]) -> Wiring:
    """What feeds what in the network."""
    return Wiring(Recorded.of(module, input_shape), layers)


def run(context: Context) -> Result:
    """The `count` strongest connections of every unit, strongest first, by the norm of the kernel over space.

    Arrays, of N units and their K inputs (all of the layer's, or the group's, where there are fewer than `count`):

    - input_channel (N, K), channel of the map the layer reads; input_kernel (N, K, kh, kw); input_share (N,), their
      share of the sum of the unit's squared weights;
    - across a bottleneck, across_channel (N, K), channel of the map behind it; across_kernel (N, K, kh, kw), the
      expanded weights; across_positive, across_negative, across_cancellation (N, K), sums over paths and positions;
      across_share (N,); and, without a share, the same as cancelled_… (N, up to `cancelled`), −1 where there are no
      more: inputs not among the K, though their paths' absolute products sum to one of the unit's K largest sums,
      because more than `threshold` of it cancels;
    - output_reader (N, K), place in values["readers"], −1 where there are no more; output_channel (N, K), unit of the
      reader; output_kernel (N, K, length of the longest kernel), flattened, zeros after its end.

    Table rows: one a connection. `unit` is numbered as on the unit's page, `channel` is the unit of `other` from 0;
    positive and negative are sums of the kernel's weights (across a bottleneck, of the paths' products).
    """
    layer, params = context.layer, context.params
    assert layer is not None
    wires = wiring(context.model.module, context.layers.input_shape, context.layers.names)
    inputs = wires.inputs[layer.name]
    arrays, readers = _inputs(wires.kernels(layer.name), layer.groups, params["count"]), _readers(context, wires)
    arrays |= _outputs(wires, layer, [name for name, _ in readers], params["count"])
    bottleneck, across = _across(context, wires)
    arrays |= across
    values = {
        "count": params["count"],
        "threshold": params["threshold"],
        "inputs": [_plain(span) for span in inputs],
        "readers": [{"layer": name, "kernel": list(kernel)} for name, kernel in readers],
        "bottleneck": bottleneck,
    }
    first = context.model.spec.blocks.get(layer.name, ("", 0))[1]
    parts = [_input_rows("input", arrays, inputs)]
    if across:
        source = [Span(tuple(span["layers"]), span["first"], span["units"]) for span in bottleneck["inputs"]]
        parts += [_input_rows(kind, arrays, source) for kind in ("across", "cancelled")]
    parts.append(_output_rows(arrays, readers))
    rows = pd.concat(parts, ignore_index=True).sort_values("unit", kind="stable", ignore_index=True)
    return Result(values, arrays, {"rows": rows.assign(unit=rows["unit"] + first)[COLUMNS]})


def strongest(norm: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, C) → the largest of every row and their columns, (N, at most `count`) each; of equals, the first column."""
    ranked = norm.sort(dim=1, descending=True, stable=True)
    return ranked.values[:, :count], ranked.indices[:, :count]


def _inputs(weight: torch.Tensor, groups: int, count: int) -> Arrays:
    """Of a weight (O, I / groups, kh, kw)."""
    squares = weight.square().sum((2, 3))
    kept, index = strongest(squares, count)
    units = torch.arange(len(weight))
    group = (units // (len(weight) // groups) * weight.shape[1])[:, None]
    return {
        "input_channel": (group + index).int().numpy(),
        "input_kernel": weight[units[:, None], index].numpy(),
        "input_share": _share(kept, squares),
    }


def _share(kept: torch.Tensor, squares: torch.Tensor) -> np.ndarray:
    return (kept.sum(1) / squares.sum(1).clamp_min(torch.finfo(squares.dtype).tiny)).numpy()


def _across(context: Context, wires: Wiring) -> tuple[Any, Arrays]:
    """The same across the bottleneck, and what is known of it: None without one; with a reason where it fails."""
    assert context.layer is not None
    found = wires.bottleneck(context.layer.name)
    if found is None:
        return None, {}
    about: dict[str, Any] = {"layers": list(found.layers), "source": found.source}
    try:
        paths = path_products(wires.recorded, found.source, context.layer.name)
    except WbsiteError as error:
        return {**about, "reason": error.message}, {}
    net, magnitude = paths.net.float().cpu(), paths.magnitude.float().cpu().sum((2, 3))
    cancellation, count = paths.cancellation.float().cpu(), context.params["count"]
    squares = net.square().sum((2, 3))
    kept, index = strongest(squares, count)
    large = torch.zeros_like(squares, dtype=torch.bool).scatter_(1, strongest(magnitude, count)[1], True)
    listed = torch.zeros_like(large).scatter_(1, index, True)
    hidden = large & ~listed & (cancellation > context.params["threshold"])
    sizes, other = strongest(torch.where(hidden, magnitude, -1), context.params["cancelled"])
    arrays = {"across_share": _share(kept, squares)}
    rows = torch.arange(len(net))[:, None]
    for name, chosen, real in (("across", index, kept >= 0), ("cancelled", other, sizes > 0)):
        arrays |= {
            f"{name}_channel": torch.where(real, chosen, -1).int().numpy(),
            f"{name}_kernel": (net[rows, chosen] * real[..., None, None]).numpy(),
            f"{name}_positive": (paths.positive.float().cpu().sum((2, 3))[rows, chosen] * real).numpy(),
            f"{name}_negative": (paths.negative.float().cpu().sum((2, 3))[rows, chosen] * real).numpy(),
            f"{name}_cancellation": (cancellation[rows, chosen] * real).numpy(),
        }
    about |= {"window": list(net.shape[2:]), "inputs": [_plain(span) for span in wires.behind(found)]}
    return about, arrays


def _readers(context: Context, wires: Wiring) -> list[tuple[str, tuple[int, ...]]]:
    """Layers with weights that read this one, and their kernels' sizes."""
    assert context.layer is not None
    names = dict.fromkeys(reading.reader for reading in wires.readings[context.layer.name])
    present = [name for name in names if f"{name}.weight" not in context.model.missing]
    return [(name, tuple(wires.kernels(name).shape[2:])) for name in present]


def _outputs(wires: Wiring, layer: Layer, readers: Sequence[str], count: int) -> Arrays:
    """Kernels with which other layers read this one's units."""
    kernels = {name: wires.kernels(name) for name in readers}
    read_as = {name: wires.read_as(layer.name, name, layer.out_channels) for name in readers}
    squares = [_squares(kernels[name], read_as[name], wires.groups(name)) for name in readers]
    kept, index = strongest(torch.cat([torch.full((layer.out_channels, 1), -1.0), *squares], 1), count)
    ends = np.cumsum([1, *(len(kernel) for kernel in kernels.values())])  # column 0 is no connection at all
    place = np.searchsorted(ends, index.numpy(), side="right") - 1
    reader = np.where(kept.numpy() < 0, -1, place)
    longest = max((kernel[0, 0].numel() for kernel in kernels.values()), default=1)
    channel, shown = np.where(reader < 0, -1, index.numpy() - ends[place]), np.zeros((*reader.shape, longest), "f4")
    for i, (name, kernel) in enumerate(kernels.items()):
        unit, rank = np.nonzero(reader == i)
        found = kernel[channel[unit, rank], read_as[name][unit] % kernel.shape[1]].flatten(1)
        shown[unit, rank, : found.shape[1]] = found.numpy()
    return {
        "output_reader": reader.astype(np.int32),
        "output_channel": channel.astype(np.int32),
        "output_kernel": shown,
    }


def _squares(kernel: torch.Tensor, read_as: torch.Tensor, groups: int) -> torch.Tensor:
    """Sums of squares over space by unit read and unit reading, (N, O); −1 where they are not connected."""
    units, per = len(kernel), kernel.shape[1]
    reads = (read_as[:, None] >= 0) & (torch.arange(units) // (units // groups) == (read_as // per)[:, None])
    return torch.where(reads, kernel.square().sum((2, 3))[:, read_as % per].T, -1.0)


def _input_rows(kind: str, arrays: Arrays, inputs: Sequence[Span]) -> pd.DataFrame:
    channel, kernel = arrays[f"{kind}_channel"], arrays[f"{kind}_kernel"]
    unit, rank = np.nonzero(channel >= 0)
    names = [("+".join(span.layers), i) for span in inputs for i in range(span.first, span.first + span.units)]
    other = [names[i] for i in channel[unit, rank]]
    found = kernel[unit, rank]
    table = _table(kind, unit, rank, [name for name, _ in other], [i for _, i in other], found)
    for name in ("positive", "negative", "cancellation") if f"{kind}_positive" in arrays else ():
        table[name] = arrays[f"{kind}_{name}"][unit, rank].astype(float)
    return table


def _output_rows(arrays: Arrays, readers: Sequence[tuple[str, Any]]) -> pd.DataFrame:
    unit, rank = np.nonzero(arrays["output_reader"] >= 0)
    other = [readers[i][0] for i in arrays["output_reader"][unit, rank]]
    kernel = arrays["output_kernel"][unit, rank]
    return _table("output", unit, rank, other, arrays["output_channel"][unit, rank], kernel)


def _table(kind: str, unit: Any, rank: Any, other: Any, channel: Any, kernel: np.ndarray) -> pd.DataFrame:
    flat = kernel.reshape(len(unit), math.prod(kernel.shape[1:])).astype(float)
    about = {"unit": unit, "kind": kind, "rank": rank + 1, "other": other, "channel": channel}
    return pd.DataFrame(
        {
            **about,
            "norm": np.sqrt((flat**2).sum(1)),
            "positive": flat.clip(min=0).sum(1),
            "negative": flat.clip(max=0).sum(1),
            "cancellation": np.nan,
        }
    )


def _plain(span: Span) -> dict[str, Any]:
    return {"layers": list(span.layers), "first": span.first, "units": span.units}


ANALYSES = (
    Analysis(
        name="connections",
        version=1,
        scope="layer",
        summary="the strongest inputs and outputs of every unit, and its inputs across a bottleneck",
        run=run,
        applies=applies,
        params={"quick": {"count": 12, "cancelled": 4, "threshold": 0.75}},
    ),
)
