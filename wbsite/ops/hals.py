"""Batched non-negative matrix factorisation, X ≈ S·F: many small matrices at once, or a few large ones.

Accelerated hierarchical alternating least squares (Gillis and Glineur, Neural Computation 24, 2012):
Sᵀ·X and X·Fᵀ are the only passes over the data, and between them each column of S and row of F is
solved for exactly while the others are held. Every iteration starts a little ahead, in the direction
of the last (Ang and Gillis, Neural Computation 31, 2019). The start is NNDSVDa (Boutsidis and
Gallopoulos, Pattern Recognition 41, 2008) with an exact decomposition, so nothing is random.

Cost: an iteration reads X twice. Matrices that have converged are taken out of the batch. Those that take longest are
few and small, so that what counts is the number of operations, not what they compute.
"""

from __future__ import annotations

import torch

CHECK_EVERY = 5
"""Iterations between two looks at the errors."""

MOMENTUM = 0.6
"""Share of the last change of S by which an iteration starts ahead of it; saves a third of the iterations."""

INNER_SWEEPS = 3
"""Sweeps over the columns of S from one product X·Fᵀ; they cost far less than the product."""

_MANY = 96
"""Matrices above which S is swept in one piece for each component rather than matrix by matrix."""

_TINY = 1e-12


def factorise(
    x: torch.Tensor,
    n_components: int,
    tolerance: float,
    max_iterations: int,
    vectors: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Minimises ‖X - S·F‖² over S, F ≥ 0, for each matrix of a batch by itself.

    Args:
        x: (batch, rows, columns), non-negative, floating point, of a scale near 1.
        n_components: columns of S; those beyond min(rows, columns) come back as zeros.
        tolerance: a matrix is done when CHECK_EVERY iterations change its squared error by less than
            this share of it.
        max_iterations: after which a matrix is taken as it is.
        vectors: of `singular_vectors(x, n)` with n at least n_components, to spare computing them.

    Returns:
        S (batch, rows, n_components) and F (batch, n_components, columns). A matrix of zeros gives zeros.
    """
    batch, rows, columns = x.shape
    rank = min(n_components, rows, columns)
    all_s = x.new_zeros(batch, rows, n_components)
    all_f = x.new_zeros(batch, n_components, columns)
    s, f = nndsvda(x, rank, vectors)
    s = s.mT.contiguous()  # (batch, component, row), as F
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
        all_s[where[finished], :, :rank] = s[finished].mT
        all_f[where[finished], :rank] = f[finished]
        waiting &= ~finished
        unfinished = int(waiting.sum())
        if not unfinished:
            break
        if 2 * unfinished <= len(where):
            x, f, s, previous = x[waiting], f[waiting], s[waiting], previous[waiting]
            size, error, where, waiting = size[waiting], error[waiting], where[waiting], waiting[waiting]
    return all_s, all_f


def nndsvda(
    x: torch.Tensor, n_components: int, vectors: tuple[torch.Tensor, torch.Tensor] | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Non-negative start from the leading singular vectors, zeros filled with the mean of X.

    Each pair of singular vectors is replaced by its positive or its negative parts, whichever are
    larger; so the arbitrary signs of the vectors do not matter.

    Args:
        x: (batch, rows, columns), non-negative.
        n_components: at most min(rows, columns).
        vectors: as for `factorise`.

    Returns:
        S (batch, rows, n_components) and F (batch, n_components, columns).
    """
    u, v = vectors or singular_vectors(x, n_components)
    u, v = u[:, :, :n_components], v[:, :n_components]
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


def singular_vectors(x: torch.Tensor, n_components: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The leading u (batch, rows, n) of unit norm and σ·v (batch, n, columns), through the smaller Gram matrix."""
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
    """One iteration in place on s (batch, n, rows) and f (batch, n, columns); returns what the error needs.

    That is X·Fᵀ divided by the diagonal of F·Fᵀ, (batch, n, rows), and F·Fᵀ, (batch, n, n).
    """
    overlap = torch.bmm(s, s.mT)
    power = _diagonal(overlap)
    # Dividing the few entries of S by the power spares dividing the many of SᵀX.
    _sweep(f, torch.bmm(s / power, x), overlap / power, 1)

    gram = torch.bmm(f, f.mT)
    power = _diagonal(gram)
    products = torch.bmm(f, x.mT).div_(power)
    (_sweep if len(s) <= _MANY else _sweep_together)(s, products, gram / power, INNER_SWEEPS)
    return products, gram


def _sweep(parts: torch.Tensor, targets: torch.Tensor, ratios: torch.Tensor, count: int) -> None:
    """parts[:, j] ← max(0, targets[:, j] - Σ ratios[:, j, i]·parts[:, i] over i ≠ j), in place, one j after another.

    Args:
        parts, targets: (batch, n, length).
        ratios: (batch, n, n); its diagonal is overwritten.
        count: how many times.
    """
    ratios.diagonal(dim1=1, dim2=2).zero_()
    n = parts.shape[1]
    each = list(zip(parts.chunk(n, 1), targets.chunk(n, 1), ratios.chunk(n, 1), strict=True))
    for _ in range(count):
        for part, target, ratio in each:
            torch.clamp_min(torch.baddbmm(target, ratio, parts, alpha=-1), 0, out=part)


def _sweep_together(parts: torch.Tensor, targets: torch.Tensor, ratios: torch.Tensor, count: int) -> None:
    """The same of many short ones: a component of all matrices is one run of memory."""
    n = parts.shape[1]
    own, wanted, factors = (x.permute(1, 2, 0).contiguous() for x in (parts, targets, ratios))
    others = [[(own[i], factors[j, i]) for i in range(n) if i != j] for j in range(n)]
    each = list(zip(own.unbind(0), wanted.unbind(0), others, strict=True))
    for _ in range(count):
        for part, target, pairs in each:
            for other, ratio in pairs:
                target = torch.addcmul(target, other, ratio, value=-1)
            torch.clamp_min(target, 0, out=part)
    parts.copy_(own.permute(2, 0, 1))


def _diagonal(gram: torch.Tensor) -> torch.Tensor:
    """(batch, n, n) → its diagonal (batch, n, 1), kept from zero: an empty component stays empty."""
    return gram.diagonal(dim1=1, dim2=2).clamp_min(_TINY)[:, :, None]


def _squared_error(size: torch.Tensor, s: torch.Tensor, products: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """‖X‖² - 2⟨S, X·Fᵀ⟩ + ⟨SᵀS, F·Fᵀ⟩ of each matrix, without another pass over X."""
    fitted = (s * products).sum(2) * _diagonal(gram)[:, :, 0]
    return size - 2 * fitted.sum(1) + (torch.bmm(s, s.mT) * gram).sum((1, 2))
