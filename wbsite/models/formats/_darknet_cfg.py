"""What a Darknet network's `.cfg` says of its `.weights` file: which numbers of which layer follow one another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .base import Convolution

ALIASES = {
    "conv": "convolutional", "deconv": "deconvolutional", "conn": "connected", "max": "maxpool", "avg": "avgpool",
    "local_avg": "maxpool", "local_avgpool": "maxpool", "reorg3d": "reorg",
}  # fmt: skip
PLAIN = (
    "activation", "batchnorm", "contrastive", "cost", "detection", "drop", "dropout", "empty", "gaussian_yolo", "iseg",
    "l2norm", "logistic", "logxent", "lrn", "normalization", "region", "shortcut", "soft", "softmax", "yolo",
)  # fmt: skip
"""Layers whose output has the shape of their input."""


MAX_LENGTH = 1 << 31
"""Channels, rows or columns; routes that double them would make numbers without end."""


class Malformed(Exception):
    """The files do not fit each other or Darknet; the text says what is wrong."""


class Unknown(Exception):
    """A layer is of a kind that is not read; the text names it."""


Shape = tuple[int, int, int]
"""(channels, rows, columns)."""


@dataclass(frozen=True)
class Section:
    """One section of a `.cfg`; its number is Darknet's number of the layer."""

    kind: str
    number: int
    options: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.number}"

    def whole(self, key: str, default: int) -> int:
        """A whole number, of which C's atoi reads the leading digits; 0 where there are none."""
        return _whole(self.options[key]) if key in self.options else default

    def layers(self, key: str) -> list[int]:
        """Numbers of the layers it refers to; negative ones count back from itself."""
        numbers = [_whole(part) for part in self.options.get(key, "").split(",")]
        numbers = [number + self.number if number < 0 else number for number in numbers]
        if not all(0 <= number < self.number for number in numbers):
            raise Malformed(f"{self.name} refers to layers that are not before it ({key}={self.options.get(key, '')})")
        return numbers


@dataclass
class Plan:
    """What a file must hold.

    Attributes:
        entries: (name, or "" for what is passed over; layer; torch's shape; whether the matrix is transposed).
        skipped: layers that are passed over.
        convolutions: names of kernels → what the `.cfg` says of them.
    """

    entries: list[tuple[str, str, tuple[int, ...], bool]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    convolutions: dict[str, Convolution] = field(default_factory=dict)

    def add(self, layer: str, part: str, shape: tuple[int, ...], transposed: bool = False) -> None:
        self.entries.append((f"{layer}.{part}", layer, shape, transposed))

    def skip(self, layer: str, count: int) -> None:
        self.entries.append(("", layer, (count,), False))
        self.skipped.append(layer)

    @property
    def size(self) -> int:
        return sum(math.prod(shape) for _, _, shape, _ in self.entries)


def _whole(text: str) -> int:
    digits = re.match(r"[+-]?\d+", text.strip())
    if digits and len(digits[0]) > 10:
        raise Malformed(f"{digits[0][:10]}… in the .cfg is no number of anything in a network")
    return int(digits[0]) if digits else 0


def sections(text: str) -> list[Section]:
    """The sections of a `.cfg`, of which the first is the network and has the number -1."""
    parsed: list[Section] = []
    for raw in text.splitlines():
        line = re.sub(r"\s", "", raw)
        if line.startswith("["):
            kind = line.strip("[]").lower()
            parsed.append(Section(ALIASES.get(kind, kind), len(parsed) - 1, {}))
        elif line[:1] not in ("", "#", ";") and parsed:
            key, _, value = line.partition("=")
            parsed[-1].options.setdefault(key, value)
    if not parsed or parsed[0].kind not in ("net", "network"):
        raise Malformed("the .cfg does not begin with [net]")
    return parsed


def plan(sections: list[Section], old: bool, biases: bool) -> Plan:
    """What the file must hold.

    Args:
        old: connected layers are transposed.
        biases: `batchnorm` layers have biases.
    """
    net, *layers = sections
    shape = (net.whole("channels", 0), net.whole("height", 0), net.whole("width", 0))
    if "inputs" in net.options and 0 in shape:
        shape = (net.whole("inputs", 0), 1, 1)
    contents = Plan()
    shapes: list[Shape] = []
    for layer in layers:
        if min(shape) < 1 or max(shape) > MAX_LENGTH:
            raise Malformed(
                f"the input of {layer.name} has the shape {' × '.join(map(str, shape))} (channels, rows, columns)"
            )
        if layer.kind in WITH_WEIGHTS:
            shape = WITH_WEIGHTS[layer.kind](contents, layer, shape, old)
        elif layer.kind == "batchnorm":
            _norm(contents, layer.name, shape[0], ("bias", *NORM) if biases else NORM)
        else:
            shape = _resized(layer, shape, shapes)
        if layer.kind == "shortcut" and layer.options.get("weights_type", "none") != "none":
            each = shape[0] if layer.options["weights_type"] == "per_channel" else 1
            contents.skip(layer.name, (len(layer.layers("from")) + 1) * each)
        shapes.append(shape)
    return contents


NORM = ("weight", "running_mean", "running_var")


def _norm(plan: Plan, name: str, channels: int, parts: tuple[str, ...]) -> None:
    for part in parts:
        plan.add(name, part, (channels,))


def _convolutional(plan: Plan, layer: Section, shape: Shape, old: bool) -> Shape:
    inputs, outputs, size = shape[0], layer.whole("filters", 1), layer.whole("size", 1)
    groups, stride = layer.whole("groups", 1), layer.whole("stride", 1)
    strides = [layer.whole(key, 0) for key in ("stride_y", "stride_x")]
    strides = [own if own > 0 else stride for own in strides]
    if min(outputs, size, groups, *strides) < 1 or inputs % groups:
        raise Malformed(f"{layer.name} has {inputs} channels, {outputs} filters of {size} pixels in {groups} groups")
    transposed = layer.kind == "deconvolutional"
    # A layer that shares another's weights has none in the file.
    if "share_index" not in layer.options:
        batch_norm = layer.whole("batch_normalize", 0) or layer.whole("cbn", 0)
        if batch_norm:
            _norm(plan, f"batch_norm_{layer.number}", outputs, ("bias", *NORM))
        else:
            plan.add(layer.name, "bias", (outputs,))
        axes = (inputs, outputs) if transposed else (outputs, inputs // groups)
        plan.add(layer.name, "weight", (*axes, size, size), bool(layer.whole("flipped", 0)) and not transposed)
        plan.convolutions[f"{layer.name}.weight"] = Convolution(transposed, groups)
    padding = size // 2 if layer.whole("pad", 0) else layer.whole("padding", 0)
    if transposed:
        rows, columns = ((length - 1) * stride + size - 2 * padding for length in shape[1:])
        return outputs, rows, columns
    rows, columns = ((length + 2 * padding - size) // step + 1 for length, step in zip(shape[1:], strides, strict=True))
    return outputs, rows, columns


def _connected(plan: Plan, layer: Section, shape: Shape, old: bool) -> Shape:
    outputs = layer.whole("output", 1)
    if outputs < 1:
        raise Malformed(f"{layer.name} has {outputs} outputs")
    batch_norm = bool(layer.whole("batch_normalize", 0))
    name = f"batch_norm_{layer.number}" if batch_norm else layer.name
    plan.add(name, "bias", (outputs,))
    plan.add(layer.name, "weight", (outputs, math.prod(shape)), old)
    if batch_norm:
        _norm(plan, name, outputs, NORM)
    return outputs, 1, 1


def _local(plan: Plan, layer: Section, shape: Shape, old: bool) -> Shape:
    size, stride, outputs = layer.whole("size", 1), layer.whole("stride", 1), layer.whole("filters", 1)
    if min(size, stride, outputs) < 1:
        raise Malformed(f"{layer.name} has {outputs} filters of {size} pixels at a stride of {stride}")
    rows, columns = ((length - (1 if layer.whole("pad", 0) else size)) // stride + 1 for length in shape[1:])
    plan.skip(layer.name, max(0, rows * columns) * outputs * (size * size * shape[0] + 1))
    return outputs, rows, columns


WITH_WEIGHTS: dict[str, Callable[[Plan, Section, Shape, bool], Shape]] = {
    "convolutional": _convolutional, "deconvolutional": _convolutional, "connected": _connected, "local": _local,
}  # fmt: skip


def _resized(layer: Section, shape: Shape, shapes: list[Shape]) -> Shape:
    """The output's shape of a layer without weights.

    Args:
        shape: of its input.
        shapes: of the outputs of all layers before it.
    """
    channels, rows, columns = shape
    stride = layer.whole("stride", 2 if layer.kind == "upsample" else 1)
    if stride == 0:
        raise Malformed(f"{layer.name} has a stride of 0")
    if layer.kind in PLAIN:
        return shape
    if layer.kind in ("sam", "scale_channels"):
        return shapes[layer.layers("from")[0]]
    if layer.kind == "route":
        sources = [shapes[number] for number in layer.layers("layers")]
        return sum(source[0] for source in sources) // max(1, layer.whole("groups", 1)), *sources[0][1:]
    if layer.kind == "maxpool":
        if layer.whole("maxpool_depth", 0):
            return layer.whole("out_channels", 1), rows, columns
        size = layer.whole("size", stride)
        padding = layer.whole("padding", size - 1)
        steps = [layer.whole(key, stride) or stride for key in ("stride_y", "stride_x")]
        rows, columns = ((n + padding - size) // step + 1 for n, step in zip(shape[1:], steps, strict=True))
        return channels, rows, columns
    if layer.kind == "avgpool":
        return channels, 1, 1
    if layer.kind == "crop":
        return channels, layer.whole("crop_height", 1), layer.whole("crop_width", 1)
    if layer.kind == "upsample":
        return (
            (channels, rows * stride, columns * stride)
            if stride > 0
            else (channels, rows // -stride, columns // -stride)
        )
    if layer.kind == "reorg":
        if layer.whole("reverse", 0):
            return channels // stride**2, rows * stride, columns * stride
        return channels * stride**2, rows // stride, columns // stride
    raise Unknown(layer.name)
