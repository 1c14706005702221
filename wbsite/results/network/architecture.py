"""A network's layers in execution order, what feeds what, and where its weights come from."""

from __future__ import annotations

from typing import Any, Literal

from wbsite.results.base import Record, Result, value
from wbsite.results.kernel_words import kernel_difference


class LayerInfo(Record):
    """A layer as the recorded forward pass has it.

    Attributes:
        name: of its module.
        kind: "conv" or "linear".
        order: place in the order of first calls, from 0.
        inputs: the nearest layers that feed it, "input" for the picture; empty where they are not known.
        in_channels, out_channels: over all groups; features of a fully connected layer.
        kernel, stride, dilation: (height, width).
        padding: (height, width), or "same".
        groups: of a convolution.
        bias: whether there is one.
        parameters: numbers in weight and bias.
        output_shape: of the first call, without the batch axis.
        calls: how often one forward pass uses it.
        weight_shape: (out_channels, in_channels / groups, kh, kw), or (out, in).
        reads: (channels, height, width) of the map whose values are a fully connected layer's inputs; or empty.
        computed_from: parameters that the forward pass computes the kernels from, where it does.
        scale: factor between the kernels and what is stored; 1 where nothing else is.
        changed: how far they differ beyond that factor, as a share of their norm.
        varies: whether the kernels are computed anew from every picture.
        planar: whether the kernel has rows and columns.
        spatial: whether the kernel sees more than one position.
        block: whose units are numbered together; "" for none.
        first_unit: number of its first unit in the block.
        has_weights: whether the weights file holds it.
    """

    name: str
    kind: Literal["conv", "linear"]
    order: int
    inputs: tuple[str, ...]
    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    dilation: tuple[int, int]
    groups: int
    bias: bool
    parameters: int
    output_shape: tuple[int, ...]
    calls: int
    weight_shape: tuple[int, ...]
    reads: tuple[int, ...]
    planar: bool
    spatial: bool
    block: str
    first_unit: int
    has_weights: bool
    computed_from: tuple[str, ...] = ()
    scale: float = 1.0
    changed: float = 0.0
    varies: bool = False

    @property
    def units(self) -> range:
        """Unit numbers: counted over the whole block where the layer is a branch of one."""
        return range(self.first_unit, self.first_unit + self.out_channels)

    @property
    def kernels_note(self) -> str:
        """What to know of kernels that are not a parameter as it stands; "" for all others."""
        names = " and ".join(self.computed_from)
        if self.varies:
            source = f"every picture and {names}" if names else "every picture"
            return f"Its kernels are computed anew from {source}; shown are those for the one it was recorded on."
        difference = kernel_difference(self.scale, self.changed)
        if not difference:
            return f"Its kernels are computed from {names} in every forward pass." if names else ""
        return f"Shown are the kernels that the forward pass multiplies by, computed from {names}: {difference}."

    @property
    def kernel_text(self) -> str:
        """ "3×3", or "fully connected"."""
        return "×".join(map(str, self.kernel)) if self.kind == "conv" else "fully connected"


class Skipped(Record):
    """A module with weights that is not listed as a layer, and why."""

    name: str
    kind: str
    reason: str


class Source(Record):
    """Where weights are published, and their digest."""

    url: str
    digest: str


class Head(Record):
    """How the last feature map becomes outputs.

    Attributes:
        kind: "pooled": the first fully connected layer after a convolution reads one number a channel, so position is
            gone before it; "positions": it reads every position; "convolutional": there is no fully connected layer,
            and one number a class; "maps": the outputs have positions themselves, as those of detectors; "unknown": its
            inputs do not tell.
        layer: that fully connected layer, or "".
        positions: how many it reads of each channel; 0 where unknown.
    """

    kind: Literal["pooled", "positions", "convolutional", "maps", "unknown"]
    layer: str
    positions: int


class Architecture(
    Result,
    analysis="architecture",
    summary="layers in execution order, their shapes and connections, provenance of the weights",
):
    """What a model's pages know of the network itself."""

    name: str = value("the network's name")
    weights: str = value("label of the weights")
    title: str = value("the network's name in prose")
    reference: str = value("key of the publication, or nothing")
    note: str = value("anything a reader should know")
    source: Source | None = value("where the weights are published")
    digest: str = value("SHA-256 of the weights")
    missing: list[str] = value("parameters that the weights file does not hold")
    provenance: dict[str, Any] = value("the record in the weights file")
    input_shape: tuple[int, ...] = value("channels, height and width of the input")
    parameters: int = value("numbers in all parameters")
    parameters_held: int = value("of these, how many the weights file holds")
    layers: list[LayerInfo] = value("in execution order")
    skipped: list[Skipped] = value("modules with weights that are not listed")
    notes: list[str] = value("sentences on what could not be traced")
    head: Head = value("how the last map becomes outputs")
    alone: bool = value("whether the file holds weights without a network", default=False)

    @property
    def skipped_by_reason(self) -> list[tuple[str, str, list[str]]]:
        """(kind, reason, names) of what is not listed, in order of first appearance."""
        grouped: dict[tuple[str, str], list[str]] = {}
        for skipped in self.skipped:
            grouped.setdefault((skipped.kind, skipped.reason), []).append(skipped.name)
        return [(kind, reason, names) for (kind, reason), names in grouped.items()]


RESULTS = (Architecture,)
