"""How a layer's kernels lie in space: in the middle or spread, mirrored, turned, striped, and of how many patterns.

With P positions of a kernel and K a kernel of one unit and channel, centred over space (its mean taken away), every
number here but the centre share is a function of the layer's moment matrix M = Σ K Kᵀ (P × P), summed over units and
channels, so that strong kernels count for more, as in the banding index.

- Symmetry under a flip or turn T of the positions: Σ⟨K, TK⟩ / Σ⟨K, K⟩ = tr(TM)/tr(M), in [−1, 1]: 1 where every kernel
  is its own mirror image, −1 where each is its negative (an edge across the mirror).
- Spectrum: with frequencies f over the whole band of the pixel grid, each axis in [−½, ½] cycles a pixel, S =
  ∫ |K̂(f)|² f fᵀ df summed over kernels, a 2 × 2 matrix (the structure tensor of the kernels; Bigün and Granlund, ICCV
  1987). The integrals have closed forms, so that nothing is sampled. Coherence is the difference of its eigenvalues
  over their sum, in [0, 1]: 1 for stripes of one direction; the angle is that of the stripes.
- Patterns: the participation ratio (Σλ)²/Σλ² of M's eigenvalues, from 1 (all kernels are multiples of one pattern) to
  P − 1 (all patterns alike often).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from wbsite.core.errors import WbsiteError

from .kernel_copies import find_copies
from .kernel_forms import unit_forms

_CHUNK_ELEMENTS = 4_000_000

_Sums: TypeAlias = Mapping[str, np.ndarray]
"""tr(QM) by the name of Q: a number each, or one for each resample."""


@dataclass(frozen=True)
class Measure:
    """A number of a layer's kernels.

    Attributes:
        value: NaN where no unit's kernel has a shape.
        low, high: 95 % bootstrap interval over units, copies of a unit drawn together; NaN where fewer than two
            different units vary over space.
        null: its expectation for independent weights of one variance, exactly; for `patterns` nearly.
    """

    value: float
    low: float
    high: float
    null: float


@dataclass(frozen=True, eq=False)
class KernelGeometry:
    """How the kernels of a layer lie in space.

    Attributes:
        centre_share: share of the squared weights (not centred) that lies in the middle: one position of a side of
            odd length, two of an even one. In [0, 1].
        left_right, up_down: symmetry under a flip of columns, of rows, in [−1, 1].
        quarter_turn: symmetry under a turn by 90°; None for kernels that are not square.
        coherence: of the spectrum, in [0, 1]; its `null` is that of very many kernels. Without an interval: resamples
            of a number that cannot be negative lie above it.
        angle: degrees in [0, 180) of the stripes that the spectrum prefers: 0 horizontal, 90 vertical, 45 from lower
            left to upper right; NaN where it prefers none.
        patterns: participation ratio of the eigenvalues of the moment matrix, 1 to P − 1; without an interval.
    """

    centre_share: Measure
    left_right: Measure
    up_down: Measure
    quarter_turn: Measure | None
    coherence: Measure
    angle: float
    patterns: Measure


def kernel_geometry(kernels: torch.Tensor, resamples: int = 1000, seed: int = 0) -> KernelGeometry:
    """Geometry of a layer's kernels.

    Args:
        kernels: (N units, C channels, kh, kw), any real dtype, on any device.
        resamples: of the bootstrap, at least 1.
        seed: of the bootstrap.

    Raises:
        WbsiteError: kernels not of rank 4, empty or not finite; kh or kw of 1; resamples below 1.
    """
    kernels = torch.as_tensor(kernels).detach()
    shape = tuple(kernels.shape)
    if kernels.ndim != 4 or 0 in shape or min(shape[2:]) < 2 or not bool(torch.isfinite(kernels).all()):
        raise WbsiteError(
            f"kernels have shape {shape}; expected finite (units, channels, kh, kw) of at least 2×2 positions.",
            "Pass the weight of a two-dimensional convolution whose kernels have rows and columns.",
        )
    if resamples < 1:
        raise WbsiteError(f"resamples is {resamples}; expected at least 1.", "The default is 1000.")
    kh, kw = shape[2:]
    forms, positions = unit_forms(kernels), kh * kw
    functionals = _functionals(kh, kw)
    sums, moment = _sums(kernels, functionals)
    sums *= forms.varies
    centring = np.eye(positions) - 1 / positions
    null = {name: np.trace(matrix @ centring) for name, matrix in functionals.items()}
    shaped = bool(forms.shaped.any())

    different = np.unique(find_copies(kernels).first, return_inverse=True)[1]
    sums = np.stack([np.bincount(different, row) for row in sums])  # copies of a unit are one
    drawn = None
    if shaped and np.count_nonzero(sums[0]) > 1:
        units = sums.shape[1]
        drawn = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=resamples) @ sums.T
    names = [*functionals, "middle", "raw"]
    total = dict(zip(names, sums.sum(1), strict=True))
    resampled = dict(zip(names, drawn.T, strict=True)) if drawn is not None else None

    def share(part: str, of: str, null: float) -> Measure:
        if not shaped:
            return Measure(math.nan, math.nan, math.nan, float(null))
        low, high = (math.nan, math.nan) if resampled is None else _interval(resampled[part] / resampled[of])
        return Measure(float(total[part] / total[of]), low, high, float(null))

    def symmetry(name: str) -> Measure:
        return share(name, "total", null[name] / null["total"])

    patterns = _patterns(moment) if shaped else math.nan
    samples = int(forms.varies.sum()) * shape[1]
    return KernelGeometry(
        centre_share=share("middle", "raw", _middle(kh, kw).sum() / positions),
        left_right=symmetry("left_right"),
        up_down=symmetry("up_down"),
        quarter_turn=symmetry("quarter_turn") if kh == kw else None,
        coherence=Measure(
            float(_coherence(total)) if shaped else math.nan, math.nan, math.nan, float(_coherence(null))
        ),
        angle=_angle(total) if shaped else math.nan,
        patterns=Measure(
            patterns, math.nan, math.nan, (positions - 1) * samples / (samples + positions) if samples else math.nan
        ),
    )


def _middle(kh: int, kw: int) -> np.ndarray:
    """(kh, kw) bool: the middle position, or positions."""
    rows, columns = (np.abs(np.arange(n) - (n - 1) / 2) < 1 for n in (kh, kw))
    middle: np.ndarray = rows[:, None] & columns[None, :]
    return middle


def _functionals(kh: int, kw: int) -> dict[str, np.ndarray]:
    """Symmetric matrices Q (P, P) of which tr(QM) is wanted, by name."""
    positions = kh * kw
    place = np.arange(positions).reshape(kh, kw)
    maps = {"left_right": place[:, ::-1], "up_down": place[::-1]}
    if kh == kw:
        maps["quarter_turn"] = np.rot90(place)
    found = {"total": np.eye(positions)}
    for name, to in maps.items():
        turned = np.eye(positions)[to.reshape(-1)]
        found[name] = (turned + turned.T) / 2
    y, x = np.divmod(np.arange(positions), kw)
    dy, dx = y[:, None] - y[None, :], x[:, None] - x[None, :]
    found["xx"] = np.where(dy == 0, _square(dx), 0)
    found["yy"] = np.where(dx == 0, _square(dy), 0)
    found["xy"] = -_line(dx) * _line(dy)
    return found


def _square(d: np.ndarray) -> np.ndarray:
    """∫ f² cos(2πfd) df over [−½, ½], for whole numbers d."""
    safe = np.where(d == 0, 1, d)
    found: np.ndarray = np.where(d == 0, 1 / 12, (-1.0) ** np.abs(d) / (2 * math.pi**2 * safe**2))
    return found


def _line(d: np.ndarray) -> np.ndarray:
    """∫ f sin(2πfd) df over [−½, ½], for whole numbers d."""
    safe = np.where(d == 0, 1, d)
    found: np.ndarray = np.where(d == 0, 0, -((-1.0) ** np.abs(d)) / (2 * math.pi * safe))
    return found


def _sums(kernels: torch.Tensor, functionals: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Σ over a unit's channels of KᵀQK for each functional, then of the squared weights in the middle and of all,
    (Q + 2, N) float64; and the layer's moment matrix (P, P)."""
    positions = kernels.shape[2] * kernels.shape[3]
    middle = torch.from_numpy(_middle(*kernels.shape[2:]).reshape(-1))
    matrices = [torch.from_numpy(np.ascontiguousarray(f)) for f in functionals.values()]
    parts, moment = [], torch.zeros(positions, positions, dtype=torch.float64)
    for chunk in kernels.cpu().split(max(1, _CHUNK_ELEMENTS // kernels[0].numel())):
        raw = chunk.to(torch.float64).flatten(2)
        x = raw - raw.mean(2, keepdim=True)
        flat = x.reshape(-1, positions)
        moment += flat.T @ flat
        rows = [(x * (x @ q)).sum((1, 2)) for q in matrices]
        parts.append(torch.stack([*rows, raw[:, :, middle].square().sum((1, 2)), raw.square().sum((1, 2))]))
    return torch.cat(parts, dim=1).numpy(), moment.numpy()


def _coherence(sums: _Sums) -> np.ndarray:
    across = np.hypot(sums["xx"] - sums["yy"], 2 * sums["xy"])
    found: np.ndarray = across / (sums["xx"] + sums["yy"])
    return found


def _angle(sums: _Sums) -> float:
    """Of the stripes, which lie across the frequency that is preferred; rows are counted downwards."""
    xx, yy, xy = (float(sums[name]) for name in ("xx", "yy", "xy"))
    if math.hypot(xx - yy, 2 * xy) <= 1e-9 * (xx + yy):
        return math.nan
    frequency = math.degrees(math.atan2(-2 * xy, xx - yy)) / 2  # y upwards
    return (frequency + 90) % 180


def _patterns(moment: np.ndarray) -> float:
    return float(np.trace(moment) ** 2 / np.square(moment).sum())


def _interval(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]  # a resample of dead units alone has none
    if not len(finite):
        return math.nan, math.nan
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)
