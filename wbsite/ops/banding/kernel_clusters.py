"""Clusters of kernels by shape, whatever their colours: k-means on normalised Gram matrices of positions.

Two units may have the same shape, say three stripes, and read it from unrelated channels. The Gram
matrix G = Σ_c k_c k_cᵀ of a kernel's positions (k_c: the kernel of channel c as a vector of kh·kw
weights) does not change when the channels are mixed by any orthogonal matrix, permutations and changes
of sign among them; so it can be compared between units, layers, networks and numbers of channels.
Scaled to Frobenius norm 1 it does not change with the strength of the unit either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
import torch

from wbsite.ops.banding.k_means import Partition, partitions
from wbsite.ops.kernel_forms import unit_forms

Kernels: TypeAlias = torch.Tensor | np.ndarray

_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class ShapeClusters:
    """Clusters of units, the most horizontal first.

    Attributes:
        labels: (N,) int64, the cluster of each unit; -1 for a unit without a shape (zero, constant, or
            of single taps, see `kernel_forms`), which belongs to none.
        centres: (k, kh·kw, kh·kw) float64, mean of the members' normalised Gram matrices, positions
            row by row.
        sizes: (k,) int64, members of each cluster.
        inertia: sum of squared Frobenius distances of the members from their centres. Two shapes
            with nothing in common are √2 apart.
        stability: mean adjusted Rand index over all pairs of restarts, 1 when all found the same clusters.
        lowest_stability: the lowest of these pairs.
        banding: (k,) float64, H = R - C in [-1, 1] of each centre, as of a layer whose kernels have
            this Gram matrix; positive is horizontal.
        medoids: (k,) int64, index of the member nearest to each centre.
    """

    labels: np.ndarray
    centres: np.ndarray
    sizes: np.ndarray
    inertia: float
    stability: float
    lowest_stability: float
    banding: np.ndarray
    medoids: np.ndarray


def shape_features(kernels: Kernels | Sequence[Kernels]) -> np.ndarray:
    """The shape of every kernel as a vector; Euclidean distance is Frobenius distance of the Gram matrices.

    Each (unit, channel) kernel is centred over space first, as for the banding index. Its mean says how
    strongly a unit reads each channel, not where. It would add to every Gram matrix a share of one and
    the same constant matrix, and kernels would be distinguished by that share.

    Args:
        kernels: (N units, C channels, kh, kw), any real dtype, on any device; or several such sets,
            of one kernel size but of any numbers of channels, whose units are put one after another.

    Returns:
        (N, d) float64 with d = kh·kw·(kh·kw + 1)/2: the upper triangle of the Gram matrix scaled to
        Frobenius norm 1, off-diagonal entries times √2. Zeros for a kernel without a shape.

    Raises:
        ValueError: kernels not of rank 4, empty, not finite or complex; sets of different kernel sizes.
    """
    sets = [kernels] if isinstance(kernels, (torch.Tensor, np.ndarray)) else list(kernels)
    tensors = [_checked(part) for part in sets]
    sizes = sorted({(tensor.shape[2], tensor.shape[3]) for tensor in tensors})
    if len(sizes) != 1:
        names = ", ".join(f"{kh}×{kw}" for kh, kw in sizes) or "none"
        raise ValueError(
            f"kernel sizes are {names}; expected one size: positions of different kernels cannot be mixed. "
            "Cluster the kernels of each size by themselves."
        )
    return np.concatenate([_features(tensor) for tensor in tensors])


def cluster_shapes(
    features: np.ndarray | torch.Tensor,
    numbers: Sequence[int],
    restarts: int = 5,
    seed: int = 0,
    kernel: tuple[int, int] | None = None,
) -> dict[int, ShapeClusters]:
    """k-means of shapes for several numbers of clusters: the best of several restarts, and how far these agree.

    A restart goes through the numbers one after another, each from the centres of the one before (see `k_means`);
    restarts know nothing of each other. 8400 units of 5×5 kernels, 4 restarts and k = 4 … 19 take about two and a half
    seconds on one thread.

    Args:
        features: (N, d) from `shape_features`.
        numbers: of clusters, rising, at least 2.
        restarts: at least 2, since stability compares them.
        seed: of all restarts together.
        kernel: (kh, kw); square unless given.

    Returns:
        Number of clusters → clusters.

    Raises:
        ValueError: features of another rank or width or not finite; numbers that do not rise or are too small, too few
            restarts; fewer units with a shape, or fewer different shapes, than clusters.
    """
    from sklearn.metrics import adjusted_rand_score

    x = np.asarray(torch.as_tensor(features).detach().cpu(), np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"features have shape {x.shape} or hold NaN; expected finite (units, d) of shape_features.")
    if not numbers or min(numbers) < 2 or sorted(set(numbers)) != list(numbers) or restarts < 2:
        raise ValueError(
            f"numbers of clusters are {list(numbers)} and restarts {restarts}; expected rising numbers, at least 2, and"
            " at least 2 restarts."
        )
    size = _kernel_size(x.shape[1], kernel)
    with_shape = np.flatnonzero(x.any(axis=1))
    if (different := different_shapes(x)) < numbers[-1]:
        raise ValueError(
            f"{len(with_shape)} of {len(x)} units have a shape, {different} of them different; "
            f"expected at least as many as clusters, {numbers[-1]}."
        )
    shapes = x[with_shape]
    found = {}
    for k, runs in zip(numbers, partitions(shapes, numbers, restarts, seed), strict=True):
        agreement = [adjusted_rand_score(a.labels, b.labels) for a, b in combinations(runs, 2)]
        best = min(runs, key=lambda each: each.inertia)
        found[k] = _described(shapes, with_shape, len(x), best, size, agreement)
    return found


def different_shapes(features: np.ndarray) -> int:
    """How many different shapes there are among (N, d) features, which is the most clusters there can be."""
    shapes = features[features.any(axis=1)]
    return len({row.tobytes() for row in shapes.astype(np.float32)})  # rounding makes no other shape


def gram_banding(grams: np.ndarray, kernel: tuple[int, int]) -> np.ndarray:
    """H = R - C of Gram matrices of centred kernels.

    SS_row of the banding index is the trace of G within the space of kernels that are constant along
    rows: the mean over a row of k, squared, times kw, is a sum of entries of k kᵀ.

    Args:
        grams: (…, kh·kw, kh·kw), positions row by row.
        kernel: (kh, kw).

    Returns:
        (…,) in [-1, 1]; NaN for a matrix of zeros.
    """
    kh, kw = kernel
    blocks = grams.reshape(*grams.shape[:-2], kh, kw, kh, kw)
    rows = np.einsum("...ijil->...", blocks) / kw
    columns = np.einsum("...ijkj->...", blocks) / kh
    total = np.einsum("...ijij->...", blocks)
    with np.errstate(invalid="ignore"):
        return (rows - columns) / total


def _checked(kernels: Kernels) -> torch.Tensor:
    tensor = torch.as_tensor(kernels).detach()
    if tensor.ndim != 4 or not tensor.numel():
        raise ValueError(
            f"kernels have shape {tuple(tensor.shape)}; expected a non-empty (units, channels, kh, kw), "
            "as the weight of a two-dimensional convolution has."
        )
    if tensor.is_complex() or not bool(torch.isfinite(tensor).all()):
        raise ValueError("kernels hold NaN, infinite or complex values; expected finite weights.")
    return tensor


def _features(kernels: torch.Tensor) -> np.ndarray:
    """(N, C, kh, kw) → (N, d) float64."""
    positions = kernels.shape[2] * kernels.shape[3]
    row, column = np.triu_indices(positions)
    scale = np.where(row == column, 1.0, math.sqrt(2))
    parts = []
    size = max(1, _CHUNK_ELEMENTS // kernels[0].numel())
    shaped = torch.from_numpy(unit_forms(kernels).shaped).to(kernels.device)
    for chunk, with_shape in zip(kernels.split(size), shaped.split(size), strict=True):
        raw = chunk.to(torch.float64).flatten(2)
        centred = raw - raw.mean(2, keepdim=True)
        gram = centred.transpose(1, 2) @ centred
        # A constant kernel leaves rounding errors after centring, whose shape would be noise.
        norm = gram.flatten(1).norm(dim=1)
        unit = torch.where(with_shape & (norm > 0), norm, torch.inf)
        parts.append((gram / unit[:, None, None]).cpu().numpy()[:, row, column] * scale)
    return np.concatenate(parts)


def _kernel_size(width: int, kernel: tuple[int, int] | None) -> tuple[int, int]:
    positions = (math.isqrt(8 * width + 1) - 1) // 2
    if kernel is None:
        kernel = math.isqrt(positions), math.isqrt(positions)
    if positions * (positions + 1) != 2 * width or kernel[0] * kernel[1] != positions or not positions:
        raise ValueError(
            f"features of width {width} are not those of a {kernel[0]}×{kernel[1]} kernel; expected the width that "
            "shape_features gives, and `kernel` where height and width differ."
        )
    return kernel


def _described(
    shapes: np.ndarray,
    with_shape: np.ndarray,
    units: int,
    partition: Partition,
    kernel: tuple[int, int],
    agreement: list[float],
) -> ShapeClusters:
    """Clusters in order of banding, with their centres and medoids.

    Args:
        shapes: features of the units that have a shape.
        with_shape: their indices among all units.
    """
    k = len(partition.centres)
    centres = _grams(partition.centres, kernel[0] * kernel[1])
    banding = gram_banding(centres, kernel)
    order = np.argsort(-banding, kind="stable")
    labels = np.argsort(order)[partition.labels]
    # All shapes have norm 1, so the one nearest to a centre has the largest product with it.
    nearness = shapes @ partition.centres[order].T
    nearness[labels[:, None] != np.arange(k)] = -np.inf
    every = np.full(units, -1, np.int64)
    every[with_shape] = labels
    return ShapeClusters(
        labels=every,
        centres=centres[order],
        sizes=np.bincount(labels, minlength=k).astype(np.int64),
        inertia=partition.inertia,
        stability=float(np.mean(agreement)),
        lowest_stability=float(min(agreement)),
        banding=banding[order],
        medoids=with_shape[nearness.argmax(0)],
    )


def _grams(features: np.ndarray, positions: int) -> np.ndarray:
    """Upper triangles (n, d) → symmetric matrices (n, positions, positions)."""
    row, column = np.triu_indices(positions)
    entries = features / np.where(row == column, 1.0, math.sqrt(2))
    grams = np.zeros((len(features), positions, positions))
    grams[:, row, column] = grams[:, column, row] = entries
    return grams
