"""How clear the spatial structure of a unit's kernel is: the share of it that two patterns in space carry."""

from __future__ import annotations

import torch


def spatial_structure(kernels: torch.Tensor, patterns: int = 2) -> torch.Tensor:
    """(U, C, kh, kw) → (U,) in [0, 1]: share of a unit's squared weights carried by its strongest spatial patterns.

    A pattern is a map over positions without its mean, times a vector over inputs (a singular pair of the kernel
    centred over space). What is the same at all positions counts against it, as does what needs many patterns; noise
    over P positions and many more inputs has about patterns / P. 0 for a unit of zeros.
    """
    x = kernels.detach().double().flatten(2)
    total = x.square().sum((1, 2))
    centred = x - x.mean(2, keepdim=True)
    values = torch.linalg.eigvalsh(centred.transpose(1, 2) @ centred)
    return (values[:, -patterns:].clamp_min(0).sum(1) / torch.where(total > 0, total, 1)).clamp(0, 1)


def shuffled_positions(kernels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The kernels with the positions of each (unit, input) in random order: the same weights without structure."""
    flat = kernels.flatten(2)
    order = torch.rand(flat.shape, generator=generator).argsort(2)
    return flat.gather(2, order).reshape(kernels.shape)
