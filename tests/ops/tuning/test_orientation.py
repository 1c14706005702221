"""A family of lines of all orientations is one only if each line's angle is right."""

from __future__ import annotations

import math

import pytest
import torch

from wbsite.ops.tuning.orientation import agreement, fan, orientation


def line(degrees: float, phase: float = 0.0, side: int = 21) -> torch.Tensor:
    """A grating whose stripes run at this angle, counted upwards from the horizontal, in grey, (1, 3, side, side)."""
    axis = torch.arange(side, dtype=torch.float64) - side // 2
    up, right = -axis[:, None], axis[None]
    turn = math.radians(degrees)
    across = up * math.cos(turn) - right * math.sin(turn)
    envelope = torch.exp(-(up**2 + right**2) / 30)
    return (torch.cos(1.2 * across + phase) * envelope).expand(1, 3, side, side)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 170])
@pytest.mark.parametrize("phase", [0.0, math.pi / 2])
def test_the_angle_is_that_of_the_lines_whatever_their_phase(degrees: float, phase: float) -> None:
    strength, angle = orientation(line(degrees, phase))
    assert float(strength[0]) > 0.8
    assert abs((float(angle[0]) - degrees + 90) % 180 - 90) < 2


def test_spots_colours_and_nothing_have_no_orientation() -> None:
    torch.manual_seed(0)
    axis = torch.arange(21.0) - 10
    spot = torch.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / 20).expand(1, 3, 21, 21)
    opponent = line(30) * torch.tensor([1.0, -1.0, 0.0]).reshape(1, 3, 1, 1)
    noise = torch.randn(1, 3, 21, 21)
    strength, _ = orientation(torch.cat([spot, opponent, noise, 0 * noise]))
    assert float(strength.max()) < 0.2
    assert float(strength[3]) == 0


def test_the_family_has_the_most_oriented_unit_of_each_sector() -> None:
    strength = torch.tensor([0.5, 0.9, 0.4, 0.3, 0.0])
    angle = torch.tensor([178.0, 3.0, 47.0, 92.0, 135.0])
    assert fan(strength, angle, 4) == [1, 2, 3], "no unit of the last sector has any orientation"


def test_lines_that_excite_their_own_orientation_agree() -> None:
    lines = torch.tensor([0.0, 30, 60, 90, 120, 150])
    same = torch.cos(torch.deg2rad(2 * (lines[:, None] - lines[None])))
    assert agreement(3 * same + 1, lines, lines) == pytest.approx(1)
    assert agreement(-same, lines, lines) == pytest.approx(-1)
    assert agreement(0 * same, lines, lines) == 0
