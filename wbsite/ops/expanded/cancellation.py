"""Which units' inputs cancel: an earlier unit that excites a unit along some paths and inhibits it along others.

Between two wide maps (`graph.dominators`) lie the units m of the map between. What source unit s does to unit u through
m is a kernel, C_m = expanded weights s → m, composed with expanded weights m → u; the expanded weights s → u are their
sum. Each m has a rectifier of its own, so the C_m need not come together on any picture: where they are large and
their sum is small, the expanded weights hide what is there (boundary detectors, Voss et al. 2021, figure 12).

Sums of many terms of either sign are small anyway, by 1/√(number of terms). So they are measured against chance:

    coherence = ‖Σ_m C_m‖ / √(Σ_m ‖C_m‖²)

is 1 (root mean square) if every m had its sign by a coin, larger where contributions add up, 0 where they cancel.
Two nulls tell how often it is small by chance: `signs` gives every m a random sign for every u, which keeps all sizes
and shapes; `shuffle` gives u's kernels to the m in random order, which also separates shapes that belong together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.dominators import Route
from wbsite.graph.linear import LinearForm
from wbsite.graph.receptive_field import positions_seen
from wbsite.graph.recording import Recorded

from .transposed import Transposed
from .weights import Path, finite

_CHUNK_BYTES = 64 * 2**20
_CACHED = 2**18
"""Weights worked on at a time where memory is the limit: they stay in a processor's cache."""
NULLS = ("signs", "shuffle")


@dataclass(frozen=True)
class Pairs:
    """Units and their strongest sources, (units, strongest) each, the strongest first.

    Attributes:
        channel: of the source.
        strength: √(Σ_m ‖C_m‖²).
        net: ‖Σ_m C_m‖.
    """

    channel: torch.Tensor
    strength: torch.Tensor
    net: torch.Tensor

    @property
    def coherence(self) -> torch.Tensor:
        """net / strength; 1 where there is no path at all."""
        return torch.where(self.strength > 0, self.net / self.strength.clamp_min(1e-30), 1)

    @property
    def hidden(self) -> torch.Tensor:
        """(units,), share of the squared strength of these sources that is not in the net, in [0, 1]."""
        lost = (self.strength.square() - self.net.square()).clamp_min(0).sum(1)
        return lost / self.strength.square().sum(1).clamp_min(1e-30)


@dataclass(frozen=True)
class RouteCancellation:
    """What cancels on a route.

    Attributes:
        route: the three maps.
        pairs: units and their strongest sources.
        positive, negative: (units, C_source), sums of the positive and of the negative products of kernel weights
            s → m and m → u over m and positions, ≥ 0 and ≤ 0.
        net: (units, C_source), Σ|Σ_m C_m| over positions, of the expanded weights.
        nulls: "signs", "shuffle" → the pairs of every draw.
    """

    route: Route
    pairs: Pairs
    positive: torch.Tensor
    negative: torch.Tensor
    net: torch.Tensor
    nulls: Mapping[str, list[Pairs]]

    @property
    def cancellation(self) -> torch.Tensor:
        """(units, C_source), 1 − net / (positive − negative), as of `weights.Paths`; near 1 by chance alone."""
        total = self.positive - self.negative
        return torch.where(total > 0, 1 - self.net / total.clamp_min(1e-30), 0).clamp_min(0)


def route_cancellation(
    recorded: Recorded, route: Route, strongest: int = 10, draws: int = 2, seed: int = 0
) -> RouteCancellation:
    """Measures what cancels between all units of a route's target and all of its source.

    Costs about 2·draws + 2 times the expanded weights of all target units.

    Args:
        strongest: sources of every unit that are looked at, by strength.
        draws: of each null.

    Raises:
        WbsiteError: a call on the way has no linear form, or a weight is not finite.
    """
    form = LinearForm(recorded.tape.shapes)
    first = Path.between(recorded, route.source, route.between)
    last = Path.between(recorded, route.between, route.target)
    for path in (first, last):
        if path.receptive_field is not None:
            continue
        path.gradients([0], form)  # says which call has no linear form, if that is why there is no receptive field
        raise WbsiteError(f"{route.target} sees the whole map of {route.source} at once, not a part of it.")
    into = finite(last, last.gradients(last.units(None), form))
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.rand(into.shape[:2], generator=generator).argsort(1).to(into.device) for _ in range(draws)]
    signs = [torch.randint(0, 2, into.shape[:2], generator=generator).to(into) * 2 - 1 for _ in range(draws)]
    total, signed, strength = _sums(first, form, into, orders)
    composition = Composition(first, into.shape[2:], form)
    net, norm = composition.sizes(into)
    for sums in (total, signed, net, norm, *strength):
        finite(replace(first, target=route.target), sums)
    count = min(strongest, norm.shape[1])
    nulls = {
        "signs": [_strongest(strength[0], composition.sizes(into * sign[..., None, None])[1], count) for sign in signs],
        "shuffle": [
            _strongest(squares, composition.sizes(_reordered(into, order))[1], count)
            for squares, order in zip(strength[1:], orders, strict=True)
        ],
    }
    pairs = _strongest(strength[0], norm, count)
    return RouteCancellation(route, pairs, (total + signed) / 2, (signed - total) / 2, net, nulls)


class Composition:
    """Composes weights on a path's target with the expanded weights of the path, all positions at once.

    Args:
        shape: (kh, kw) of the weights.
    """

    def __init__(self, path: Path, shape: Sequence[int], form: LinearForm) -> None:
        kh, kw = shape
        positions = positions_seen(path.calls, path.end, ((0, kh - 1), (0, kw - 1)))
        sides = [last - first + 1 for first, last in positions[path.start]]
        x = path.recorded.like.new_zeros(1, path.source_shape[0], *sides)
        self.backwards = Transposed(path.calls, path.start, path.end, x, form, positions)
        self.size = x.element_size() * max(x.numel(), math.prod(self.backwards.shape)) * 4

    def __call__(self, weights: torch.Tensor) -> Iterator[torch.Tensor]:
        """(N, M, kh, kw) → (n, C_source, height, width), in parts of N."""
        for part in weights.split(max(1, _CHUNK_BYTES // self.size)):
            yield self.backwards(part)

    def sizes(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Σ|composed| and ‖composed‖ over positions, (N, C_source) each."""
        parts = [(composed.abs().sum((2, 3)), composed.square().sum((2, 3)).sqrt()) for composed in self(weights)]
        absolute, norm = (torch.cat(part) for part in zip(*parts, strict=True))
        return absolute, norm


def compose(outer: torch.Tensor, inner: torch.Tensor, stride: tuple[int, int]) -> torch.Tensor:
    """Kernels (M, kh, kw) of a map's channels after kernels (M, ah, aw) that lead to it with a stride, each: C_m."""
    kh, kw = outer.shape[1:]
    ah, aw = inner.shape[1:]
    composed = inner.new_zeros(len(inner), stride[0] * (kh - 1) + ah, stride[1] * (kw - 1) + aw)
    for y in range(kh):
        for x in range(kw):
            top, left = stride[0] * y, stride[1] * x
            composed[:, top : top + ah, left : left + aw] += outer[:, y, x, None, None] * inner
    return composed


def _sums(
    path: Path, form: LinearForm, into: torch.Tensor, orders: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Σ_m Σ|C_m's products|, Σ_m ΣC_m, and Σ_m ‖C_m‖², of the weights as they are and in every order.

    Each from sums over the two factors: Σ over positions of a composed kernel is the product of the kernels' sums,
    and its squared norm the product of their autocorrelations, summed over lags.
    """
    assert path.receptive_field is not None
    steps = tuple(axis.stride for axis in path.receptive_field)
    rows_apart, columns_apart = (min(k, -(-a // t)) for k, a, t in zip(into.shape[2:], path.kernel, steps, strict=True))
    lags = [(y, x) for y in range(rows_apart) for x in range(1 - columns_apart, columns_apart) if (y, x) >= (0, 0)]
    lags_into = _autocorrelation(into, (1, 1), lags).permute(1, 2, 0).contiguous()  # what an order moves lies together
    rows = torch.arange(len(into), device=into.device)[:, None]
    total = signed = torch.zeros((), dtype=into.dtype, device=into.device)
    squares = [total] * (1 + len(orders))
    units = torch.arange(into.shape[1], device=into.device)
    size = into.element_size() * path.source_shape[0] * (path.kernel[0] * path.kernel[1] + len(lags)) * 2
    backwards = path.backwards(form)
    for part in units.split(max(1, _CHUNK_BYTES // size)):
        kernels = finite(path, path.gradients(part.tolist(), backwards))
        total = total + into[:, part].abs().sum((2, 3)) @ kernels.abs().sum((2, 3))
        signed = signed + into[:, part].sum((2, 3)) @ kernels.sum((2, 3))
        lags_from = _autocorrelation(kernels, steps, lags).transpose(0, 1).flatten(0, 1)
        for i, order in enumerate([units.expand(into.shape[:2]), *orders]):
            squares[i] = squares[i] + lags_into[rows, order[:, part]].flatten(1) @ lags_from
    return total, signed, [square.clamp_min(0) for square in squares]


def _autocorrelation(kernels: torch.Tensor, steps: tuple[int, ...], lags: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Of (N, M, kh, kw) kernels at some multiples of the steps: (lags, N, M).

    Lags lie on one side of (0, 0), which is the first; the others count √2-fold, for their mirror images.
    """
    height, width = kernels.shape[2:]
    flat = kernels.flatten(0, 1)
    correlations = kernels.new_zeros(len(lags), len(flat))
    part = max(1, _CACHED // (height * width))
    for start in range(0, len(flat), part):
        last = flat[start : start + part].permute(1, 2, 0).contiguous()  # kernels side by side: many at a time
        for i, (y, x) in enumerate(lags):
            down, right = y * steps[0], abs(x) * steps[1]
            lower, upper = last[down:], last[: max(0, height - down)]
            fixed, shifted = (upper, lower) if x >= 0 else (lower, upper)
            products = fixed[:, : max(0, width - right)] * shifted[:, right:]
            correlations[i, start : start + part] = products.flatten(0, 1).sum(0)
    correlations[1:] *= 2**0.5
    return correlations.reshape(len(lags), *kernels.shape[:2])


def _strongest(squares: torch.Tensor, norm: torch.Tensor, count: int) -> Pairs:
    channel = squares.argsort(dim=1, descending=True, stable=True)[:, :count]
    return Pairs(channel, squares.gather(1, channel).sqrt(), norm.gather(1, channel))


def _reordered(into: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return into[torch.arange(len(into), device=into.device)[:, None], order]


def null_p_and_q(observed: torch.Tensor, null: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How often a null gives as large a value, and how many of those that large are expected to be false.

    Args:
        observed: (n,).
        null: (m,), values of all draws together.

    Returns:
        p (n,): (1 + null values at least as large) / (1 + null values).
        q (n,): false discovery rate if this value and all larger ones are called found: the smallest, over thresholds
            up to it, of expected null values ≥ threshold / observed values ≥ threshold, at most 1.
    """
    above = len(null) - torch.searchsorted(null.sort().values, observed.contiguous())
    p = (1 + above) / (1 + len(null))
    called = len(observed) - torch.searchsorted(observed.sort().values, observed.contiguous())
    rate = (p * len(observed) / called).clamp_max(1)
    order = observed.argsort(stable=True)
    q = torch.empty_like(rate)
    q[order] = rate[order].cummin(0).values
    return p, q
