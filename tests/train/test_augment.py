"""Augmentation moves pictures and nothing else, each by its own draw, and the test pictures always alike."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wbsite.datasets.base import Pictures
from wbsite.models.base import Preprocess
from wbsite.train.augment import Draws, augment, pose, random_flip, random_rotation, random_shift, rotate
from wbsite.train.base import Recipe
from wbsite.train.batches import Batches

PLAIN = Recipe(epochs=1, batch=10, shift=0, flip=False)


def draws(n: int, seed: int = 0) -> Draws:
    return Draws.for_all(n, torch.Generator().manual_seed(seed))


def noise(n: int, size: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, size, size), generator=torch.Generator().manual_seed(n)).to(torch.uint8)


def same(picture: torch.Tensor, count: int) -> torch.Tensor:
    return picture[:1].repeat(count, 1, 1, 1)


def kinds(x: torch.Tensor) -> int:
    """How many different pictures there are."""
    return len(torch.unique(x.flatten(1), dim=0))


@pytest.fixture(scope="module")
def batches() -> Batches:
    labels = np.arange(30) % 3
    return Batches.from_pictures(
        Pictures(noise(30).numpy(), labels, ("a", "b", "c")), Preprocess(crop=16), torch.device("cpu")
    )


def test_nothing_to_do_leaves_pictures_untouched() -> None:
    x = noise(4)
    assert augment(x, PLAIN, draws(4)) is x
    assert pose(x, replace(PLAIN, sway=0.0), draws(4)) is x


def test_shifts_move_every_picture_by_its_own_offset() -> None:
    x = same(noise(1, 8), 50)
    shifted = random_shift(x, 2, draws(50))
    assert shifted.dtype == torch.uint8 and shifted.shape == x.shape
    assert kinds(shifted) > 10
    padded = F.pad(x[:1].float(), (2,) * 4, mode="reflect").to(torch.uint8)[0]
    windows = {tuple(padded[:, i : i + 8, j : j + 8].flatten().tolist()) for i in range(5) for j in range(5)}
    assert all(tuple(picture.flatten().tolist()) in windows for picture in shifted)


@pytest.mark.parametrize("axis", [2, 3])
def test_flips_mirror_about_half_of_the_pictures_along_one_axis(axis: int) -> None:
    x = noise(200)
    flipped = random_flip(x, axis, draws(200))
    mirrored = (flipped == x.flip(axis)).flatten(1).all(1)
    assert torch.equal(mirrored, ~(flipped == x).flatten(1).all(1))
    assert 70 < int(mirrored.sum()) < 130


def test_a_vertical_flip_is_one_more_draw_after_the_others() -> None:
    """A run with upside-down flips differs from the baseline in these alone."""
    x, recipe = noise(40), replace(PLAIN, shift=2, flip=True)
    upright = augment(x, recipe, draws(40))
    both = augment(x, replace(recipe, vertical_flip=True), draws(40))
    as_before = (both == upright).flatten(1).all(1)
    assert torch.equal((both == upright.flip(2)).flatten(1).all(1), ~as_before)
    assert 5 < int(as_before.sum()) < 35


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotation_by_right_angles_is_rot90(turns: int) -> None:
    """The same direction and centre as the experiment with turned pictures."""
    x = noise(3)
    found = rotate(x, torch.full((3,), turns * math.pi / 2))
    assert (found - x.rot90(turns, (2, 3)).float()).abs().max() < 0.01


def test_a_turn_of_every_picture_is_rot90_after_shift_and_flip() -> None:
    x, recipe = noise(12), replace(PLAIN, shift=2, flip=True)
    assert torch.equal(augment(x, replace(recipe, turn=1), draws(12)), augment(x, recipe, draws(12)).rot90(1, (2, 3)))


def test_rotation_gives_each_picture_its_own_angle_within_the_limit() -> None:
    """A bright pixel at radius 10 tells the angle."""
    x = torch.zeros(200, 1, 33, 33)
    x[:, :, 15:18, 25:28] = 200.0
    found = random_rotation(x, 40.0, draws(200))
    y, across = torch.meshgrid(*(torch.arange(33) - 16.0,) * 2, indexing="ij")
    angles = torch.atan2(-(found * y).sum((1, 2, 3)), (found * across).sum((1, 2, 3))).rad2deg()
    assert angles.abs().max() < 41
    assert angles.min() < -35 and angles.max() > 35
    assert len(torch.unique(angles.round(decimals=2))) > 150
    assert abs(float(angles.mean())) < 5


def test_rotated_pictures_keep_their_range_and_have_no_empty_corners() -> None:
    x = torch.full((20, 3, 16, 16), 77, dtype=torch.uint8)
    assert (random_rotation(x, 180.0, draws(20)) - 77).abs().max() < 1e-3
    wild = random_rotation(noise(20), 180.0, draws(20))
    assert wild.dtype == torch.float32
    assert wild.min() >= 0 and wild.max() <= 255


def test_pictures_without_colour_have_the_rounded_mean_in_every_channel() -> None:
    x, recipe = noise(12), replace(PLAIN, shift=2, flip=True)
    found = augment(x, replace(recipe, colours="removed"), draws(12))
    assert found.dtype == torch.uint8
    mean = augment(x, recipe, draws(12)).double().mean(1, keepdim=True).round()
    assert torch.equal(found.double(), mean.expand(-1, 3, -1, -1))
    turned = pose(x, replace(PLAIN, sway=30.0, colours="removed"), draws(12))
    assert torch.allclose(turned, random_rotation(x, 30.0, draws(12)).mean(1, keepdim=True), atol=1e-3)


def test_permuted_pictures_keep_their_channels_in_an_order_of_their_own() -> None:
    x, recipe = noise(120), replace(PLAIN, shift=2, flip=True)
    found, upright = (augment(x, replace(recipe, colours=of), draws(120)) for of in ("permuted", "kept"))
    orders = []
    for picture, before in zip(found, upright, strict=True):
        order = [next(i for i in range(3) if torch.equal(channel, before[i])) for channel in picture]
        assert sorted(order) == [0, 1, 2]
        orders.append(tuple(order))
    assert torch.equal(found.double().mean(1), upright.double().mean(1))
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert min(counts) > 8, "all six orders are about as frequent"


def test_the_order_of_channels_is_drawn_anew_at_every_epoch_and_stays_in_the_test(batches: Batches) -> None:
    recipe = replace(PLAIN, colours="permuted")
    first, again, other = (torch.cat([x for x, _ in batches.train(recipe, 0, epoch)]) for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first.flatten(1).sort(0).values, other.flatten(1).sort(0).values)
    one, two = (torch.cat([x for x, _ in batches.test(recipe)]) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, torch.cat([x for x, _ in batches.test()]))


@pytest.mark.parametrize("sway", [0.0, 45.0])
def test_test_pictures_are_posed_alike_at_every_epoch(sway: float, batches: Batches) -> None:
    recipe = replace(PLAIN, shift=4, flip=True, vertical_flip=True, turn=1, sway=sway)
    first, second = (torch.cat([x for x, _ in batches.test(recipe, batch_size=7)]) for _ in range(2))
    assert torch.equal(first, second)
    upright = torch.cat([x for x, _ in batches.test()])
    assert torch.allclose(first, upright.rot90(1, (2, 3))) == (sway == 0)


def test_training_pictures_are_augmented_anew_at_every_epoch(batches: Batches) -> None:
    recipe = Recipe(epochs=2, batch=10, shift=4, sway=20.0)
    one, again, other = (torch.cat([x for x, _ in batches.train(recipe, 0, epoch)]) for epoch in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one.sort(0).values, other.sort(0).values)


def test_an_epoch_begun_in_its_middle_shows_the_rest(batches: Batches) -> None:
    recipe = Recipe(epochs=1, batch=7, shift=2, sway=10.0)
    whole, rest = list(batches.train(recipe, 3, 1)), list(batches.train(recipe, 3, 1, first_step=2))
    assert len(whole) == 4 and len(rest) == 2
    assert all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(whole[2:], rest, strict=True))


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("colours", ["kept", "removed", "permuted"])
def test_rows_of_a_batch_are_augmented_as_they_are_within_it(
    part: str, colours: Literal["kept", "removed", "permuted"], batches: Batches
) -> None:
    """Processes that share a batch see what one process would see."""
    recipe = Recipe(epochs=1, batch=10, shift=4, vertical_flip=True, sway=30.0, colours=colours)

    def read(first: int, last: int) -> list[torch.Tensor]:
        rows = {"rows": lambda n: slice(n * first // 4, n * last // 4)}
        return [
            x for x, _ in (batches.train(recipe, 0, 0, **rows) if part == "train" else batches.test(recipe, **rows))
        ]

    for whole, one, two in zip(read(0, 4), read(0, 3), read(3, 4), strict=True):
        assert torch.allclose(torch.cat((one, two)), whole, atol=1e-5)


def test_labels_stay_with_their_pictures() -> None:
    labels = np.arange(24) % 3
    images = np.broadcast_to(labels.reshape(-1, 1, 1, 1) * 100, (24, 3, 8, 8)).astype(np.uint8)
    data = Batches.from_pictures(Pictures(images, labels, ("a", "b", "c")), Preprocess(crop=8), torch.device("cpu"))
    for x, y in [*data.train(Recipe(epochs=1, batch=5, sway=90.0), 0, 0), *data.test(PLAIN, 7)]:
        brightness = (x[:, 0].mean((1, 2)) * data.preprocess.std[0] + data.preprocess.mean[0]) * 255
        assert torch.equal((brightness / 100).round().long(), y)
