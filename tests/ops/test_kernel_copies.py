"""Copies of units: an interval over units that are one another's copies would look twice as certain as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wbsite.ops.kernel_copies import find_copies


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1, 3, 3), (16, 3, 3), (5, 1, 1), (300,)])
def test_copies_are_found_with_their_factors(shape: tuple[int, ...]) -> None:
    kernels = normal(12, *shape)
    kernels[5], kernels[7], kernels[11] = kernels[2], -3 * kernels[2], 1e-3 * kernels[9]
    copies = find_copies(kernels)
    assert np.flatnonzero(copies.copy).tolist() == [5, 7, 11]
    assert copies.first[[5, 7, 11]].tolist() == [2, 2, 9]
    assert copies.factor[[5, 7, 11]] == pytest.approx([1, -3, 1e-3], rel=1e-6)
    assert np.flatnonzero(copies.identical).tolist() == [5]


def test_agrees_with_comparing_all_pairs() -> None:
    """Of many units in few directions, so that projections of units that are no copies lie together too."""
    rng = np.random.default_rng(0)
    kernels = rng.integers(-1, 2, (200, 4)).astype(np.float64)
    copies = find_copies(torch.from_numpy(kernels))
    for unit, kernel in enumerate(kernels):
        alike = [
            other for other in range(unit)
            if kernel.any() and kernels[other].any()
            and np.linalg.matrix_rank(np.stack([kernel, kernels[other]])) == 1
        ]  # fmt: skip
        assert copies.first[unit] == (alike[0] if alike else unit)


def test_units_that_are_nearly_alike_or_dead_are_no_copies() -> None:
    kernels = normal(6, 4, 3, 3)
    kernels[1] = kernels[0] + 1e-4 * normal(4, 3, 3, seed=1)
    kernels[2] = kernels[3] = 0
    kernels[4] = 1e-20 * kernels[0]
    assert not find_copies(kernels).copy.any()


def test_few_weights_meet_by_chance_and_are_not_compared() -> None:
    assert not find_copies(normal(100, 1, 1, 1)).copy.any()


def test_a_layer_of_one_kernel_takes_no_time() -> None:
    copies = find_copies(normal(1, 64, 3, 3).expand(3000, 64, 3, 3) * torch.arange(1.0, 3001)[:, None, None, None])
    assert not copies.first.any()
    assert copies.factor == pytest.approx(np.arange(1, 3001))
