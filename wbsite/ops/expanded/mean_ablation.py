"""Mean ablation: how well a convolution's output is reproduced from few of each unit's inputs, on given pictures.

An input of a unit is one channel of the map it reads, through one kernel over space. Ablated inputs are replaced by
their mean effect, so a unit's constant is not counted: with z the unit's pre-activation at sampled positions and ẑ
the effect of the kept inputs plus the mean of the rest,

    R² = 1 − Σ (z − ẑ)² / Σ (z − z̄)²,

and the same of the rectified z and ẑ. Kept inputs may cancel with ablated ones, so R² can be negative and need not grow
with every input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.operations import CONVOLUTION, pair
from wbsite.graph.tape import Call, Tape, execute

ORDERS = ("norm", "contribution", "random")
"""By which inputs are kept: the norm of the kernel over space; this norm times the standard deviation of the input on
the pictures; drawn at random."""

Order = Literal["norm", "contribution", "random"]


@dataclass(frozen=True)
class Convolution:
    """A recorded convolution with its own batch norm and rectifier.

    Attributes:
        call: the convolution.
        input: number of the value it reads.
        after: the batch norm and rectifier, as far as they follow directly.
        end: number of the value after them.
        rectified: whether there is a rectifier among them.
    """

    call: Call
    input: int
    after: tuple[Call, ...]
    end: int
    rectified: bool

    @classmethod
    def of(cls, tape: Tape, layer: str) -> Convolution:
        """The convolution behind a layer's name.

        Raises:
            WbsiteError: the layer's output is not that of one convolution with fixed weights on one map.
        """
        value = tape.value(layer)
        call = tape.makers.get(value)
        if call is None or call.kernel is None or len(call.inputs) != 1:
            raise WbsiteError(f"the output of {layer} is not made by one convolution of one map with fixed weights")
        end = tape.activation(layer)
        return cls(call, call.inputs[0], tape.path(value, end), end, end != tape.pre_activation(layer))

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments by name."""
        return {**dict(zip(CONVOLUTION, self.call.args, strict=False)), **self.call.kwargs}

    @property
    def weight(self) -> torch.Tensor:
        """(O, I / groups, kh, kw)."""
        return self.arguments["weight"].detach()

    @property
    def groups(self) -> int:
        """Groups of channels."""
        return int(self.arguments.get("groups", 1))

    def activation(self, z: torch.Tensor) -> torch.Tensor:
        """The convolution's output at S positions after batch norm and rectifier: (S, O) → (S, O)."""
        if not self.after:
            return z
        out = execute(self.after, {self.call.outputs[0]: z[:, :, None, None]}, (self.end,), _run)[self.end]
        return out[:, :, 0, 0]

    def patches(self, x: torch.Tensor, per_picture: int, generator: torch.Generator) -> torch.Tensor:
        """What the kernel sees at random positions of its output, zeros beyond the edges: (S, I, kh, kw).

        Args:
            x: (N, I, H, W), the map it reads.
            per_picture: positions of each picture, drawn without repetition; all where there are fewer.
            generator: on the CPU.
        """
        arguments, size = self.arguments, self.weight.shape[2:]
        stride, dilation = pair(arguments.get("stride", 1)), pair(arguments.get("dilation", 1))
        span = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
        padding = arguments.get("padding", 0)
        if padding == "same":  # an even kernel has one more after it than before it
            (top, left), (bottom, right) = (s // 2 for s in span), (s - s // 2 for s in span)
        else:
            (top, left) = (bottom, right) = (0, 0) if padding == "valid" else pair(padding)
        x = F.pad(x, (left, right, top, bottom))
        tall, wide = ((n - s - 1) // step + 1 for n, s, step in zip(x.shape[2:], span, stride, strict=True))
        chosen = torch.rand(len(x), tall * wide, generator=generator).argsort(1)[:, :per_picture].to(x.device)
        ys, xs = chosen // wide * stride[0], chosen % wide * stride[1]
        rows = ys[:, :, None, None] + torch.arange(size[0], device=x.device)[:, None] * dilation[0]
        columns = xs[:, :, None, None] + torch.arange(size[1], device=x.device) * dilation[1]
        picture = torch.arange(len(x), device=x.device)[:, None, None, None]
        return x[picture, :, rows, columns].flatten(0, 1).permute(0, 3, 1, 2)


def _run(call: Call, values: Mapping[int, Any]) -> Any:
    return call.run(values)


def counts(inputs: int) -> tuple[int, ...]:
    """Numbers of inputs that are kept: 1, 2, 4, … and all."""
    powers = [2**i for i in range(inputs.bit_length())]
    return (*(count for count in powers if count < inputs), inputs)


@dataclass(frozen=True)
class MeanAblation:
    """How well units are reproduced from few inputs.

    Attributes:
        counts: (K,) numbers of inputs kept, ending with all of them.
        before: (K, O) R² of the pre-activation; NaN for a unit that never changes.
        after: (K, O) the same after the rectifier; NaN for a unit that is never active, or without a rectifier.
        needed: (O,) inputs from which R² of the pre-activation reaches the level asked for; NaN as in `before`.
    """

    counts: tuple[int, ...]
    before: torch.Tensor
    after: torch.Tensor
    needed: torch.Tensor


def ranked(conv: Convolution, patches: torch.Tensor, order: Order, generator: torch.Generator) -> torch.Tensor:
    """The inputs of every unit, those to be kept first: (O, I / groups) indices within the unit's group.

    Args:
        patches: (S, I, kh, kw), from which the standard deviation of inputs is taken.
        generator: on the CPU, for "random".
    """
    norm = conv.weight.flatten(2).norm(dim=2)
    if order == "random":
        return torch.rand(norm.shape, generator=generator).argsort(1).to(norm.device)
    if order == "contribution":
        deviation = patches.transpose(0, 1).flatten(1).std(1).reshape(conv.groups, 1, -1)
        norm = (norm.reshape(conv.groups, -1, norm.shape[1]) * deviation).flatten(0, 1)
    return norm.sort(dim=1, descending=True, stable=True).indices


def mean_ablation(conv: Convolution, patches: torch.Tensor, ranking: torch.Tensor, level: float = 0.9) -> MeanAblation:
    """R² of every unit by the number of inputs kept, and how many it needs.

    The number needed lies after the last of `counts` with R² below `level`, and is then narrowed down by halving; where
    R² falls again in between, an input more or less may do as well.

    Args:
        patches: (S, I, kh, kw).
        ranking: (O, I / groups), of `ranked`.
        level: R² to be reached, below 1.
    """
    weight, groups = conv.weight, conv.groups
    x = patches.to(weight.dtype).reshape(len(patches), groups, -1).transpose(0, 1)  # (groups, S, inputs · positions)
    mean = x.mean(1, keepdim=True)
    x = x - mean  # so that an ablated input counts by its deviation from its mean

    def applied(kernels: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        by_group = kernels.reshape(groups, len(weight) // groups, -1).transpose(1, 2)
        return (values @ by_group).transpose(0, 1).flatten(1)

    bias, rank = conv.arguments.get("bias"), ranking.argsort(1)
    z = applied(weight, x) + applied(weight, mean) + (0 if bias is None else bias)

    def error(count: torch.Tensor) -> torch.Tensor:
        return applied(weight * (rank >= count[:, None])[:, :, None, None], x)

    numbers, activation = counts(weight.shape[1]), conv.activation(z)
    spread, active_spread = _spread(z), _spread(activation)
    before, after = [], []
    for number in numbers:
        ablated = error(rank.new_full((len(weight),), number))
        before.append(_r_squared(spread, ablated))
        if conv.rectified:
            after.append(_r_squared(active_spread, activation - conv.activation(z - ablated)))
    r2 = torch.stack(before)
    low, high = (bound.to(rank) for bound in _bracket(numbers, r2, level))
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        enough = (_r_squared(spread, error(middle)) >= level).to(rank.device)
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    needed = torch.where(r2[-1].isnan(), torch.nan, high.cpu().double())
    return MeanAblation(numbers, r2, torch.stack(after) if conv.rectified else torch.full_like(r2, torch.nan), needed)


def _bracket(numbers: tuple[int, ...], r2: torch.Tensor, level: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every unit the last number with R² below the level (0 if there is none), and the next: (O,) each."""
    reached = (r2 >= level).flip(0).cumprod(0).flip(0)
    reached[-1] = 1  # with all inputs, also of a unit that never changes
    first, bounds = reached.argmax(0), torch.tensor((0, *numbers))
    return bounds[first], bounds[first + 1]


def _spread(z: torch.Tensor) -> torch.Tensor:
    """Σ (z − z̄)² over samples, (S, O) → (O,) float64; NaN where z does not change."""
    mean = z.double().mean(0)
    total = (z - mean).double().square().sum(0)
    return torch.where(total <= 1e-12 * len(z) * mean.square(), torch.nan, total)


def _r_squared(spread: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """1 − Σ error² / spread, of (S, O) → (O,) float64 on the CPU; NaN where the spread is."""
    return (1 - error.double().square().sum(0) / spread).cpu()
