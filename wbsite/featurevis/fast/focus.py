"""Computes, of the layers that are read, only what each picture's own target reads.

A picture is made for one unit. To compute all others of its layer, for every picture and step, is most of the work
where that layer is the last one that is run, as it is for all units of one layer. A direction is one unit too: that
whose kernel is the sum of the layer's kernels, weighted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch.nn import functional as F

from wbsite.featurevis.execution import Run
from wbsite.featurevis.objectives import Readout
from wbsite.graph.tape import Call, Program

from .frozen import convolution
from .picture_convolution import PictureConvolution

Convolution = Callable[[torch.Tensor], torch.Tensor]
"""(B, I, H, W) → (B, O, h, w)."""

GROUP = 16
"""Pictures whose units are computed together, each of all of them: a processor's registers hold as many."""


def focused(run: Run, read: Sequence[Readout]) -> tuple[Run, tuple[Readout, ...]]:
    """What computes each target's responses to its own picture, and how that is read.

    A layer is left as it is where others read it, where it is no plain convolution or a narrow one, where variants of
    a target are compared by all its channels, on a GPU, and where no program is run.

    Args:
        run: of `ImageModel.program`.
        read: a batch that it reads.
    """
    if not isinstance(run, Program):
        return run, tuple(read)
    together = len(read) == 1
    heads = {readout.value: head for readout in read if (head := _head(run, readout, together)) is not None}
    if not heads:
        return run, tuple(read)
    calls = tuple(call for call in run.calls if heads.keys().isdisjoint(call.outputs))
    values = dict.fromkeys(heads[value].source if value in heads else value for value in run.values)
    narrow = tuple(replace(readout, focused=True) if readout.value in heads else readout for readout in read)
    return partial(_focused, Program(calls, tuple(values)), heads), narrow


@dataclass(frozen=True)
class _Head:
    """The convolution of a layer, for the targets of a readout.

    Attributes:
        source: number of the value that it reads.
        rows: (n,) numbers of the targets' pictures; None for all of the batch.
        groups: computes all units of GROUP targets, of fewer in the last one.
    """

    source: int
    rows: torch.Tensor | None
    groups: tuple[Convolution, ...]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """What the layer reads (B, I, H, W) → (n, h, w) of each target to its own picture."""
        parts = (x if self.rows is None else x[self.rows]).split(GROUP)
        own = [convolve(part).diagonal().movedim(-1, 0) for convolve, part in zip(self.groups, parts, strict=True)]
        return torch.cat(own)


def _focused(trunk: Program, heads: dict[int, _Head], x: torch.Tensor) -> dict[int, torch.Tensor]:
    values = trunk(x)
    return {**values, **{value: head(values[head.source]) for value, head in heads.items()}}


def _head(program: Program, readout: Readout, together: bool) -> _Head | None:
    calls = [call for call in program.calls if readout.value in call.outputs]
    alone = not any(readout.value in call.inputs for call in program.calls)
    if not calls or not alone or readout.has_variants or readout.rows.device.type != "cpu":
        return None
    layer = _Layer.of(calls[0])
    if layer is None or len(layer.weight) // layer.groups <= GROUP:
        return None
    weight, bias = layer.own(readout)
    kernels = [part.contiguous(memory_format=torch.channels_last) for part in weight.split(GROUP)]
    biases = [None] * len(kernels) if bias is None else bias.split(GROUP)
    groups = tuple(map(layer.convolution, kernels, biases))
    return _Head(calls[0].inputs[0], None if together else readout.rows, groups)


@dataclass(frozen=True)
class _Layer:
    """A convolution.

    Attributes:
        weight: (O, I / groups, kh, kw).
        bias: (O,).
        convolution: from other kernels (n, I, kh, kw) and their bias to the same convolution with them.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    groups: int
    convolution: Callable[[torch.Tensor, torch.Tensor | None], Convolution]

    @classmethod
    def of(cls, call: Call) -> _Layer | None:
        """That of a call; None if the call is none, with a fixed kernel."""
        if isinstance(call.function, PictureConvolution):
            c = call.function
            return cls(c.weight, c.bias, 1, lambda w, b: PictureConvolution.of(w, b, c.stride, c.padding))
        if call.kernel is None:
            return None
        named = convolution(call)
        places = {name: named[name] for name in ("stride", "padding", "dilation")}
        return cls(
            call.kernel, named["bias"], named["groups"], lambda w, b: partial(F.conv2d, weight=w, bias=b, **places)
        )

    def own(self, readout: Readout) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Of each target, its kernel on all of the input's channels (n, I, kh, kw) and its bias (n,)."""
        by_group = self.weight.unflatten(0, (self.groups, -1))
        size = by_group.shape[1]
        unit = readout.channels.clamp_min(0)
        kernel = self.weight.new_zeros(len(unit), self.groups, *self.weight.shape[1:])
        kernel[torch.arange(len(unit)), unit // size] = self.weight[unit]
        bias = None if self.bias is None else self.bias[unit]
        if readout.weights is not None:
            direction = (readout.channels < 0).nonzero()[:, 0]
            weights = readout.weights[direction]
            mixed = torch.einsum("ngo,go...->ng...", weights.unflatten(1, (self.groups, size)), by_group.float())
            kernel[direction] = mixed.to(kernel.dtype)
            if bias is not None and self.bias is not None:
                bias[direction] = (weights @ self.bias.float()).to(bias.dtype)
        return kernel.flatten(1, 2), bias
