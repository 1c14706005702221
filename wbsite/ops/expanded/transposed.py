"""The linear form of a path run backwards, from many units at once: the gradients that expanded weights are.

Autograd batches gradients by looping over the units where it has no batched kernel, as of average pools and of small
convolutions. Here each call is transposed for all units in one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.graph.linear import LinearForm
from wbsite.graph.operations import RECTIFIERS, UNCHANGED, pair
from wbsite.graph.receptive_field import Positions, unpadded
from wbsite.graph.tape import Call, execute

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
        self.calls, self.start, self.end, self.form = calls, start, end, form
        self.unbounded = None if positions is None else Unbounded(form, positions)
        values = {start, *(value for call in calls for value in call.outputs)}
        with torch.no_grad():
            self.values = execute(calls, {start: x}, values, self.unbounded or form)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value at the end, without the batch."""
        return tuple(self.values[self.end].shape[1:])

    @torch.no_grad()
    def __call__(self, gradients: torch.Tensor) -> torch.Tensor:
        """Gradients (N, …) of the value at the end → (N, …) of the value at the start."""
        pending, owned = {self.end: gradients}, set[int]()
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
            pending[value] = gradient.new_zeros(shape)
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
        if not others and gradient is not None and not call.several:
            if call.operation in RECTIFIERS | UNCHANGED:
                return {value: gradient}
            if call.operation == "conv2d" and (conv := _convolution(self.form.weighted(local))) is not None:
                return {value: _transposed(conv, gradient, x.shape[2:])}
            if call.operation == "max_pool2d":
                kernel, stride, padding, _, _, divisor = self.form.averaging(local)
                return {value: _spread(gradient / divisor, x.shape[2:], kernel, stride, padding)}
        return self._batched(local, given, outputs)

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


def _convolution(conv: Call) -> dict[str, Any] | None:
    """Arguments of a convolution by name, sizes as pairs; None where its padding is a word."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    arguments = {**dict(zip(names, conv.args, strict=False)), **conv.kwargs}
    if isinstance(arguments.get("padding"), str):
        return None
    sizes = {name: pair(arguments.get(name, default)) for name, default in _DEFAULTS.items()}
    return {"weight": arguments["weight"], "groups": arguments.get("groups", 1), **sizes}


def _transposed(conv: Mapping[str, Any], gradient: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    """The transposed convolution, onto maps of (height, width)."""
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
        windows = gradient.new_zeros(shape)
        for shift in range(size):
            reached = windows.narrow(axis, shift, step * (count - 1) + 1)
            reached[(slice(None),) * axis + (slice(None, None, step),)] += gradient
        gradient = windows.narrow(axis, edge, side)
    return gradient
