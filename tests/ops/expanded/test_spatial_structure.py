"""The example unit has clear spatial structure only if the score tells it from a spot, a mixture and noise."""

from __future__ import annotations

import pytest
import torch

from wbsite.ops.expanded.spatial_structure import shuffled_positions, spatial_structure


def test_two_patterns_score_one_and_what_is_the_same_everywhere_nothing() -> None:
    torch.manual_seed(0)
    edge = torch.tensor([[1.0, 0, -1]] * 3)
    first, second = torch.randn(20), torch.randn(20)
    clear = torch.einsum("c,hw->chw", first, edge) + torch.einsum("c,hw->chw", second, edge.T)
    flat = first.reshape(20, 1, 1).expand(20, 3, 3)
    scores = spatial_structure(torch.stack([clear, flat, clear + flat, torch.zeros(20, 3, 3)]))
    assert scores[0] == pytest.approx(1)
    assert scores[1] == pytest.approx(0, abs=1e-9)
    assert 0.1 < scores[2] < 0.9
    assert scores[3] == 0


def test_noise_needs_many_patterns() -> None:
    torch.manual_seed(0)
    assert float(spatial_structure(torch.randn(5, 400, 5, 5)).max()) < 0.15


def test_shuffling_keeps_every_inputs_weights() -> None:
    kernels = torch.arange(2 * 3 * 9.0).reshape(2, 3, 3, 3)
    shuffled = shuffled_positions(kernels, torch.Generator().manual_seed(0))
    assert (shuffled != kernels).any()
    torch.testing.assert_close(shuffled.flatten(2).sort().values, kernels.flatten(2))
