"""The linear form of a recorded call: what expanded weights multiply out instead of the call itself.

Rectifiers become the identity, max pools average pools (or open gates), local response normalisation its
slope at zero, k^-β; batch norm in evaluation mode, convolutions and all that only adds, averages or moves
numbers are affine already, and a constant does not change a gradient. Anything else has no linear form:
a product of two values, a sigmoid, a softmax, a norm that takes its scale from the picture.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError

from .operations import (
    AVERAGES,
    BATCH_NORMS,
    JOINS,
    MAXIMA,
    MOVES,
    NORMALISATIONS,
    RECTIFIERS,
    SCALED,
    SUMS,
    UNCHANGED,
    WEIGHTED,
    pair,
)
from .tape import Call, Ref

Pools = Literal["average", "gates"]


@dataclass(frozen=True)
class LinearForm:
    """Runs recorded calls by their linear forms, for `tape.execute`.

    Attributes:
        magnitude: every weight is replaced by its absolute value, so that gradients are sums over paths
            of the absolute path products.
        pools: "average": a max pool passes the mean of its window; "gates": it passes every position
            (of which a real one opens one), as a bound needs it.
        shapes: of all recorded values, for those that do not depend on the source and count as zero.
    """

    shapes: Mapping[int, tuple[int, ...]]
    magnitude: bool = False
    pools: Pools = "average"

    def __call__(self, call: Call, values: Mapping[int, Any]) -> Any:
        """The call's output.

        Raises:
            WbsiteError: it has no linear form; it and its module are named.
        """
        operation = call.operation
        if operation in BATCH_NORMS and call.kwargs.get("training"):
            raise no_linear_form(call, " with the batch's own statistics")
        x = next(values[value] for value in call.inputs if value in values)
        if operation in RECTIFIERS | UNCHANGED:
            return x
        if operation in NORMALISATIONS:
            norm = _arguments(F.local_response_norm, call)
            return x if norm["k"] == 1 else x * norm["k"] ** -norm["beta"]
        if operation in MAXIMA:
            return self._pool(call, x)
        if operation in SUMS:
            return self._sum(call, values)
        if operation in JOINS:
            return replace(call).run({**self._zeros(call, values, x), **values})
        if len(call.inputs) > 1 or operation not in SCALED | WEIGHTED | AVERAGES | MOVES:
            raise no_linear_form(call)
        if operation in WEIGHTED | {"div", "truediv"} and call.inputs[0] != _first(call):
            raise no_linear_form(call)
        if operation == "neg" and self.magnitude:
            return x
        return self.weighted(call).run(values) if operation in SCALED | WEIGHTED else call.run(values)

    def weighted(self, call: Call) -> Call:
        """A call with weights, as they count in this form."""
        return _magnitude(call) if self.magnitude else call

    def _pool(self, call: Call, x: torch.Tensor) -> torch.Tensor:
        if call.operation == "adaptive_max_pool2d":
            size = _arguments(F.adaptive_max_pool2d, call)["output_size"]
            return self._gate(F.adaptive_avg_pool2d(x, size), x)
        if call.operation == "amax":
            reduced = replace(call, function=torch.mean).run({call.inputs[0]: x})
            return self._gate(reduced, x)
        if call.several:
            raise no_linear_form(call)
        return F.avg_pool2d(x, *self.averaging(call))

    def averaging(self, call: Call) -> tuple[Any, ...]:
        """The average pool that a max pool becomes: kernel_size, stride and the further arguments of `avg_pool2d`."""
        pool = pool_arguments(call)
        kernel = pool["kernel_size"]
        if pool["dilation"] != (1, 1):
            raise no_linear_form(call)
        divisor = kernel[0] * kernel[1] if self.pools == "average" else 1
        return kernel, pool["stride"], pool["padding"], pool["ceil_mode"], True, divisor

    def _gate(self, averaged: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return averaged if self.pools == "average" else averaged * (x[0, 0].numel() / averaged[0, 0].numel())

    def _sum(self, call: Call, values: Mapping[int, Any]) -> Any:
        """A value that does not depend on the source counts as zero."""
        if call.operation == "sub" and self.magnitude:
            call = replace(call, function=torch.add)
        off = {value: torch.zeros((), dtype=_like(values).dtype, device=_like(values).device) for value in call.inputs}
        return call.run({**off, **values})

    def _zeros(self, call: Call, values: Mapping[int, Any], x: torch.Tensor) -> dict[int, torch.Tensor]:
        return {
            value: x.new_zeros(len(x), *self.shapes[value][1:2], *x.shape[2:])
            for value in call.inputs
            if value not in values
        }


def _like(values: Mapping[int, Any]) -> torch.Tensor:
    return next(iter(values.values()))


def _first(call: Call) -> int:
    """Number of the value that is a call's first argument, −1 if that is no value."""
    first = call.args[0] if call.args else next(iter(call.kwargs.values()))
    return first.value if isinstance(first, Ref) else -1


def _magnitude(call: Call) -> Call:
    """The call with the absolute value of every weight and factor."""

    def positive(argument: Any) -> Any:
        if isinstance(argument, torch.Tensor) and argument.is_floating_point():
            return argument.abs()
        factor = isinstance(argument, float) or (call.operation in SCALED and isinstance(argument, int))
        return abs(argument) if factor else argument

    return replace(call, args=tuple(map(positive, call.args)), kwargs={k: positive(v) for k, v in call.kwargs.items()})


def _arguments(function: Any, call: Call) -> dict[str, Any]:
    """The call's arguments by name, defaults included."""
    bound = inspect.signature(function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return bound.arguments


POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
"""Arguments of a max pool, in order."""


def pool_arguments(call: Call) -> dict[str, Any]:
    """Geometry of a max pool: kernel_size, stride, padding, dilation as pairs, and ceil_mode."""
    pool = {**dict(zip(POOL, call.args, strict=False)), **call.kwargs}
    kernel = pair(pool["kernel_size"])
    return {
        "kernel_size": kernel,
        "stride": pair(pool["stride"]) if pool.get("stride") else kernel,
        "padding": pair(pool.get("padding", 0)),
        "dilation": pair(pool.get("dilation", 1)),
        "ceil_mode": bool(pool.get("ceil_mode", False)),
    }


def no_linear_form(call: Call, how: str = "") -> WbsiteError:
    """The error that says that a path cannot be multiplied out; `how` is said after the call's name."""
    return WbsiteError(
        f"{call.name}{how} in {call.module or 'the network'} has no linear form, so no weights can be expanded through "
        "it.",
        "Choose two layers with only convolutions, linear layers, rectifiers, pools, batch norm, local response "
        "normalisation, sums and concatenations between them.",
    )
