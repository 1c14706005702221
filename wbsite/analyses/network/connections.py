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
from wbsite.graph import channel_origin
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.layers import Layer
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.weights import path_products
from wbsite.results.network.connections import Bottleneck, Connections, Reader, Span

Arrays = dict[str, np.ndarray]

NAMED = 4
"""Layers named apiece whose sum a unit reads; in a deep residual network they are hundreds."""


def applies(layer: Layer) -> str:
    """Convolutions."""
    return "" if layer.kind == "conv" else "connections are listed unit by unit for convolutions only"


@lru_cache(maxsize=1)  # the layers of a model follow one another
def wiring(module: nn.Module, input_shape: tuple[int, int, int], layers: tuple[str, ...]) -> ChannelMap:
    """What feeds what in the network."""
    return ChannelMap(Recorded.of(module, input_shape), layers)


def run(context: Context) -> Connections:
    """The strongest connections of every unit: inputs, inputs across a bottleneck, outputs."""
    layer, params = context.layer, context.params
    assert layer is not None
    wires = wiring(context.model.module, context.layers.input_shape, context.layers.names)
    spans = tuple(map(_span, wires.inputs[layer.name]))
    readers = _readers(context, wires)
    inputs = _inputs(wires.kernels(layer.name), layer.groups, params["count"])
    outputs = _outputs(wires, layer, [reader.layer for reader in readers], params["count"])
    bottleneck, across = _across(context, wires)
    kinds = {"input": inputs, **across}
    tables = [_input_rows("input", inputs, spans)]
    tables += [_input_rows(kind, arrays, bottleneck.inputs) for kind, arrays in across.items() if bottleneck]
    tables.append(_output_rows(outputs, readers))
    rows = pd.concat(tables, ignore_index=True).sort_values("unit", kind="stable", ignore_index=True)
    first = context.model.spec.blocks.get(layer.name, ("", 0))[1]
    columns = list(Connections.fields["rows"].columns)

    def by_kind(name: str) -> Arrays:
        return {kind: arrays[name] for kind, arrays in kinds.items() if name in arrays}

    return Connections(
        count=params["count"],
        threshold=params["threshold"],
        inputs=spans,
        readers=readers,
        bottleneck=bottleneck,
        channel=by_kind("channel"),
        kernel=by_kind("kernel"),
        share=by_kind("share"),
        positive=by_kind("positive"),
        negative=by_kind("negative"),
        cancellation=by_kind("cancellation"),
        output_reader=outputs["reader"],
        output_channel=outputs["channel"],
        output_kernel=outputs["kernel"],
        rows=rows.assign(unit=rows["unit"] + first, channel=rows["channel"].astype(int))[columns],
    )


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
        "channel": (group + index).int().numpy(),
        "kernel": weight[units[:, None], index].numpy(),
        "share": _share(kept, squares),
    }


def _share(kept: torch.Tensor, squares: torch.Tensor) -> np.ndarray:
    return (kept.sum(1) / squares.sum(1).clamp_min(torch.finfo(squares.dtype).tiny)).numpy()


def _across(context: Context, wires: ChannelMap) -> tuple[Bottleneck | None, dict[str, Arrays]]:
    """The bottleneck, with a reason where it cannot be expanded across; and kind → arrays of the kinds across it."""
    assert context.layer is not None
    bottleneck = wires.bottleneck(context.layer.name)
    if bottleneck is None:
        return None, {}
    try:
        paths = path_products(wires.recorded.on(context.device), bottleneck.source, context.layer.name)
    except WbsiteError as error:
        return Bottleneck(layers=tuple(bottleneck.layers), source=bottleneck.source, reason=error.message), {}
    net, magnitude = paths.net.float().cpu(), paths.magnitude.float().cpu().sum((2, 3))
    cancellation, count = paths.cancellation.float().cpu(), context.params["count"]
    squares = net.square().sum((2, 3))
    kept, index = strongest(squares, count)
    large = torch.zeros_like(squares, dtype=torch.bool).scatter_(1, strongest(magnitude, count)[1], True)
    listed = torch.zeros_like(large).scatter_(1, index, True)
    hidden = large & ~listed & (cancellation > context.params["threshold"])
    sizes, other = strongest(torch.where(hidden, magnitude, -1), context.params["cancelled"])
    rows = torch.arange(len(net))[:, None]
    kinds = {
        kind: {
            "channel": torch.where(real, chosen, -1).int().numpy(),
            "kernel": (net[rows, chosen] * real[..., None, None]).numpy(),
            "positive": (paths.positive.float().cpu().sum((2, 3))[rows, chosen] * real).numpy(),
            "negative": (paths.negative.float().cpu().sum((2, 3))[rows, chosen] * real).numpy(),
            "cancellation": (cancellation[rows, chosen] * real).numpy(),
        }
        for kind, chosen, real in (("across", index, kept >= 0), ("cancelled", other, sizes > 0))
    }
    kinds["across"]["share"] = _share(kept, squares)
    spans = tuple(map(_span, wires.source_channels(bottleneck)))
    expanded = Bottleneck(
        layers=tuple(bottleneck.layers), source=bottleneck.source, window=tuple(net.shape[2:]), inputs=spans
    )
    return expanded, kinds


def _readers(context: Context, wires: ChannelMap) -> tuple[Reader, ...]:
    """Layers with weights that read this one, and their kernels' sizes."""
    assert context.layer is not None
    names = dict.fromkeys(reader.name for reader in wires.readers[context.layer.name])
    present = [name for name in names if f"{name}.weight" not in context.model.missing]
    return tuple(Reader(layer=name, kernel=tuple(wires.kernels(name).shape[2:])) for name in present)


def _outputs(wires: ChannelMap, layer: Layer, readers: Sequence[str], count: int) -> Arrays:
    """Kernels with which other layers read this one's units."""
    kernels = {name: wires.kernels(name) for name in readers}
    read_as = {name: wires.input_channels(layer.name, name, layer.out_channels) for name in readers}
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
        "reader": reader.astype(np.int32),
        "channel": channel.astype(np.int32),
        "kernel": shown,
    }


def _squares(kernel: torch.Tensor, read_as: torch.Tensor, groups: int) -> torch.Tensor:
    """Sums of squares over space by unit read and unit reading, (N, O); −1 where they are not connected."""
    units, per = len(kernel), kernel.shape[1]
    reads = (read_as[:, None] >= 0) & (torch.arange(units) // (units // groups) == (read_as // per)[:, None])
    return torch.where(reads, kernel.square().sum((2, 3))[:, read_as % per].T, -1.0)


def _input_rows(kind: str, arrays: Arrays, inputs: Sequence[Span]) -> pd.DataFrame:
    channel, kernel = arrays["channel"], arrays["kernel"]
    unit, rank = np.nonzero(channel >= 0)
    names = [(_summed(span.layers), i) for span in inputs for i in range(span.first, span.first + span.units)]
    other = [names[i] for i in channel[unit, rank]]
    found = kernel[unit, rank]
    table = _table(kind, unit, rank, [name for name, _ in other], [i for _, i in other], found)
    for name in ("positive", "negative", "cancellation") if "positive" in arrays else ():
        table[name] = arrays[name][unit, rank].astype(float)
    return table


def _summed(layers: Sequence[str]) -> str:
    """The layers whose units are added up, the first and how many more where they are many; the span has them all."""
    return "+".join(layers) if len(layers) <= NAMED else f"{layers[0]}+{len(layers) - 1} more"


def _output_rows(arrays: Arrays, readers: Sequence[Reader]) -> pd.DataFrame:
    unit, rank = np.nonzero(arrays["reader"] >= 0)
    other = [readers[i].layer for i in arrays["reader"][unit, rank]]
    kernel = arrays["kernel"][unit, rank]
    return _table("output", unit, rank, other, arrays["channel"][unit, rank], kernel)


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


def _span(span: channel_origin.ChannelOrigin) -> Span:
    return Span(layers=tuple(span.layers), first=span.first, units=span.units)


ANALYSES = (
    Analysis(
        result=Connections,
        scope="layer",
        run=run,
        applies=applies,
        params={"quick": {"count": 12, "cancelled": 4, "threshold": 0.75}},
    ),
)
