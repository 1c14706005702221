"""What a parameterisation cannot express, no picture shows; what it does not keep, is no picture."""

from __future__ import annotations

import pytest
import torch

from wbsite.featurevis.parameterisations import PARAMETERISATIONS, Size, frequencies, natural
from wbsite.ops.tuning.color import decorrelate


def started(name: str, channels: int, size: Size, seed: int = 0) -> torch.Tensor:
    form = PARAMETERISATIONS[name]
    return form.start(torch.Generator().manual_seed(seed), channels, size)[None]


@pytest.mark.parametrize("size", [(16, 16), (17, 17), (12, 33)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PARAMETERISATIONS)
def test_pictures_are_in_range_and_every_parameter_is_used(name: str, channels: int, size: Size) -> None:
    parameters = started(name, channels, size).requires_grad_()
    picture = PARAMETERISATIONS[name].image(parameters, size)
    assert picture.shape == (1, channels, *size)
    assert 0 <= picture.min() <= picture.max() <= 1
    (picture * torch.randn(picture.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    assert (parameters.grad != 0).float().mean() > 0.85  # a real spectrum's first column says some things twice


@pytest.mark.parametrize("name", ["fourier", "pixels"])
def test_a_start_is_nearly_grey(name: str) -> None:
    picture = PARAMETERISATIONS[name].image(started(name, 3, (32, 32)), (32, 32))
    assert (picture - 0.5).abs().max() < 0.1


def test_equal_steps_of_coefficients_move_low_frequencies_as_natural_images_have_them() -> None:
    form, size = PARAMETERISATIONS["fourier"], (32, 32)
    heights = []
    for cycles in (2, 8):
        parameters = torch.zeros(1, 1, 32, 17, 2)
        parameters[0, 0, 0, cycles, 0] = 0.1
        heights.append((form.image(parameters, size) - 0.5).abs().max().item())
    assert heights[0] / heights[1] == pytest.approx(4, rel=0.02)
    assert natural(size)[0, 4] == pytest.approx(1 / frequencies(size)[0, 4].item())


def test_maco_keeps_the_magnitudes_of_natural_images_whatever_the_phases() -> None:
    size = (32, 32)
    law = natural(size)[1:, 1:-1] / natural(size)[1, 1]
    for seed in (0, 1):
        picture = PARAMETERISATIONS["maco"].image(started("maco", 3, size, seed), size)
        spectrum = torch.fft.rfft2(decorrelate(torch.logit(picture.double()))).abs()[0, :, 1:, 1:-1]
        for channel in spectrum:
            torch.testing.assert_close((channel / channel[0, 0]).float(), law, rtol=1e-3, atol=1e-4)
