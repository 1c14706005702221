"""What a layer's kernels have in common: a fixed filter before a 1×1 convolution must not pass for learned shapes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wbsite.ops.kernel_profiles import profiles


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [1, 6])
def test_one_profile_is_found_and_counted(channels: int) -> None:
    kernels = normal(8, channels, 1, 1) * normal(3, 5, seed=1)
    common = profiles(kernels)
    assert common.one_profile == 8
    assert common.profile_share == pytest.approx(1)
    kernels[3] += 0.1 * normal(channels, 3, 5, seed=2)
    common = profiles(kernels)
    assert common.one_profile == 7
    assert 0.5 < common.profile_share < 1


def test_shares_are_those_of_the_definitions() -> None:
    kernels = normal(5, 4, 3, 3) + 0.3
    flat = kernels.double().numpy().reshape(20, 9)
    common = profiles(kernels)
    total = np.square(flat).sum()
    np.testing.assert_allclose(common.energy.ravel(), np.square(flat).sum(0) / total)
    assert common.constant_share == pytest.approx(9 * np.square(flat.mean(1)).sum() / total)
    assert common.profile_share == pytest.approx(np.linalg.svd(flat)[1][0] ** 2 / total)


def test_taps_in_use() -> None:
    kernels = torch.zeros(4, 2, 3, 3)
    kernels[:, :, 1] = normal(4, 2, 3)
    kernels[:, :, 2] = 1e-9
    assert profiles(kernels).used.tolist() == [[False] * 3, [True] * 3, [False] * 3]


def test_a_layer_of_zeros_has_no_shares() -> None:
    common = profiles(torch.zeros(3, 2, 3, 3))
    assert not common.used.any()
    assert all(map(math.isnan, (common.constant_share, common.profile_share, *common.energy.ravel())))
    assert common.one_profile == 0
