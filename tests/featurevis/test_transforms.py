"""Without a picture's own moves, a unit's picture would depend on its company, or on single pixels."""

from __future__ import annotations

import torch

from wbsite.featurevis.transforms import GREY, draw, present, warp


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def picture(count: int = 1, side: int = 20) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(5))


def test_each_picture_moves_in_its_own_way_whoever_is_beside_it() -> None:
    alone = draw(generators(4), 6, 0.1, 0.2, 10)
    together = draw(generators(3, 4, 5), 6, 0.1, 0.2, 10)
    assert alone.shape == (6, 1, 2, 3)
    torch.testing.assert_close(together[:, 1], alone[:, 0], rtol=0, atol=0)
    assert not torch.equal(together[:, 0], together[:, 1])
    assert not torch.equal(alone[0], alone[1])


def test_moves_stay_within_what_is_allowed_and_reach_it() -> None:
    maps = draw(generators(0), 4000, 0.1, 0.25, 10)[:, 0]
    shift, factor = maps[:, :, 2].abs(), torch.linalg.det(maps[:, :, :2]).sqrt()
    assert 0.19 < shift.max() <= 0.2  # in halves of the side
    assert 0.8 <= factor.min() < 0.805
    assert 1.24 < factor.max() <= 1.25 + 1e-6
    angle = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 0, 0])).abs()
    assert 9.9 < angle.max() <= 10 + 1e-4


def test_no_moves_leave_the_picture_as_it_is() -> None:
    x = picture(2)
    maps = draw(generators(0, 1), 1, 0, 0, 0)[0]
    torch.testing.assert_close(warp(x, maps, (20, 20)), x - GREY, atol=1e-5, rtol=0)
    torch.testing.assert_close(present(x, (20, 20)), x - GREY)


def test_a_shift_uncovers_grey() -> None:
    x = picture()
    maps = torch.tensor([[[1.0, 0, 2 * 3 / 20], [0, 1, 0]]])  # three pixels to the left
    seen = warp(x, maps, (20, 20))
    torch.testing.assert_close(seen[..., :17], x[..., 3:] - GREY, atol=1e-5, rtol=0)
    assert seen[..., 17:].abs().max() < 1e-5


def test_pad_puts_a_grey_border_around_the_picture() -> None:
    x = picture()
    seen = present(x, (30, 30), pad=0.25)
    torch.testing.assert_close(seen[..., 5:25, 5:25], x - GREY, atol=1e-5, rtol=0)
    seen[..., 5:25, 5:25] = 0
    assert seen.abs().max() < 1e-5


def test_a_picture_can_be_presented_larger() -> None:
    assert present(picture(), (50, 50)).shape == (1, 3, 50, 50)


def test_a_long_picture_is_shifted_and_turned_by_pixels_and_not_sheared() -> None:
    """A quarter turn and a shift of a tenth of the shorter side, of a square in the middle of a long grey picture."""
    x = torch.full((1, 3, 20, 60), GREY)
    x[:, :, :, 20:40] = picture()
    quarter = torch.tensor([[[0.0, 1, 0], [-1, 0, 0]]])
    turned = warp(x, quarter, (20, 60))[:, :, :, 20:40]
    torch.testing.assert_close(turned, torch.rot90(x[:, :, :, 20:40], -1, (2, 3)) - GREY, atol=1e-5, rtol=0)
    shifted = warp(x, torch.tensor([[[1.0, 0, 2 * 0.1], [0, 1, 0]]]), (20, 60))
    torch.testing.assert_close(shifted[..., :58], x[..., 2:] - GREY, atol=1e-5, rtol=0)
