"""Layer anatomy: how few inputs a unit listens to, and how its weights are distributed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wbsite.core.errors import WbsiteError
from wbsite.ops import concentration as module
from wbsite.ops.concentration import QUANTILES, concentration, kernel_norms, weight_distribution


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(6, 12, 3, 3), (6, 12), (6, 1, 5, 5), (2, 130, 1, 1)])
def test_agrees_with_the_definition_written_out(shape: tuple[int, ...]) -> None:
    weight = normal(*shape)
    found = concentration(weight)
    energy = (weight.double().numpy() ** 2).reshape(*shape[:2], -1).sum(2)
    for column, k in enumerate(found.k):
        shares = [sum(sorted(unit, reverse=True)[:k]) / sum(unit) for unit in energy]
        assert found.mean[column].item() == pytest.approx(np.mean(shares))
        assert found.quantiles[:, column].numpy() == pytest.approx(np.quantile(shares, QUANTILES))
    participation = energy.sum(1) ** 2 / (energy**2).sum(1)
    assert found.effective_inputs.numpy() == pytest.approx(participation)


def test_steps_end_with_all_inputs() -> None:
    assert concentration(normal(2, 130)).k == (1, 2, 5, 10, 20, 50, 100, 130)
    assert concentration(normal(2, 50)).k == (1, 2, 5, 10, 20, 50)
    assert concentration(normal(2, 1, 3, 3)).k == (1,)
    assert concentration(normal(2, 130)).mean[-1].item() == pytest.approx(1)


def test_one_input_and_equal_inputs_are_the_extremes() -> None:
    weight = torch.zeros(2, 10, 3, 3)
    weight[0, 4], weight[1] = 2.0, -0.5
    assert concentration(weight).effective_inputs.tolist() == pytest.approx([1, 10])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-10, 1e10), st.integers(1, 30))
def test_shares_grow_to_one_and_ignore_scale_and_order(seed: int, scale: float, inputs: int) -> None:
    weight = normal(4, inputs, 2, 2, seed=seed).double()
    found, other = concentration(weight), concentration(weight.flip(0, 1) * -scale)
    assert (found.mean.diff() >= -1e-12).all()
    assert found.mean[-1].item() == pytest.approx(1)
    assert found.effective_inputs.min() >= 1 - 1e-9
    assert found.effective_inputs.max() <= inputs + 1e-9
    torch.testing.assert_close(other.mean, found.mean)


def test_dead_units_are_left_out_of_the_mean() -> None:
    weight = normal(3, 8, 3, 3)
    weight[1] = 0
    found = concentration(weight)
    assert found.effective_inputs.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(found.mean, concentration(weight[[0, 2]]).mean)
    dead = concentration(torch.zeros(2, 3))
    assert dead.mean.isnan().all()
    assert dead.quantiles.isnan().all()


def test_norms_of_convolutions_and_linear_layers() -> None:
    weight = normal(5, 4, 3, 3)
    torch.testing.assert_close(kernel_norms(weight), weight.double().flatten(1).norm(dim=1))
    assert kernel_norms(normal(5, 7)).shape == (5,)


def test_histogram_counts_every_weight_once() -> None:
    weight = normal(50, 20, 3, 3)
    found = weight_distribution(weight)
    assert found.counts.sum() + found.below + found.above == weight.numel()
    assert (found.below + found.above) / weight.numel() == pytest.approx(0.001, abs=2e-4)
    torch.testing.assert_close(found.edges, -found.edges.flip(0))
    counts, _ = np.histogram(weight.numpy().astype(np.float64), found.edges.numpy())
    assert found.counts.tolist() == counts.tolist()


def test_few_giants_do_not_set_the_scale() -> None:
    weight = normal(50, 40, 3, 3)
    weight[0, 0, 0, 0] = 1e4
    found = weight_distribution(weight)
    assert found.edges[-1] < 5
    assert found.above >= 1
    assert found.largest == 1e4


def test_numbers_of_known_distributions() -> None:
    flat = weight_distribution(torch.linspace(-1, 1, 20001).reshape(1, -1))
    assert flat.excess_kurtosis == pytest.approx(-1.2, abs=1e-3)
    assert flat.near_zero == pytest.approx(0.01, abs=1e-3)
    assert flat.mean == pytest.approx(0, abs=1e-6)
    assert flat.std == pytest.approx(1 / math.sqrt(3), abs=1e-3)
    assert abs(weight_distribution(normal(100, 1000)).excess_kurtosis) < 0.05
    assert weight_distribution(torch.tensor([[0.0, 0.0, 1.0, -1.0]])).zero == 0.5


def test_full_coverage_keeps_both_extremes_inside() -> None:
    found = weight_distribution(torch.tensor([[-1.0, 0.0, 1.0]]), bins=3, coverage=1.0)
    assert found.counts.tolist() == [1, 1, 1]
    assert found.below == found.above == 0


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_constant_weights_have_no_kurtosis(value: float) -> None:
    found = weight_distribution(torch.full((3, 4, 3, 3), value))
    assert math.isnan(found.excess_kurtosis)
    assert found.counts.sum() + found.below + found.above == 108


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = normal(30, 10, 3, 3)
    whole, shares = weight_distribution(weight, coverage=1.0), concentration(weight)
    monkeypatch.setattr(module, "_CHUNK", 500)
    chunked = weight_distribution(weight, coverage=1.0)
    assert chunked.excess_kurtosis == pytest.approx(whole.excess_kurtosis)
    torch.testing.assert_close(concentration(weight).quantiles, shares.quantiles)


@pytest.mark.parametrize(
    ("weight", "said"),
    [(torch.ones(3), "(3,)"), (torch.ones(0, 3), "(0, 3)"), (torch.full((2, 3), torch.inf), "infinite")],
)
def test_refuses_what_is_no_weight(weight: torch.Tensor, said: str) -> None:
    for function in (concentration, kernel_norms, weight_distribution):
        with pytest.raises(WbsiteError) as caught:
            function(weight)
        assert said in caught.value.message


def test_refuses_an_even_number_of_bins() -> None:
    with pytest.raises(WbsiteError, match="bins is 10"):
        weight_distribution(normal(2, 3), bins=10)
