"""The linear form of a path run backwards, from many units at once: the gradients that expanded weights are.

Autograd batches gradients by looping over the units where it has no batched kernel, as of average pools and of small
convolutions. Here each call is transposed for all units in one; a batch norm scales the weights of its convolution
rather than the gradients, and maps lie in memory channels last, in which convolutions are fastest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.graph.linear import LinearForm
from wbsite.graph.operations import BATCH_NORMS, JOINS, RECTIFIERS, UNCHANGED, pair
from wbsite.graph.receptive_field import Positions, unpadded
from wbsite.graph.tape import Call, Ref, execute

from .unbounded import Unbounded

_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}


class Transposed:
    """Gradients along a path by its linear form.

    Args:
        calls, start, end: of the path.
        x: (1, C, H, W) or (1, features), zeros for the value at its start.
        positions: value → the positions of it that there are, as of `Unbounded`; None for maps as they were recorded.

    Raises:
        WbsiteError: a call has no linear form.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        start: int,
        end: int,
        x: torch.Tensor,
        form: LinearForm,
        positions: Mapping[int, Positions] | None = None,
    ) -> None:
        self.start, self.end, self.form = start, end, form
        self.unbounded = None if positions is None else Unbounded(form, positions)
        values = {start, *(value for call in calls for value in call.outputs)}
        with torch.no_grad():
            self.values = execute(calls, {start: x}, values, self.unbounded or form)
        self._scales = self._scales_of(calls)
        self._take(calls)

    def reweighted(self, calls: Sequence[Call]) -> Transposed:
        """Along the same calls with other weights of convolutions, of the same shapes."""
        other = copy(self)
        other._take(calls)
        return other

    def _take(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self._convolutions = {
            call.outputs[0]: conv
            for call in calls
            if call.operation == "conv2d" and len(call.inputs) == 1 and (conv := self._convolution(call)) is not None
        }

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value at the end, without the batch."""
        return tuple(self.values[self.end].shape[1:])

    @torch.no_grad()
    def __call__(self, gradients: torch.Tensor) -> torch.Tensor:
        """Gradients (N, …) of the value at the end → (N, …) of the value at the start."""
        pending, owned = {self.end: _last(gradients)}, set[int]()
        for call in reversed(self.calls):
            outputs = [pending.pop(value, None) for value in call.outputs]
            if all(gradient is None for gradient in outputs):
                continue
            for value, gradient in self._through(call, outputs).items():
                self._add(pending, owned, call, value, gradient)
        x = self.values[self.start]
        return pending.get(self.start, x.expand(len(gradients), *x.shape[1:]))

    def _add(
        self, pending: dict[int, torch.Tensor], owned: set[int], call: Call, value: int, gradient: torch.Tensor
    ) -> None:
        shape = (len(gradient), *self.values[value].shape[1:])
        if value not in pending and gradient.shape == shape:
            pending[value] = gradient
            return
        if value not in pending:
            pending[value] = _zeros(gradient, shape)
        elif value not in owned:  # it may be another value's too
            pending[value] = pending[value].clone()
        owned.add(value)
        part = ... if self.unbounded is None else self.unbounded.part(call, value)
        pending[value][part] += gradient

    def _through(self, call: Call, outputs: Sequence[torch.Tensor | None]) -> dict[int, torch.Tensor]:
        """Gradients of what a call reads, from those of what it makes."""
        if self.unbounded is None:
            local, given = call, {value: self.values[value] for value in call.inputs if value in self.values}
        else:
            local, given = unpadded(call), self.unbounded.cut(call, self.values)
        (value, x), *others = given.items()
        gradient = outputs[0]
        if gradient is None or call.several:
            return self._batched(local, given, outputs)
        if call.operation in JOINS and (parts := self._joined(call, gradient)) is not None:
            return parts
        if not others:
            if call.operation in RECTIFIERS | UNCHANGED:
                return {value: gradient}
            if call.operation in BATCH_NORMS:
                scale = self._scales[call.outputs[0]]
                return {value: gradient if self._folded(call) else gradient * scale}
            if (conv := self._convolutions.get(call.outputs[0])) is not None:
                return {value: _transposed(conv, gradient, x.shape[2:])}
            if call.operation == "max_pool2d":
                kernel, stride, padding, _, _, divisor = self.form.averaging(local)
                return {value: _spread(gradient / divisor, x.shape[2:], kernel, stride, padding)}
        return self._batched(local, given, outputs)

    def _scales_of(self, calls: Sequence[Call]) -> dict[int, torch.Tensor]:
        """Output of a batch norm → (1, C, 1, …), by which it multiplies; and those that scale a convolution."""
        readers: dict[int, int] = {}
        for call in calls:
            for value in call.inputs:
                readers[value] = readers.get(value, 0) + 1
        makers = {call.outputs[0]: call.operation for call in calls}
        self._norm_of: dict[int, int] = {}
        scales = {}
        for call in calls:
            if call.operation not in BATCH_NORMS:
                continue
            (value,), (output,) = call.inputs, call.outputs
            like = self.values[value]
            with torch.enable_grad():
                one = like.new_zeros(1, like.shape[1], *(1,) * (like.ndim - 2)).requires_grad_()
                (scales[output],) = torch.autograd.grad(self.form(call, {value: one}).sum(), one)
            if makers.get(value) == "conv2d" and readers[value] == 1 and value != self.end:
                self._norm_of[value] = output
        return scales

    def _folded(self, norm: Call) -> bool:
        """Whether a batch norm's scale is in the weights of the convolution before it."""
        return norm.inputs[0] in self._norm_of and norm.inputs[0] in self._convolutions

    def _convolution(self, call: Call) -> dict[str, Any] | None:
        """Arguments of a convolution by name, sizes as pairs, its batch norm's scale in its weight; None where its
        padding is a word."""
        local = call if self.unbounded is None else unpadded(call)
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        conv = self.form.weighted(local)
        arguments = {**dict(zip(names, conv.args, strict=False)), **conv.kwargs}
        if isinstance(arguments.get("padding"), str):
            return None
        weight = arguments["weight"].detach()
        if (norm := self._norm_of.get(call.outputs[0])) is not None:
            weight = weight * self._scales[norm].reshape(-1, 1, 1, 1)
        sizes = {name: pair(arguments.get(name, default)) for name, default in _DEFAULTS.items()}
        return {"weight": _last(weight), "groups": arguments.get("groups", 1), **sizes}

    def _joined(self, call: Call, gradient: torch.Tensor) -> dict[int, torch.Tensor] | None:
        """The channels of what is joined, each value's own; None where it is not channels of maps that are joined."""
        arguments = {**dict(zip(("tensors", "dim"), call.args, strict=False)), **call.kwargs}
        parts, maps = arguments.get("tensors", ()), gradient.ndim == 4 and arguments.get("dim") in (1, -3)
        if call.operation == "stack" or not maps or not all(isinstance(part, Ref) for part in parts):
            return None
        if len({part.value for part in parts}) < len(parts):  # one value twice
            return None
        sizes = [self.form.shapes[part.value][1] for part in parts]
        split = zip(parts, gradient.split(sizes, 1), strict=True)
        return {part.value: channels for part, channels in split if part.value in self.values}

    def _batched(
        self, call: Call, given: Mapping[int, torch.Tensor], outputs: Sequence[torch.Tensor | None]
    ) -> dict[int, torch.Tensor]:
        """By autograd's own batching, for calls of any kind."""
        with torch.enable_grad():
            leaves = {value: torch.zeros_like(x).requires_grad_() for value, x in given.items()}
            made: Any = self.form(call, leaves)
            if any(made is leaf for leaf in leaves.values()):
                return {value: outputs[0] for value, leaf in leaves.items() if made is leaf and outputs[0] is not None}
            pairs = [
                (result, gradient[:, None])
                for result, gradient in zip(made if call.several else (made,), outputs, strict=True)
                if gradient is not None and result.requires_grad
            ]
            if not pairs:
                return {}
            results, gradients = zip(*pairs, strict=True)
            found = torch.autograd.grad(
                results, list(leaves.values()), gradients, is_grads_batched=True, allow_unused=True
            )
        return {value: each[:, 0] for value, each in zip(leaves, found, strict=True) if each is not None}


def _transposed(conv: Mapping[str, Any], gradient: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    """The transposed convolution, onto maps of (height, width)."""
    if conv["weight"].shape[2:] == (1, 1) and conv["groups"] == 1 and _plain(conv):
        return F.conv2d(gradient, conv["weight"].transpose(0, 1))  # a fifth of the time where there are few channels
    reached = [
        (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
        for size, stride, padding, dilation, kernel in zip(
            gradient.shape[2:], conv["stride"], conv["padding"], conv["dilation"], conv["weight"].shape[2:], strict=True
        )
    ]
    rest = [side - size for side, size in zip(sides, reached, strict=True)]  # that the last position does not reach
    return F.conv_transpose2d(gradient, output_padding=rest, bias=None, **conv)


def _spread(
    gradient: torch.Tensor,
    sides: Sequence[int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> torch.Tensor:
    """Each position's gradient to all of its window, onto maps of (height, width): along rows, then whole rows."""
    along = list(zip((2, 3), sides, kernel, stride, padding, strict=True))
    for axis, side, size, step, edge in reversed(along):
        count = gradient.shape[axis]
        shape = list(gradient.shape)
        shape[axis] = max(step * (count - 1) + size, side + edge)
        windows = _zeros(gradient, shape)
        for shift in range(size):
            reached = windows.narrow(axis, shift, step * (count - 1) + 1)
            reached[(slice(None),) * axis + (slice(None, None, step),)] += gradient
        gradient = windows.narrow(axis, edge, side)
    return gradient


def _plain(conv: Mapping[str, Any]) -> bool:
    return conv["stride"] == (1, 1) and conv["padding"] == (0, 0)


def _last(x: torch.Tensor) -> torch.Tensor:
    """Maps in memory channels last, other values as they are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _zeros(like: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout).zero_()
