"""Banding index: how much of a layer's spatial weight variance lies in horizontal or vertical bands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.kernel_copies import find_copies
from wbsite.ops.kernel_forms import Forms, picture_forms, unit_forms
from wbsite.stats.chance import chance_corrected

AGREES_WITH_ARTICLE = 0.55
"""|H| of a layer's NMF pictures above which the index agrees with the verdict of Petrov et al. (Weight
Banding, Distill 2021) on 18 published layers. Chosen on those same layers: an in-sample threshold."""

ARTICLE_LAYERS = 18
"""How many published layers the threshold was chosen on."""

INTERMEDIATE = (0.3, 0.6)
"""|H| between which a layer is neither clearly banded nor clearly not: show the number."""

Verdict = Literal["horizontal", "vertical", "none", "intermediate", "undefined"]

_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class BandingShares:
    """Shares of a layer's spatial variance.

    Attributes:
        row_share: R in [0, 1], the share that row means explain.
        column_share: C in [0, 1], the share that column means explain; R + C ≤ 1.
        index: H = R - C in [-1, 1]; positive means horizontal bands. NaN, as the shares, when no unit's kernel has
            a shape: H would say nothing, or what the size of the kernel alone decides.
    """

    row_share: float
    column_share: float
    index: float


@dataclass(frozen=True, eq=False)
class BandingIndex(BandingShares):
    """Shares of a layer's spatial variance, and how certain they are.

    Attributes:
        per_unit: H of each unit alone, (N,) float64 on the CPU; NaN for a unit whose kernel has no shape.
        low, high: percentile bootstrap interval of H over units. It describes the units of this
            network, not other trainings of it. Copies of a unit, up to a factor, are drawn together, as the one unit
            that they are; NaN where fewer than two different units vary over space.
        units: N.
        null_row_share, null_column_share: E[R] and E[C] of independent weights, see `expected_shares`.
        sign_flip_p: two-sided p-value of "the layer prefers neither axis". With hundreds of units it
            is significant almost everywhere, for the faintest preference: it answers "is there an
            axis preference", never "is there banding", and must be labelled so where it is shown. NaN as the interval.
        forms: which units have no shape, see `kernel_forms`.
    """

    per_unit: torch.Tensor
    low: float
    high: float
    units: int
    null_row_share: float
    null_column_share: float
    sign_flip_p: float
    forms: Forms

    @property
    def index_null(self) -> float:
        """E[H] of independent weights, E[R] - E[C]: 0 for square kernels."""
        return self.null_row_share - self.null_column_share

    @property
    def index_adjusted(self) -> float:
        """H against E[H], in [-1, 1]: 0 at chance, ±1 for pure bands; H itself for square kernels."""
        return chance_corrected(self.index, self.index_null)

    @property
    def adjusted_low(self) -> float:
        """Lower end of the interval of `index_adjusted`."""
        return chance_corrected(self.low, self.index_null)

    @property
    def adjusted_high(self) -> float:
        """Upper end of the interval of `index_adjusted`."""
        return chance_corrected(self.high, self.index_null)


def expected_shares(kh: int, kw: int) -> tuple[float, float]:
    """E[R] and E[C] of a kernel of independent weights: (kh - 1)/(kh·kw - 1) and (kw - 1)/(kh·kw - 1).

    They hold exactly where the weights of each kernel may change places (independent and alike, whatever their
    distribution and their mean), so also for pruned kernels whose zeros lie anywhere; and for many kernels of
    independent weights of mean zero and one variance when fixed taps are masked, since ΣSS_row and ΣSS_total then
    have expectations in this ratio whatever the mask. Groups change nothing: each kernel counts by itself.

    Raises:
        WbsiteError: kh or kw below 2.
    """
    if kh < 2 or kw < 2:
        raise WbsiteError(
            f"kernels are {kh}×{kw}; banding is defined for kernels of at least 2×2.",
            "Leave out layers whose kernels have a height or width of 1.",
        )
    return (kh - 1) / (kh * kw - 1), (kw - 1) / (kh * kw - 1)


def banding_shares(kernels: torch.Tensor | np.ndarray) -> BandingShares:
    """What `banding_index` gives of the same kernels, without how certain it is, which takes most of the time.

    Raises:
        WbsiteError: as `banding_index`.
    """
    kernels = _checked(kernels)
    expected_shares(*kernels.shape[2:])
    forms = unit_forms(kernels)
    return _shares(_sums_of_squares(kernels) * forms.varies, forms)


def banding_index(
    kernels: torch.Tensor | np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    pictured: torch.Tensor | np.ndarray | None = None,
) -> BandingIndex:
    """Banding index of a layer, on its full weights or on its NMF pictures.

    Each (unit, channel) kernel is centred over space; then SS_row = kw·Σ(row mean)², SS_column =
    kh·Σ(column mean)², and R = ΣSS_row/ΣSS_total, C = ΣSS_column/ΣSS_total, H = R - C, summed over
    units and channels, so that strong kernels count for more. Sums are accumulated in float64.

    Args:
        kernels: (N units, C channels, kh, kw), any real dtype, on any device; C is the number of
            channels a unit sees, 1 for a depthwise layer. NMF pictures go in as (N, 3, kh, kw).
        resamples: of the bootstrap and of the sign-flip test, at least 1.
        seed: of both.
        level: coverage of [low, high], between 0 and 1.
        pictured: the weights (N, …, kh, kw) of which `kernels` are NMF pictures. A picture of a kernel without a shape
            has no index either, whatever the factorisation left in it, and copies are units with the same weights.

    Raises:
        WbsiteError: kernels not of rank 4, empty, not finite or complex; kh or kw of 1, for which
            banding is not defined; resamples or level out of range.
    """
    kernels = _checked(kernels)
    if resamples < 1 or not 0 < level < 1:
        raise WbsiteError(
            f"resamples is {resamples} and level {level}; expected resamples ≥ 1 and 0 < level < 1.",
            "The defaults are 1000 and 0.95.",
        )
    units, _, kh, kw = kernels.shape
    null_row, null_column = expected_shares(kh, kw)
    weights = kernels if pictured is None else _checked(pictured)
    if weights.shape[0] != units or weights.shape[2:] != kernels.shape[2:]:
        raise WbsiteError(
            f"kernels have shape {tuple(kernels.shape)} and pictured {tuple(weights.shape)}; expected pictures of the "
            "same units and kernel size.",
            "Pass the weights of which the pictures were made.",
        )
    forms = unit_forms(kernels) if pictured is None else picture_forms(kernels, weights)
    rows, columns, totals = sums = _sums_of_squares(kernels) * forms.varies
    shares = _shares(sums, forms)
    with np.errstate(invalid="ignore"):
        per_unit = np.where(forms.shaped, (rows - columns) / totals, np.nan)
    low = high = sign_flip_p = math.nan
    different = np.unique(find_copies(weights).first, return_inverse=True)[1]
    rows, columns, totals = (np.bincount(different, part) for part in (rows, columns, totals))
    if math.isfinite(shares.index) and np.count_nonzero(totals) > 1:
        rng = np.random.default_rng(seed)
        low, high = _bootstrap(rows - columns, totals, resamples, level, rng)
        # Rectangular kernels prefer an axis by their shape alone; the test is about the rest.
        preference = rows - columns - (null_row - null_column) * totals
        sign_flip_p = _sign_flip_p(preference, resamples, rng)
    return BandingIndex(
        row_share=shares.row_share,
        column_share=shares.column_share,
        index=shares.index,
        per_unit=torch.from_numpy(per_unit),
        low=low,
        high=high,
        units=units,
        null_row_share=null_row,
        null_column_share=null_column,
        sign_flip_p=sign_flip_p,
        forms=forms,
    )


def article_verdict(index: float | BandingIndex) -> Literal["horizontal", "vertical", "none", "undefined"]:
    """The verdict the article would have given, from H of a layer's NMF pictures and |H| > 0.55.

    Of a `BandingIndex`, from H against chance, which is H for the square kernels that the article has. In-sample, and
    without an "intermediate" zone: for comparing with the article. To describe a layer use `verdict`, and show the
    number with either.
    """
    h = index.index_adjusted if isinstance(index, BandingIndex) else float(index)
    if math.isnan(h):
        return "undefined"
    if abs(h) <= AGREES_WITH_ARTICLE:
        return "none"
    return "horizontal" if h > 0 else "vertical"


def verdict(index: float | BandingIndex) -> Verdict:
    """A word for H: a direction above 0.6, "intermediate" from 0.3 to 0.6, "none" below.

    Of a `BandingIndex`, for H against chance: a 3×39 kernel of independent weights has H = -0.31, and no bands.
    "undefined" for NaN. The intermediate zone contains the threshold that separates the article's
    layers, so that no layer is called banded by a narrow margin. Never to be shown without the number.
    """
    h = index.index_adjusted if isinstance(index, BandingIndex) else float(index)
    if math.isnan(h):
        return "undefined"
    if abs(h) < INTERMEDIATE[0]:
        return "none"
    if abs(h) <= INTERMEDIATE[1]:
        return "intermediate"
    return "horizontal" if h > 0 else "vertical"


def _checked(kernels: torch.Tensor | np.ndarray) -> torch.Tensor:
    kernels = torch.as_tensor(kernels).detach()
    shape = tuple(kernels.shape)
    if kernels.ndim != 4 or 0 in shape:
        raise WbsiteError(
            f"kernels have shape {shape}; expected a non-empty (units, channels, kh, kw).",
            "Pass the weight of a two-dimensional convolution.",
        )
    if kernels.is_complex() or not bool(torch.isfinite(kernels).all()):
        raise WbsiteError("kernels hold NaN, infinite or complex values.", "Check the weights file: it may be damaged.")
    return kernels


def _sums_of_squares(kernels: torch.Tensor) -> np.ndarray:
    """SS_row, SS_column and SS_total of each unit, summed over its channels, (3, N) float64."""
    kh, kw = kernels.shape[2:]
    parts = []
    for chunk in kernels.split(max(1, _CHUNK_ELEMENTS // kernels[0].numel())):
        x = chunk.to(torch.float64)
        x = x - x.mean((2, 3), keepdim=True)
        rows = kw * x.mean(3).square().sum((1, 2))
        columns = kh * x.mean(2).square().sum((1, 2))
        parts.append(torch.stack((rows, columns, x.square().sum((1, 2, 3)))))
    sums: np.ndarray = torch.cat(parts, dim=1).cpu().numpy()
    return sums


def _shares(sums: np.ndarray, forms: Forms) -> BandingShares:
    """Of the sums of squares (3, N) of the units that vary."""
    rows, columns, total = sums.sum(1).tolist()
    if not (total and forms.shaped.any()):
        return BandingShares(math.nan, math.nan, math.nan)
    return BandingShares(rows / total, columns / total, rows / total - columns / total)


def _bootstrap(
    differences: np.ndarray, totals: np.ndarray, resamples: int, level: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Percentile interval of Σdifferences/Σtotals over units drawn with replacement."""
    drawn = rng.integers(len(totals), size=(resamples, len(totals)))
    with np.errstate(invalid="ignore"):
        ratios = differences[drawn].sum(1) / totals[drawn].sum(1)
    ratios = ratios[np.isfinite(ratios)]  # a resample of dead units alone has no index
    if not len(ratios):
        return math.nan, math.nan
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _sign_flip_p(contributions: np.ndarray, resamples: int, rng: np.random.Generator) -> float:
    """Two-sided p of Σcontributions when each unit's sign is a fair coin; at least 1/(resamples + 1)."""
    signs = rng.integers(2, size=(resamples, len(contributions)), dtype=np.int8) * 2.0 - 1.0
    flipped = np.abs(signs @ contributions)
    observed = abs(float(contributions.sum()))
    # Sums in another order differ in the last digits; equal sums must count as equal.
    reached = np.count_nonzero(flipped >= observed * (1 - 1e-12))
    return (1 + int(reached)) / (resamples + 1)
