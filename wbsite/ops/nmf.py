"""One-sided NMF: a unit's many-channel kernel as a small picture in three colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
import torch

from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.threads import one_thread

from .hals import factorise, singular_vectors

Mode = Literal["per-unit", "joint"]

TOLERANCE = 2e-3
MAX_ITERATIONS = 200

_CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True, eq=False)
class Factors:
    """A layer's kernels as pictures: X_u ≈ scale[u] · Σ_j spatial[u, …, j] ⊗ channels[u, j].

    Attributes:
        spatial: (N, kh, kw, n) in [0, 1], each unit's maximum 1 (0 for a dead unit): the pictures.
        channels: what each colour stands for, rows of unit norm (or zero): (N, n, 2C) per unit,
            (groups, n, 2C) joint. The first C entries weigh positive weights of the input channels,
            the last C negative ones.
        error: (N,) relative Frobenius error ‖X - S·F‖ / ‖X‖ of each unit, 0 for a dead unit.
        scale: (N,) the maximum by which a unit's picture was divided.
    """

    spatial: torch.Tensor
    channels: torch.Tensor
    error: torch.Tensor
    scale: torch.Tensor


def one_sided_nmf(
    kernels: torch.Tensor | np.ndarray,
    n_components: int = 3,
    mode: str = "per-unit",
    seed: int = 0,
    groups: int = 1,
    reference: Factors | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Factors:
    """Factorises [relu(K), relu(-K)] (kh·kw × 2C) ≈ S·F with S, F ≥ 0, for all units of a layer.

    The picture is S, scaled by the norms of F's rows and divided by the unit's maximum. `per-unit`
    gives every unit its own F, as Petrov et al. (Weight Banding, Distill 2021) drew them; its colours
    are matched between units by optimal assignment (cosine similarity) against the joint factors.
    `joint` has one F for the layer, one for each group of a grouped convolution (whose groups share
    no inputs, so that colours of different groups are unrelated), strongest component first.

    Computed in float32, or in float64 for float64 kernels, on the kernels' GPU or on one CPU thread
    (several processes at once are what use several cores well), in chunks of a few megabytes;
    `joint` holds the X of a whole group, twice the size of its weights, at once.

    Args:
        kernels: (N units, C channels, kh, kw); C is the channels a unit sees (inputs/groups).
        n_components: components; those beyond min(rows, 2C) of X are zeros.
        mode: "per-unit" or "joint".
        seed: nothing is random: the start is NNDSVDa, and every seed gives the same factors.
        groups: of the convolution; units are in order of their group.
        reference: the joint factors of the same kernels, to spare computing them in `per-unit`.
        tolerance: a matrix has converged when 5 iterations change its squared error by a smaller share.
        max_iterations: at most so many, converged or not.

    Raises:
        WbsiteError: kernels not (N, C, kh, kw), empty, not finite, or 1×1 (without spatial extent);
            groups that do not divide N; an unknown mode; a reference of another shape.
    """
    if mode not in ("per-unit", "joint"):
        raise unknown("NMF mode", str(mode), ("per-unit", "joint"))
    kernels = torch.as_tensor(kernels)
    with one_thread(kernels.device):
        kernels = _checked(kernels, n_components, groups)
        if mode == "joint":
            return _fit(kernels, n_components, groups, tolerance, max_iterations)
        shape = (groups, n_components, 2 * kernels.shape[1])
        if reference is None:
            reference = _fit(kernels, n_components, groups, tolerance, max_iterations)
        elif tuple(reference.channels.shape) != shape:
            raise WbsiteError(
                f"reference.channels has shape {tuple(reference.channels.shape)}; expected {shape}.",
                "Pass the joint factors of the same kernels, with the same number of components and groups.",
            )
        factors = _fit(kernels, n_components, len(kernels), tolerance, max_iterations)
        return _match(factors, reference.channels.to(factors.channels))


def reconstruction_errors(
    kernels: torch.Tensor | np.ndarray,
    components: Iterable[int] = range(1, 7),
    mode: str = "per-unit",
    groups: int = 1,
) -> dict[int, torch.Tensor]:
    """Number of components → relative reconstruction error of each unit, (N,).

    Arguments and errors as for `one_sided_nmf`; colours are not matched, so per unit this costs less.
    """
    if mode not in ("per-unit", "joint"):
        raise unknown("NMF mode", str(mode), ("per-unit", "joint"))
    counts = list(components)
    kernels = torch.as_tensor(kernels)
    with one_thread(kernels.device):
        for n in counts:
            kernels = _checked(kernels, n, groups)
        parts = []
        for chunk in _chunks(kernels, groups if mode == "joint" else len(kernels)):
            x, _ = _split_signs(chunk)
            vectors = singular_vectors(x, min(max(counts), *x.shape[1:]))
            parts.append([_error_of(x, n, vectors, chunk.shape[1]) for n in counts])
        return {n: torch.cat(errors) for n, errors in zip(counts, zip(*parts, strict=True), strict=True)}


def _error_of(x: torch.Tensor, n: int, vectors: tuple[torch.Tensor, torch.Tensor], units: int) -> torch.Tensor:
    return _relative_error(x, *factorise(x, n, TOLERANCE, MAX_ITERATIONS, vectors), units).flatten()


def _checked(kernels: torch.Tensor, n_components: int, groups: int) -> torch.Tensor:
    kernels = kernels.detach()
    shape = tuple(kernels.shape)
    if kernels.ndim != 4 or 0 in shape:
        raise WbsiteError(
            f"kernels have shape {shape}; expected a non-empty (units, channels, kh, kw).",
            "Pass the weight of a two-dimensional convolution.",
        )
    if shape[2:] == (1, 1):
        raise WbsiteError("kernels are 1×1 and have no spatial extent to draw.", "Leave out pointwise convolutions.")
    if kernels.is_complex() or not bool(torch.isfinite(kernels).all()):
        raise WbsiteError("kernels hold NaN, infinite or complex values.", "Check the weights file: it may be damaged.")
    if n_components < 1 or groups < 1 or shape[0] % groups:
        raise WbsiteError(
            f"n_components is {n_components} and groups {groups} for {shape[0]} units; "
            "expected n_components ≥ 1 and groups that divide the units.",
            "Pass the convolution's own number of groups.",
        )
    return kernels.to(torch.float64 if kernels.dtype == torch.float64 else torch.float32)


def _fit(kernels: torch.Tensor, n: int, groups: int, tolerance: float, max_iterations: int) -> Factors:
    """One F for each of `groups` equal runs of units (N runs of one: per unit), strongest component first."""
    units, _, kh, kw = kernels.shape
    parts = [_fit_chunk(chunk, n, tolerance, max_iterations) for chunk in _chunks(kernels, groups)]
    pictures, rows, error, scale = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return Factors(pictures.reshape(units, kh, kw, n), rows, error, scale)


def _chunks(kernels: torch.Tensor, groups: int) -> Sequence[torch.Tensor]:
    """(N, C, kh, kw) → (groups, units of each, C, positions), a few megabytes of groups at a time."""
    units, channels, kh, kw = kernels.shape
    grouped = kernels.reshape(groups, units // groups, channels, kh * kw)
    size = 2 * grouped[0].numel() * kernels.element_size()
    return grouped.split(max(1, _CHUNK_BYTES // size))


def _split_signs(kernels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(groups, units, C, positions) → X (groups, units·positions, 2C) in [0, 1], and by what it was divided."""
    groups, units, channels, positions = kernels.shape
    x = kernels.new_empty(groups, units, positions, 2 * channels)
    by_position = kernels.transpose(2, 3)
    torch.clamp_min(by_position, 0, out=x[..., :channels])
    torch.clamp_min(-by_position, 0, out=x[..., channels:])
    x = x.reshape(groups, units * positions, 2 * channels)
    largest = x.amax((1, 2), keepdim=True)
    x /= torch.where(largest > 0, largest, 1)  # squares of tiny weights would underflow
    return x, largest


def _fit_chunk(
    kernels: torch.Tensor, n: int, tolerance: float, max_iterations: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(groups, units, C, positions) → pictures (groups·units, positions, n), F, error, scale."""
    groups, units, _, positions = kernels.shape
    x, largest = _split_signs(kernels)
    s, f = factorise(x, n, tolerance, max_iterations)
    error = _relative_error(x, s, f, units)

    norms = f.norm(dim=2)
    s = s * norms[:, None]
    f = f / torch.where(norms > 0, norms, 1)[:, :, None]
    order = s.norm(dim=1).argsort(dim=1, descending=True, stable=True)
    s = s.gather(2, order[:, None].expand_as(s)).reshape(groups, units, positions, n)
    f = f.gather(1, order[:, :, None].expand_as(f))
    peak = s.amax((2, 3))
    pictures = s / torch.where(peak > 0, peak, 1)[:, :, None, None]
    return pictures.flatten(0, 1), f, error.flatten(), (peak * largest[:, 0]).flatten()


def _relative_error(x: torch.Tensor, s: torch.Tensor, f: torch.Tensor, units: int) -> torch.Tensor:
    """‖X_u - S_u·F‖ / ‖X_u‖ of each unit, (groups, units)."""
    per_unit = (len(x), units, -1)
    residual = torch.baddbmm(x, s, f, alpha=-1).reshape(per_unit).norm(dim=2)
    size = x.reshape(per_unit).norm(dim=2)
    return residual / torch.where(size > 0, size, math.inf)


def _match(factors: Factors, reference: torch.Tensor) -> Factors:
    """Reorders every unit's components to pair with its group's reference rows (groups, n, 2C)."""
    groups, n, _ = reference.shape
    channels = factors.channels
    grouped = channels.reshape(groups, -1, n, channels.shape[2])
    similarity = torch.matmul(reference[:, None], grouped.mT).flatten(0, 1).cpu().numpy()
    assigned = np.stack([scipy.optimize.linear_sum_assignment(unit, maximize=True)[1] for unit in similarity])
    order = torch.from_numpy(assigned).to(channels.device)
    return Factors(
        factors.spatial.gather(3, order[:, None, None].expand_as(factors.spatial)),
        channels.gather(1, order[:, :, None].expand_as(channels)),
        factors.error,
        factors.scale,
    )
