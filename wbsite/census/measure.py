"""The numbers of one network: a row for each layer whose kernels have rows and columns."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wbsite.core import source
from wbsite.core.model_input import ModelInput, Zeros
from wbsite.graph.layers import Layer, Layers, discover
from wbsite.graph.operations import AVERAGES, MAXIMA
from wbsite.graph.recording import Recorded
from wbsite.graph.stored_kernels import StoredKernels
from wbsite.graph.tape import Tape
from wbsite.models import formats, load
from wbsite.models.base import LoadedModel
from wbsite.ops.banding.index import banding_index
from wbsite.ops.kernel_geometry import KernelGeometry, kernel_geometry
from wbsite.ops.nmf import one_sided_nmf

from .branches import branch_rows
from .first_layer import factor_rows, filter_rows, first_layer
from .manifest import Network
from .record import Measured

COMPONENTS = 3
PICTURED = 64
"""Units of the last layer whose pictures are kept, spread evenly over it."""

BLANK = 1e-6
"""Of the largest weight of a layer, in magnitude: a row or column of kernels without a larger one is blank."""

FOLLOWING = {
    **dict.fromkeys(AVERAGES | MAXIMA, "pooling"),
    **dict.fromkeys(("softmax", "scaled_dot_product_attention", "multi_head_attention_forward"), "attention"),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), "sequence"),
    **dict.fromkeys(("interpolate", "upsample", "pixel_shuffle", "conv_transpose2d"), "upsampling"),
    "conv2d": "convolution",
    "linear": "product",
    "matmul": "product",
}
"""Operation → what it counts as among those that follow a layer; others are passed by."""

ENDS = ("convolution", "product", "sequence")
"""What ends the search: the next thing that learns."""


def measured(network: Network, paths: tuple[Path, ...]) -> Measured:
    """Everything that the census has of one network.

    Args:
        paths: its files, the one to open first.

    Raises:
        WbsiteError: the file cannot be read as a network or as weights.
    """
    beside = tuple((name, Zeros(shape)) for name, shape in network.arguments.items())
    model = load(str(paths[0]), said=ModelInput(input=network.input, channels=network.channels, arguments=beside))
    tape: Tape | None = None
    if isinstance(model.module, StoredKernels):
        layers, kernels = model.module.layers(model.spec.input_shape), model.module.kernels
    else:
        layers, tape = discover(model.module, model.spec.input_shape), Recorded.of(model).tape
        kernels = tape.kernels
    planar = [layer for layer in layers.layers if layer.kind == "conv" and layer.planar]
    rows = [
        {
            "layer": layer.name,
            "order": layer.order,
            "place": place / (len(planar) - 1) if len(planar) > 1 else 1.0,
            **_shape(layer),
            "follows": None if tape is None else list(_following(tape, layer)),
            **numbers(kernels[layer.name].weight.float(), layer.groups),
        }
        for place, layer in enumerate(planar)
    ]
    last = kernels[planar[-1].name].weight.float() if planar and network.derived else None
    first = first_layer(model, layers)
    groups, tests = branch_rows(network.task, model, layers)
    return Measured(
        facts=network.model_dump(mode="json", by_alias=False),
        layers=rows,
        filters=filter_rows(model, first) if first else [],
        factors=factor_rows(model, layers, first) if first else [],
        groups=groups,
        tests=tests,
        code=code(),
        provenance=_provenance(model, layers, paths[0]),
        pictures=None if last is None else pictures(last, planar[-1].groups),
    )


def code() -> str:
    """SHA-256 of the code that measures."""
    return source.behind(measured)


def numbers(weight: torch.Tensor, groups: int) -> dict[str, float | int | None]:
    """Banding of the weights and of their NMF pictures, and the geometry of the kernels (N, C, kh, kw)."""
    index = banding_index(weight)
    drawn = one_sided_nmf(weight, COMPONENTS, mode="per-unit", groups=groups).spatial.permute(0, 3, 1, 2)
    pictured = banding_index(drawn, pictured=weight)
    found = {
        "row_share": index.row_share,
        "column_share": index.column_share,
        "index": index.index,
        "low": index.low,
        "high": index.high,
        "index_null": index.index_null,
        "index_adjusted": index.index_adjusted,
        "index_nmf": pictured.index,
        "nmf_low": pictured.low,
        "nmf_high": pictured.high,
        **_geometry(kernel_geometry(weight)),
    }
    blank = {"blank_rows": _blank(weight, 3), "blank_columns": _blank(weight, 2)}
    return {**{name: round(value, 9) if math.isfinite(value) else None for name, value in found.items()}, **blank}


def _blank(weight: torch.Tensor, across: int) -> int:
    """Rows of the kernels, or columns, that hold next to nothing in any unit: on a map of one row, say, those that only
    ever met the padding."""
    largest = weight.abs().amax((0, 1, across))
    return int((largest <= BLANK * largest.max()).sum()) if bool(largest.max() > 0) else 0


def pictures(weight: torch.Tensor, groups: int) -> np.ndarray | None:
    """uint8 (units, kh, kw, 3): NMF pictures of up to `PICTURED` units; None where all weights are zero."""
    if not bool(weight.any()):
        return None
    drawn = one_sided_nmf(weight, COMPONENTS, mode="per-unit", groups=groups).spatial
    units = np.unique(np.linspace(0, len(drawn) - 1, PICTURED).round().astype(int))
    levels: np.ndarray = (drawn[units] * 255).round().clamp(0, 255).byte().cpu().numpy()
    return levels


def _geometry(found: KernelGeometry) -> dict[str, float]:
    measures = {
        "centre_share": found.centre_share,
        "left_right": found.left_right,
        "up_down": found.up_down,
        "quarter_turn": found.quarter_turn,
        "coherence": found.coherence,
        "patterns": found.patterns,
    }
    values = {name: math.nan if measure is None else measure.value for name, measure in measures.items()}
    nulls = {f"{name}_null": math.nan if measure is None else measure.null for name, measure in measures.items()}
    return {**values, **nulls, "angle": found.angle}


def _shape(layer: Layer) -> dict[str, Any]:
    height, width = layer.output_shape[-2:] if len(layer.output_shape) > 1 else (None, None)
    return {
        "units": layer.out_channels,
        "channels": layer.in_channels,
        "groups": layer.groups,
        "kernel_height": layer.kernel[0],
        "kernel_width": layer.kernel[1],
        "map_height": height,
        "map_width": width,
        "reads_input": layer.inputs == ("input",),
    }


def _following(tape: Tape, layer: Layer) -> Iterator[str]:
    """What comes between a layer and the next that learns, and what that is, sorted; "end" for nothing."""
    readers = defaultdict(list)
    for call in tape.calls:
        for value in call.inputs:
            readers[value].append(call)
    waiting = [use.value for use in tape.uses[layer.name] if use.value is not None]
    seen, found = set(waiting), set()
    while waiting:
        value = waiting.pop()
        if not readers[value]:
            found.add("end")
        for call in readers[value]:
            word = FOLLOWING.get(call.operation, "")
            found.add(word)
            fresh = [output for output in call.outputs if output not in seen]
            seen.update(fresh)
            if word not in ENDS:
                waiting += fresh
    yield from sorted(found - {""})


def _provenance(model: LoadedModel, layers: Layers, path: Path) -> Mapping[str, Any]:
    return {
        "digest": model.digest,
        "format": formats.format_of(path).name,
        "layers": len(layers.layers),
        "skipped": len(layers.skipped),
        "parameters": sum(layer.parameters for layer in layers.layers),
        "weights_alone": isinstance(model.module, StoredKernels),
        "notes": list(layers.notes),
    }
