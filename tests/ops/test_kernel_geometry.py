"""Geometry of kernels: symmetries, stripes, centre and number of patterns, on kernels whose geometry is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.kernel_geometry import kernel_geometry

RISE = [[-1.0, -1.0, 2.0], [-1.0, 2.0, -1.0], [2.0, -1.0, -1.0]]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer(pattern: list[list[float]], units: int = 6) -> torch.Tensor:
    """Units of one pattern with a little of their own."""
    kernels = torch.tensor(pattern).repeat(units, 1, 1, 1)
    return kernels + 1e-3 * noise(*kernels.shape)


@pytest.mark.parametrize("size", [(3, 3), (5, 5), (2, 2), (4, 4), (2, 5), (7, 3)])
def test_independent_weights_have_the_null(size: tuple[int, int]) -> None:
    found = kernel_geometry(noise(400, 32, *size))
    for measure in (found.centre_share, found.left_right, found.up_down, found.quarter_turn):
        if measure is not None:
            assert measure.value == pytest.approx(measure.null, abs=0.02)
            assert measure.low <= measure.value <= measure.high
    assert found.patterns.value == pytest.approx(found.patterns.null, rel=0.02)
    assert found.coherence.value == pytest.approx(found.coherence.null, abs=0.02)
    assert (found.quarter_turn is None) == (size[0] != size[1])


@pytest.mark.parametrize(
    ("pattern", "left_right", "up_down", "angle"),
    [
        ([[1, 1, 1], [-2, -2, -2], [1, 1, 1]], 1, 1, 0),
        ([[1, -2, 1], [1, -2, 1], [1, -2, 1]], 1, 1, 90),
        ([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], -1, 1, 90),
        ([[-1, -1, -1], [0, 0, 0], [1, 1, 1]], 1, -1, 0),
        (RISE, None, None, 45),
        ([row[::-1] for row in RISE], None, None, 135),
    ],
)
def test_one_pattern(pattern: list[list[float]], left_right: int | None, up_down: int | None, angle: float) -> None:
    found = kernel_geometry(layer(pattern))
    if left_right is not None:
        assert found.left_right.value == pytest.approx(left_right, abs=0.01)
        assert found.up_down.value == pytest.approx(up_down, abs=0.01)
    assert (found.angle - angle + 90) % 180 - 90 == pytest.approx(0, abs=0.5)
    assert found.patterns.value == pytest.approx(1, abs=0.01)
    assert found.coherence.value > 0.4


def test_a_quarter_turn() -> None:
    spot = kernel_geometry(layer([[0, 1, 0], [1, 4, 1], [0, 1, 0]]))
    assert spot.quarter_turn is not None
    assert spot.quarter_turn.value == pytest.approx(1, abs=0.01)
    assert spot.centre_share.value == pytest.approx(16 / 20, abs=0.01)
    assert spot.coherence.value == pytest.approx(0, abs=0.01)


def test_the_spectrum_is_that_of_a_fine_fourier_transform() -> None:
    kernels = noise(5, 3, 4, 3, seed=2).double()
    centred = kernels - kernels.mean((2, 3), keepdim=True)
    power = torch.fft.fft2(centred, s=(512, 512)).abs().square().sum((0, 1)).numpy()
    f = np.fft.fftfreq(512)
    yy, xx, xy = (power * f[:, None] ** 2).sum(), (power * f**2).sum(), (power * f[:, None] * f).sum()
    found = kernel_geometry(kernels)
    assert found.coherence.value == pytest.approx(np.hypot(xx - yy, 2 * xy) / (xx + yy), rel=1e-3)
    assert found.angle == pytest.approx((math.degrees(math.atan2(-2 * xy, xx - yy)) / 2 + 90) % 180, abs=0.1)


def test_turning_all_kernels_swaps_the_flips_and_turns_the_angle() -> None:
    kernels = layer(RISE) + noise(6, 1, 3, 3, seed=3)
    found, turned = kernel_geometry(kernels), kernel_geometry(torch.rot90(kernels, 1, (2, 3)))
    assert turned.left_right.value == pytest.approx(found.up_down.value)
    assert turned.coherence.value == pytest.approx(found.coherence.value)
    assert (turned.angle - found.angle) % 180 == pytest.approx(90)


def test_copies_and_scales_change_nothing() -> None:
    kernels = noise(20, 4, 3, 3)
    found, scaled = kernel_geometry(kernels), kernel_geometry(1000 * kernels)
    assert scaled.left_right.value == pytest.approx(found.left_right.value)
    copied = kernel_geometry(torch.cat([kernels, kernels]))
    assert copied.left_right.value == pytest.approx(found.left_right.value)
    assert copied.left_right.high - copied.left_right.low == pytest.approx(
        found.left_right.high - found.left_right.low
    ), "copies of units are no further evidence"


@pytest.mark.parametrize("kernels", [torch.zeros(4, 2, 3, 3), torch.ones(4, 2, 3, 3)])
def test_kernels_without_a_shape_have_no_geometry(kernels: torch.Tensor) -> None:
    found = kernel_geometry(kernels)
    assert all(math.isnan(m.value) for m in (found.left_right, found.coherence, found.patterns, found.centre_share))
    assert math.isnan(found.angle)


def test_one_unit_has_no_interval() -> None:
    found = kernel_geometry(noise(1, 8, 3, 3))
    assert math.isfinite(found.left_right.value)
    assert math.isnan(found.left_right.low)


@pytest.mark.parametrize("kernels", [noise(3, 3), noise(0, 2, 3, 3), noise(2, 2, 1, 3), noise(2, 2, 3, 3) / 0])
def test_what_has_no_rows_and_columns_is_refused(kernels: torch.Tensor) -> None:
    with pytest.raises(WbsiteError, match="expected finite"):
        kernel_geometry(kernels)
    with pytest.raises(WbsiteError, match="at least 1"):
        kernel_geometry(noise(2, 2, 3, 3), resamples=0)
