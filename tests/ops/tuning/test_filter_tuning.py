"""Tuning of first-layer filters: what is said of filters whose tuning is known because they were made with it."""

from __future__ import annotations

import math

import pytest
import torch

from wbsite.ops.tuning.filter_tuning import FilterTuning

SIDE = 13
RED_GREEN = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)
GREY = torch.ones(3, dtype=torch.float64)


def grid(side: int = SIDE) -> tuple[torch.Tensor, torch.Tensor]:
    """Coordinates to the right and upwards from the centre of the kernel."""
    at = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    return at[None].expand(side, side), -at[:, None].expand(side, side)


def gabor(lines: float, frequency: float, phase: float, colour: torch.Tensor = GREY, shift: float = 0) -> torch.Tensor:
    """(3, SIDE, SIDE) with lines at this angle in degrees; phase 0 is even, 90 odd."""
    x, y = grid()
    x = x - shift
    across = math.radians(lines - 90)
    wave = torch.cos(2 * math.pi * frequency * (x * math.cos(across) + y * math.sin(across)) - math.radians(phase))
    return colour[:, None, None] * wave * torch.exp(-(x.square() + y.square()) / (2 * 2.2**2))


def apart(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Degrees between orientations."""
    return ((a - b + 90) % 180 - 90).abs()


BANK = [(lines, f, phase) for lines in range(0, 180, 15) for f in (0.15, 0.2, 0.25, 0.3) for phase in (0, 90)]


def test_a_bank_of_gabors_is_read_back() -> None:
    found = FilterTuning.of(torch.stack([gabor(*one) for one in BANK]))
    lines, frequency, phase = (torch.tensor(column, dtype=torch.float64) for column in zip(*BANK, strict=True))
    assert apart(found.orientation, lines).max() < 0.5, "degrees"
    # A spectrum of this width and its mirror image move each other's peak; a step of the grid is 1/104.
    assert (found.frequency - frequency).abs().max() < 0.02, "cycles a pixel"
    assert (found.phase_symmetry - torch.where(phase == 0, 1.0, -1.0)).abs().max() < 1e-9
    assert found.orientation_selectivity.min() > 0.6
    assert found.chroma.abs().max() < 1e-12
    assert not found.dead.any()


@pytest.mark.parametrize("phase", [0, 90])
def test_phase_is_that_of_the_filter_and_not_of_its_place(phase: int) -> None:
    found = FilterTuning.of(torch.stack([gabor(90, 0.25, phase, shift=shift) for shift in (-2.0, -0.5, 0.0, 1.5)]))
    assert (found.phase_symmetry - (1 if phase == 0 else -1)).abs().max() < 0.02


def test_in_between_even_and_odd_is_the_share_of_the_parts() -> None:
    """(‖E‖² − ‖O‖²) / ‖K‖² about the centre, computed from the parts."""
    kernel = gabor(90, 0.2, 45)
    turned = kernel.flip(1, 2)
    even, odd = ((kernel + turned) / 2).square().sum(), ((kernel - turned) / 2).square().sum()
    found = FilterTuning.of(kernel[None]).phase_symmetry
    torch.testing.assert_close(found, ((even - odd) / (even + odd))[None])


def test_an_edge_between_colours_is_oriented_and_colourful() -> None:
    found = FilterTuning.of(gabor(30, 0.2, 90, RED_GREEN)[None])
    assert found.chroma.item() == pytest.approx(1)
    assert apart(found.orientation, torch.tensor([30.0])).item() < 0.5
    assert found.orientation_selectivity.item() > 0.6


def test_chroma_is_the_share_of_contrast_between_colours() -> None:
    mixed = 3 * gabor(0, 0.2, 0, GREY / math.sqrt(3)) + 4 * gabor(0, 0.2, 0, RED_GREEN / math.sqrt(2))
    assert FilterTuning.of(mixed[None]).chroma.item() == pytest.approx(16 / 25)


def test_a_patch_of_colour_has_no_frequency_and_no_orientation() -> None:
    x, y = grid()
    blob = RED_GREEN[:, None, None] * torch.exp(-(x.square() + y.square()) / 18)
    found = FilterTuning.of(torch.stack([blob, GREY[:, None, None] * torch.ones(SIDE, SIDE)]))
    assert found.frequency.tolist() == [0, 0]
    assert found.orientation_selectivity.tolist() == [0, 0]
    assert found.orientation.isnan().all()
    torch.testing.assert_close(found.phase_symmetry, torch.ones(2, dtype=torch.float64))
    assert found.chroma.tolist() == pytest.approx([1, 0])


def test_centre_and_surround_answer_every_orientation_alike() -> None:
    """A difference of Gaussians of sizes s and 2s without a constant part: the largest response lies on a ring of
    radius f with exp(−2π²s²f²) − exp(−8π²s²f²) largest, f² = ln 4 / (6π²s²)."""
    x, y = grid(31)
    squared, s = x.square() + y.square(), 2.0
    kernel = torch.exp(-squared / (2 * s**2)) - torch.exp(-squared / (8 * s**2)) / 4
    found = FilterTuning.of((GREY[:, None, None] * kernel)[None])
    assert found.frequency.item() == pytest.approx(math.sqrt(math.log(4) / 6) / (math.pi * s), abs=1 / 248)
    assert found.orientation_selectivity.item() < 0.02
    assert found.phase_symmetry.item() == pytest.approx(1)


def test_selectivity_and_orientation_are_those_of_the_spectrum_on_the_ring() -> None:
    """Against sums over pixels, one orientation at a time."""
    torch.manual_seed(0)
    kernel = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    kernel -= kernel.mean((2, 3), keepdim=True)  # so that no even field is preferred
    found = FilterTuning.of(kernel)
    for n in range(2):
        z, total = 0j, 0.0
        for step in range(72):
            theta, f = math.pi * step / 72, found.frequency[n].item()
            power = 0.0
            for c in range(3):
                response = sum(
                    kernel[n, c, y, x].item() * complex(math.cos(turn), math.sin(turn))
                    for y in range(5)
                    for x in range(7)
                    for turn in [2 * math.pi * f * (x * math.cos(theta) - y * math.sin(theta))]
                )
                power += abs(response) ** 2
            z, total = z + power * complex(math.cos(2 * theta), math.sin(2 * theta)), total + power
        assert found.orientation_selectivity[n].item() == pytest.approx(abs(z) / total)
        lines = math.degrees(math.atan2(z.imag, z.real)) / 2 + 90
        assert apart(found.orientation[n], torch.tensor(lines, dtype=torch.float64)).item() < 1e-6


def test_noise_has_little_symmetry_and_a_third_of_its_power_in_grey() -> None:
    torch.manual_seed(0)
    found = FilterTuning.of(torch.randn(400, 3, 7, 7))
    assert found.phase_symmetry.mean().abs().item() < 0.03
    assert found.chroma.mean().item() == pytest.approx(2 / 3, abs=0.01)
    assert found.orientation_selectivity.median().item() < 0.6


def test_a_filter_of_zeros_is_dead_and_has_no_tuning() -> None:
    filters = torch.stack([gabor(0, 0.2, 0), torch.zeros(3, SIDE, SIDE), 0.01 * gabor(0, 0.2, 0), gabor(0, 0.2, 90)])
    found = FilterTuning.of(filters)
    assert found.dead.tolist() == [False, True, True, False]
    for values in (found.chroma, found.frequency, found.orientation, found.orientation_selectivity):
        assert values.isnan().tolist() == [False, True, False, False]
    assert found.phase_symmetry[1].isnan() and found.strength[1] == 0
    assert FilterTuning.of(torch.zeros(3, 1, 3, 3)).dead.all()


def test_scale_is_strength_alone() -> None:
    torch.manual_seed(0)
    kernel = torch.randn(5, 3, 7, 7, dtype=torch.float64)
    one, other = FilterTuning.of(kernel), FilterTuning.of(3 * kernel)
    torch.testing.assert_close(other.strength, 3 * one.strength)
    for name in ("chroma", "frequency", "orientation", "orientation_selectivity", "phase_symmetry"):
        torch.testing.assert_close(getattr(other, name), getattr(one, name))


def test_the_towers_of_the_original_alexnet_part_by_colour(shared_data: object, tmp_path: object) -> None:
    """Medians of the two halves of conv1 as measured independently: 0.917 and 0.029."""
    import numpy as np

    from wbsite.models import load
    from wbsite.models.convert import convert

    convert(shared_data("weights/alexnet_groups2_int8.npz"), "alexnet", "bvlc", tmp_path)  # type: ignore[operator, arg-type]
    weight = load("alexnet@bvlc", weights_dir=tmp_path).module.get_submodule("conv1").weight  # type: ignore[arg-type]
    chroma = FilterTuning.of(weight).chroma.numpy()
    assert np.median(chroma[:48]) == pytest.approx(0.917, abs=0.001)
    assert np.median(chroma[48:]) == pytest.approx(0.029, abs=0.001)
