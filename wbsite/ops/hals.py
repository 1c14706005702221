"""Batched non-negative matrix factorisation, X ≈ S·F: many small matrices at once, or a few large ones.

Accelerated hierarchical alternating least squares (Gillis and Glineur, Neural Computation 24, 2012):
Sᵀ·X and X·Fᵀ are the only passes over the data, and between them each column of S and row of F is
solved for exactly while the others are held. Every iteration starts a little ahead, in the direction
of the last (Ang and Gillis, Neural Computation 31, 2019). The start is NNDSVDa (Boutsidis and
Gallopoulos, Pattern Recognition 41, 2008) with an exact decomposition, so nothing is random.

Cost: an iteration reads X twice. Matrices that have converged are taken out of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

CHECK_EVERY = 5
"""Iterations between two looks at the errors."""

MOMENTUM = 0.6
"""Share of the last change of S by which an iteration starts ahead of it; saves a third of the iterations."""

INNER_SWEEPS = 3
"""Sweeps over the columns of S from one product X·Fᵀ; they cost far less than the product."""

_TINY = 1e-12


def factorise(
    x: torch.Tensor, n_components: int, tolerance: float, max_iterations: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Minimises ‖X - S·F‖² over S, F ≥ 0, for each matrix of a batch by itself.

    Args:
        x: (batch, rows, columns), non-negative, floating point, of a scale near 1.
        n_components: columns of S; those beyond min(rows, columns) come back as zeros.
        tolerance: a matrix is done when CHECK_EVERY iterations change its squared error by less than
            this share of it.
        max_iterations: after which a matrix is taken as it is.

    Returns:
        S (batch, rows, n_components) and F (batch, n_components, columns). A matrix of zeros gives zeros.
    """
    batch, rows, columns = x.shape
    rank = min(n_components, rows, columns)
    all_s = x.new_zeros(batch, rows, n_components)
    all_f = x.new_zeros(batch, n_components, columns)
    s, f = nndsvda(x, rank)
    s = s.permute(2, 1, 0).contiguous()  # (component, row, matrix): one component is one run of memory
    previous = s
    size = x.square().sum((1, 2))
    error = size.clone()
    where = torch.arange(batch, device=x.device)
    waiting = torch.ones_like(where, dtype=torch.bool)
    for iteration in range(1, max_iterations + 1):
        s, previous = torch.add(s, s - previous, alpha=MOMENTUM).clamp_min_(0), s
        products, gram = _iterate(x, s, f)
        if iteration % CHECK_EVERY and iteration != max_iterations:
            continue
        before, error = error, _squared_error(size, s, products, gram)
        # The difference of large numbers has rounding noise; below it no change can be seen.
        noise = 4 * torch.finfo(x.dtype).eps * size
        settled = (before - error).abs() <= tolerance * error + noise
        finished = waiting & (settled | (iteration == max_iterations))
        all_s[where[finished], :, :rank] = s[:, :, finished].permute(2, 1, 0)
        all_f[where[finished], :rank] = f[finished]
        waiting &= ~finished
        unfinished = int(waiting.sum())
        if not unfinished:
            break
        if 2 * unfinished <= len(where):
            x, f, s, previous = x[waiting], f[waiting], s[:, :, waiting], previous[:, :, waiting]
            size, error, where, waiting = size[waiting], error[waiting], where[waiting], waiting[waiting]
    return all_s, all_f


def nndsvda(x: torch.Tensor, n_components: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Non-negative start from the leading singular vectors, zeros filled with the mean of X.

    Each pair of singular vectors is replaced by its positive or its negative parts, whichever are
    larger; so the arbitrary signs of the vectors do not matter.

    Args:
        x: (batch, rows, columns), non-negative.
        n_components: at most min(rows, columns).

    Returns:
        S (batch, rows, n_components) and F (batch, n_components, columns).
    """
    u, v = _leading_singular_vectors(x, n_components)
    up, un, vp, vn = u.clamp_min(0), (-u).clamp_min(0), v.clamp_min(0), (-v).clamp_min(0)
    positive = up.norm(dim=1) * vp.norm(dim=2) >= un.norm(dim=1) * vn.norm(dim=2)
    s = torch.where(positive[:, None, :], up, un)
    f = torch.where(positive[:, :, None], vp, vn)
    s[:, :, 0], f[:, 0] = u[:, :, 0].abs(), v[:, 0].abs()
    s_norm, f_norm = s.norm(dim=1).clamp_min(_TINY), f.norm(dim=2).clamp_min(_TINY)
    balance = (f_norm / s_norm).sqrt()
    s, f = s * balance[:, None, :], f / balance[:, :, None]
    mean = x.mean((1, 2), keepdim=True)
    return torch.where(s > 1e-6, s, mean), torch.where(f > 1e-6, f, mean)


def _leading_singular_vectors(x: torch.Tensor, n_components: int) -> tuple[torch.Tensor, torch.Tensor]:
    """u (batch, rows, n) of unit norm and σ·v (batch, n, columns), through the smaller Gram matrix."""
    tall = x.shape[1] > x.shape[2]
    gram = x.mT @ x if tall else x @ x.mT
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(1)[:, :n_components], vectors.flip(2)[:, :, :n_components]
    # Directions without variance are arbitrary: zeros here, and so filled with the mean.
    vectors = vectors * (values > 1e-6 * values[:, :1])[:, None, :]
    if not tall:
        return vectors, vectors.mT @ x
    sigma = values.clamp_min(_TINY).sqrt()
    return x @ vectors / sigma[:, None, :], vectors.mT * sigma[:, :, None]


def _iterate(x: torch.Tensor, s: torch.Tensor, f: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One iteration in place on s (n, rows, batch) and f; returns what the error needs.

    That is X·Fᵀ divided by the diagonal of F·Fᵀ, (n, rows, batch), and F·Fᵀ, (batch, n, n).
    """
    columns = s.permute(2, 0, 1).contiguous()
    overlap = torch.bmm(columns, columns.mT)
    power = _diagonal(overlap)
    # Dividing the few entries of S by the power spares dividing the many of SᵀX.
    targets = torch.bmm(columns / power, x).unbind(1)
    _sweep(f.unbind(1), targets, _pairs(overlap / power, trailing=1))

    gram = torch.bmm(f, f.mT)
    power = _diagonal(gram)
    products = torch.div(torch.bmm(f, x.mT), power).permute(1, 2, 0).contiguous()
    ratios = _pairs(gram / power, trailing=0)
    parts, targets = s.unbind(0), products.unbind(0)
    for _ in range(INNER_SWEEPS):
        _sweep(parts, targets, ratios)
    return products, gram


def _sweep(
    parts: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], ratios: Sequence[Sequence[torch.Tensor]]
) -> None:
    """parts[j] ← max(0, targets[j] - Σ ratios[j][i]·parts[i] over i ≠ j), in place, one j after another."""
    for j, (part, target) in enumerate(zip(parts, targets, strict=True)):
        for i, ratio in enumerate(ratios[j]):
            if i != j:
                target = torch.addcmul(target, parts[i], ratio, value=-1)
        torch.clamp_min(target, 0, out=part)


def _diagonal(gram: torch.Tensor) -> torch.Tensor:
    """(batch, n, n) → its diagonal (batch, n, 1), kept from zero: an empty component stays empty."""
    return gram.diagonal(dim1=1, dim2=2).clamp_min(_TINY)[:, :, None]


def _pairs(matrix: torch.Tensor, trailing: int) -> list[list[torch.Tensor]]:
    """(batch, n, n) → n lists of n tensors (batch, 1 × trailing)."""
    batch, n, _ = matrix.shape
    flat = matrix.permute(1, 2, 0).reshape(n * n, batch, *(1,) * trailing).unbind(0)
    return [list(flat[n * j : n * j + n]) for j in range(n)]


def _squared_error(size: torch.Tensor, s: torch.Tensor, products: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """‖X‖² - 2⟨S, X·Fᵀ⟩ + ⟨SᵀS, F·Fᵀ⟩ of each matrix, without another pass over X."""
    columns = s.permute(2, 0, 1)
    fitted = (s * products).sum(1).mT * _diagonal(gram)[:, :, 0]
    return size - 2 * fitted.sum(1) + (torch.bmm(columns, columns.mT) * gram).sum((1, 2))
