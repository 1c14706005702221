"""Units are found by properties only if the properties are those of the filters and the ideal scores best."""

from __future__ import annotations

import math

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.expanded.unit_properties import Filters, FirstLayerWeights, angle, patterns, permuted, score


def grating(frequency: float, side: int = 12) -> torch.Tensor:
    """Vertical stripes under a Gaussian, (side, side)."""
    y, x = torch.meshgrid(torch.arange(side) - side / 2, torch.arange(side) - side / 2, indexing="ij")
    return torch.cos(2 * math.pi * frequency * x) * torch.exp(-(x**2 + y**2) / 12)


def four_filters() -> Filters:
    """Fine grey, coarse grey, coarse red against green, nothing."""
    fine, coarse = grating(0.3), grating(0.05)
    return Filters.of(
        torch.stack(
            [
                torch.stack([fine] * 3),
                torch.stack([coarse] * 3),
                torch.stack([coarse, -coarse, 0 * coarse]),
                torch.zeros(3, 12, 12),
            ]
        )
    )


def test_a_grey_filter_has_no_colour_and_an_opponent_one_nothing_else() -> None:
    assert four_filters().colour.tolist() == pytest.approx([0, 0, 1, 0], abs=1e-6)


def test_a_finer_grating_has_the_higher_frequency() -> None:
    fine, coarse, colour, nothing = four_filters().frequency.tolist()
    assert fine == pytest.approx(0.3, abs=0.02)
    assert coarse == pytest.approx(colour)
    assert coarse < 0.15
    assert nothing == 0


def test_a_network_that_reads_grey_pictures_has_no_colour_to_go_by() -> None:
    filters = Filters.of(torch.stack([grating(0.3), grating(0.1)])[:, None])
    assert filters.colour.tolist() == [0, 0]
    assert not filters.directions()["colour"].any()
    assert filters.directions()["frequency"].norm() == pytest.approx(1)


def test_frequency_is_what_colour_does_not_explain() -> None:
    torch.manual_seed(0)
    colour = torch.rand(50, dtype=torch.float64)
    filters = Filters(colour, 0.4 - 0.2 * colour + 0.01 * torch.rand(50), torch.rand(50, dtype=torch.float64))
    found = filters.directions()
    assert float((found["frequency"] * filters.strength * found["colour"]).sum()) == pytest.approx(0, abs=1e-9)
    exact = Filters(colour, 0.4 - 0.2 * colour, filters.strength)
    assert not exact.directions()["frequency"].any()


def test_reading_all_filters_alike_counts_for_nothing() -> None:
    filters = four_filters()
    alike = torch.einsum("n,hw->nhw", torch.ones(4, dtype=torch.float64), patterns(torch.ones(5, 5))[0])[None]
    read = FirstLayerWeights.of(alike, filters)
    assert float(read.along(filters.directions()["colour"])[0, 0]) == pytest.approx(0, abs=1e-9)


def test_patterns_are_orthogonal_whatever_the_window() -> None:
    for energy in (torch.ones(5, 5), torch.rand(7, 4), torch.ones(19, 19)):
        flat = patterns(energy).flatten(1)
        torch.testing.assert_close(flat @ flat.T, torch.eye(4, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_single_position_has_no_sides() -> None:
    whole, *others = patterns(torch.ones(1, 1))
    assert float(whole) == 1
    assert not any(bool(other.any()) for other in others)


def ideal(filters: Filters, prop: str, pattern: torch.Tensor) -> torch.Tensor:
    """Expanded weights of a unit that reads exactly this, (1, N, h, w)."""
    weights = filters.directions()[prop] / torch.where(filters.strength > 0, filters.strength, 1)
    return torch.einsum("n,hw->nhw", weights, pattern)[None]


@pytest.mark.parametrize("strength", [1e-3, 1.0, 50.0])
def test_the_ideal_unit_scores_one_however_strong(strength: float) -> None:
    torch.manual_seed(1)
    colour, frequency = torch.rand(30, dtype=torch.float64), torch.rand(30, dtype=torch.float64)
    filters = Filters(colour, frequency, 1 + torch.rand(30, dtype=torch.float64))
    y, x = torch.meshgrid(torch.arange(15) - 7.0, torch.arange(15) - 7.0, indexing="ij")
    noise = torch.randn(400, 30, 15, 15, dtype=torch.float64) * torch.exp(-(x**2 + y**2) / 18)
    flat = torch.einsum("unhw,unhw->hw", noise, noise)
    unit = strength * ideal(filters, "colour", -patterns(flat)[3])
    read = FirstLayerWeights.of(torch.cat([unit, noise * 20]), filters)
    scores = -score(read.along(filters.directions()["colour"]), "centre")
    assert float(scores[0]) > 0.98
    assert float(scores[1:].abs().max()) < 0.2


def test_the_side_of_the_fine_filters_is_told() -> None:
    filters = four_filters()
    up, left = patterns(torch.ones(9, 9))[1:3]
    for pattern, degrees in ((up, 90), (left, 180), (-up, 270), (up - left, 45)):
        cosines = FirstLayerWeights.of(ideal(filters, "frequency", pattern), filters).along(
            filters.directions()["frequency"]
        )
        assert float(score(cosines, "side")) > 0.9
        assert float(angle(cosines)) == pytest.approx(degrees, abs=1e-4)


def test_chance_deals_the_same_property_to_other_filters() -> None:
    direction = torch.arange(6, dtype=torch.float64)
    dealt = permuted(direction, 20)
    assert dealt.shape == (20, 6)
    assert (dealt.sort(dim=1).values == direction).all()
    assert (dealt != direction).any()
    torch.testing.assert_close(dealt, permuted(direction, 20))


def test_expanded_weights_to_another_layer_are_refused() -> None:
    with pytest.raises(WbsiteError, match="expected \\(units, 4, h, w\\)"):
        FirstLayerWeights.of(torch.zeros(2, 5, 3, 3), four_filters())
