"""Bounds of the largest and the smallest gradient that any pattern of rectifiers allows, by interval propagation.

On a given picture every rectifier is open or shut, every max pool passes one position of its window, and the
gradient from a source unit to a target unit is that of the linear network left over. Here an impulse of one source
unit at one position goes forward through the recorded path as an interval that holds its effect in every such
network: weights move and widen it (centre and radius: W·c and |W|·r), a rectifier turns [low, high] into
[min(0, low), max(0, high)], a max pool into the lowest low and the highest high of its window (interval bound
propagation, Gowal et al. 2018, of derivatives).

How the bounds compare with the sums of path products with open gates (`weights.path_products(…, pools="gates")`), entry
by entry, and mirrored for the lower bound:

    largest gradient over patterns ≤ upper ≤ sum of positive path products.

The first, because every step's interval holds what each pattern gives. The second by induction along the path, where
nothing normalises: the sums obey positive' = W⁺·positive − W⁻·negative, the interval's ends obey the same rule from
tighter ends, a rectifier keeps 0 between them, and the largest of a pool's window is at most the sum over it. With one
layer of rectifiers and no max pool all three are equal, since every path has a gate to itself. Behind a max pool the
bound is smaller. With more layers of rectifiers it is still the sum of path products, which then no pattern may
attain: a gate is shared by paths that want it open and paths that want it shut.

Local response normalisation is no pattern of gates, and lets channels inhibit their neighbours: gradients leave the
sums of path products, which know it by its slope at zero only. In InceptionV1 (BVLC), on 50 photographs, that were
13 % of the gradients from conv2d2 to mixed3a_1x1 right behind it, by up to 0.23 of the unit's largest gradient, and
16 % from conv2d0 to conv2d1; one convolution further (mixed3a_3x3), where the sums are wider, 1 of 687 041. Its
derivatives have bounds of their own (`_normalised`), so the bounds hold there too; they may then exceed the sums.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.fast.response_norm import neighbour_sums
from wbsite.graph.linear import LinearForm
from wbsite.graph.operations import MAXIMA, NORMALISATIONS, RECTIFIERS, SUMS, WEIGHTED
from wbsite.graph.receptive_field import Axis, positions_seen
from wbsite.graph.tape import Call, Ref, execute

from .unbounded import Unbounded
from .weights import Path, checked_numbers, finite

_CHUNK_BYTES = 96 * 2**20
_GATES = frozenset({"relu", "relu6", "hardtanh", "clamp", "clamp_min", "threshold", "leaky_relu", "softplus"})
"""Rectifiers whose slope is between 0 and 1 everywhere."""


@dataclass(frozen=True)
class GradientBounds:
    """Bounds of a gradient over all patterns of rectifiers, (units, channels, kh, kw) each.

    Attributes:
        lower: of the most inhibitory gradient, ≤ the gradient on any picture.
        upper: of the most excitatory one, ≥ the gradient on any picture.
    """

    lower: torch.Tensor
    upper: torch.Tensor


def gradient_bounds(
    model: Any,
    source: str,
    target: str,
    units: Sequence[int] | None = None,
    channels: Sequence[int] | None = None,
) -> GradientBounds:
    """Bounds of ∂ pre-activation of target units at one position / ∂ activation of source channels it sees.

    Costs one forward pass, on maps about twice as wide as the receptive field, for each source channel and each phase
    of the path's stride; all units come with it.

    Args:
        model, source, target, units: as for `weights.expanded_weights`, which says what else is refused.
        channels: of the source; None for all.

    Raises:
        WbsiteError: a rectifier on the path can have a slope below 0 or above 1; the path reduces a whole map.
    """
    path = Path.between(model, source, target)
    rows = path.units(units)
    count = path.source_shape[0]
    columns = checked_numbers(channels, count, source, "channel")
    shapes = path.recorded.tape.shapes
    if path.receptive_field is None:
        path.gradients([0], LinearForm(shapes))  # says which call has no linear form, if one has none
        raise WbsiteError(
            f"{target} sees the whole map of {source} at once; gradient bounds are for receptive fields.",
            "Choose a target before the network pools over the whole map.",
        )
    like, (height, width) = path.recorded.like, map(_Shifts, path.receptive_field)
    positions = positions_seen(path.calls, path.end, ((0, height.targets - 1), (0, width.targets - 1)))
    run = Unbounded(_on_intervals(shapes), positions)
    impulses = [(c, y, x) for c in columns for y in range(height.phases) for x in range(width.phases)]
    size = like.element_size() * count * height.side * width.side
    batch = max(1, _CHUNK_BYTES // (4 * size))
    bounds = [like.new_zeros(2, 0, len(rows), height.targets, width.targets)]
    for start in range(0, len(impulses), batch):
        part = impulses[start : start + batch]
        centre = like.new_zeros(len(part), count, height.side, width.side)
        for row, (channel, y, x) in enumerate(part):
            centre[row, channel, height.impulse(y), width.impulse(x)] = 1
        values: dict[int, Any] = {path.start: Interval(centre, torch.zeros_like(centre))}
        with torch.no_grad():
            interval: Any = execute(path.calls, values, (path.end,), run)[path.end]
        bounds.append(torch.stack([interval.low, interval.high])[:, :, rows])
    low, high = _unfolded(finite(path, torch.cat(bounds, 1)), len(columns), height, width)
    return GradientBounds(low, high)


@dataclass(frozen=True)
class _Shifts:
    """Along one axis: what a target sees moves by the stride when it moves by one position.

    So one impulse, read at all target positions that see it, gives every stride-th entry of the receptive field.
    """

    axis: Axis

    @property
    def phases(self) -> int:
        return min(self.axis.stride, self.axis.size)

    @property
    def targets(self) -> int:
        """Target positions that see one source position, at most."""
        return -(-self.axis.size // self.axis.stride)

    @property
    def side(self) -> int:
        """Of the source's map that they see."""
        return self.axis.stride * (self.targets - 1) + self.axis.size

    def impulse(self, phase: int) -> int:
        """Where the impulse is put, for entries phase, phase + stride, … of the receptive field."""
        return self.axis.stride * (self.targets - 1) + phase


def _unfolded(bounds: torch.Tensor, channels: int, height: _Shifts, width: _Shifts) -> torch.Tensor:
    """(2, channels · phases, units, targets, targets) → (2, units, channels, kh, kw)."""
    shape = (2, channels, height.phases, width.phases, bounds.shape[2], height.targets, width.targets)
    by_entry = bounds.flip(3, 4).reshape(shape).permute(0, 4, 1, 5, 2, 6, 3)  # the last target sees the first entry
    size = (height.targets * height.phases, width.targets * width.phases)
    return by_entry.reshape(2, shape[4], channels, *size)[..., : height.axis.size, : width.axis.size].contiguous()


@dataclass(frozen=True)
class Interval:
    """Values between centre − radius and centre + radius, radius ≥ 0, of one shape."""

    centre: torch.Tensor
    radius: torch.Tensor

    @classmethod
    def between(cls, low: torch.Tensor, high: torch.Tensor) -> Interval:
        return cls((high + low) / 2, (high - low) / 2)

    @property
    def low(self) -> torch.Tensor:
        return self.centre - self.radius

    @property
    def high(self) -> torch.Tensor:
        return self.centre + self.radius

    @property
    def shape(self) -> torch.Size:
        return self.centre.shape

    def __getitem__(self, index: Any) -> Interval:
        return Interval(self.centre[index], self.radius[index])


def _on_intervals(shapes: Mapping[int, tuple[int, ...]]) -> Callable[[Call, Mapping[int, Any]], Any]:
    """Runs a recorded call on intervals of derivatives."""
    moved, widened = LinearForm(shapes), LinearForm(shapes, magnitude=True)

    def run(call: Call, values: Mapping[int, Any]) -> Any:
        x = next(values[value] for value in call.inputs if value in values)
        if call.operation in RECTIFIERS:
            if call.operation not in _GATES or not _is_gate(call):
                raise WbsiteError(
                    f"{call.name} in {call.module or 'the network'} has slopes below 0 or above 1, so it is no gate.",
                    "Gradient bounds are for rectifiers that are open, shut, or between.",
                )
            return Interval.between(x.low.clamp_max(0), x.high.clamp_min(0))
        if call.operation in MAXIMA and not call.several:
            value = call.inputs[0]
            return Interval.between(-call.run({value: -x.low}), call.run({value: x.high}))
        if call.operation in NORMALISATIONS:
            return _normalised(call, x)
        plain = _without_constants(call)
        centre = moved(plain, {value: interval.centre for value, interval in values.items()})
        radius = widened(plain, {value: interval.radius for value, interval in values.items()})
        return tuple(map(Interval, centre, radius)) if call.several else Interval(centre, radius)

    return run


def _is_gate(call: Call) -> bool:
    if call.operation != "leaky_relu":
        return True
    return 0 <= float(call.kwargs.get("negative_slope", call.args[1] if len(call.args) > 1 else 0.01)) <= 1


_ADDED = {"conv2d": ("bias",), "linear": ("bias",), "batch_norm": ("bias", "running_mean")}
_NAMES = {
    "conv2d": ("input", "weight", "bias"),
    "linear": ("input", "weight", "bias"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias"),
}


def _without_constants(call: Call) -> Call:
    """The call without the constants it adds, which do not change a derivative."""
    if call.operation in SUMS:
        return replace(call, args=tuple(arg if isinstance(arg, Ref) else _zero(arg) for arg in call.args))
    if call.operation not in WEIGHTED:
        return call
    names, added = _NAMES[call.operation], _ADDED[call.operation]
    args = tuple(_zero(arg) if i < len(names) and names[i] in added else arg for i, arg in enumerate(call.args))
    return replace(call, args=args, kwargs={k: _zero(v) if k in added else v for k, v in call.kwargs.items()})


def _zero(constant: Any) -> Any:
    return torch.zeros_like(constant) if isinstance(constant, torch.Tensor) else constant and 0


def _normalised(call: Call, x: Interval) -> Interval:
    """Local response normalisation y_i = x_i·s^−β, s = k + a·Σ x_j² over n neighbouring channels, with a = α/n.

    ∂y_i/∂x_i = s^−β·(1 − 2βa·x_i²/s) is at most k^−β; for β ≤ ½ at least 0, else least with no other channel active
    and a·x_i² = z = 3k/(2β − 1): (k − (2β − 1)z)·(k + z)^−(β+1). |∂y_i/∂x_j| = 2βa·|x_i·x_j|·s^−(β+1) is largest
    with a·x_i² = a·x_j² = k/(2β): k^−β·(1 + 1/β)^−(β+1). The bounds hold one by one, not all at once on one picture.
    """
    bound = inspect.signature(F.local_response_norm).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    size, beta, k = (bound.arguments[name] for name in ("size", "beta", "k"))
    excess = 2 * beta - 1
    z = 3 * k / excess if excess > 0 else 0.0
    least = (k - excess * z) * (k + z) ** -(beta + 1) if excess > 0 else 0.0
    most, cross = k**-beta, k**-beta * (1 + 1 / beta) ** -(beta + 1)
    ends = torch.stack([slope * end for slope in (least, most) for end in (x.low, x.high)])
    largest = torch.maximum(x.low.abs(), x.high.abs())
    others = cross * (neighbour_sums(largest, size // 2, (size - 1) // 2) - largest).clamp_min(0)
    return Interval.between(ends.amin(0) - others, ends.amax(0) + others)
