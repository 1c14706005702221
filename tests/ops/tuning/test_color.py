"""If colours were not uncorrelated, pictures of units would come out grey: brightness is what gradients reach first."""

from __future__ import annotations

import torch

from wbsite.ops.tuning.color import COVARIANCE, color_axes, correlate, decorrelate


def test_going_there_and_back_changes_nothing() -> None:
    x = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(correlate(decorrelate(x)), x, atol=1e-5, rtol=1e-5)


def test_a_grey_picture_stays_as_it_is() -> None:
    x = torch.rand(2, 1, 5, 4)
    assert correlate(x) is x
    assert decorrelate(x) is x


def test_the_axes_span_the_measured_covariance() -> None:
    axes = color_axes().double()
    ratio = (axes @ axes.T) / torch.tensor(COVARIANCE, dtype=torch.float64)
    torch.testing.assert_close(ratio, ratio[0, 0].expand(3, 3), rtol=1e-4, atol=0)
