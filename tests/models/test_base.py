"""Input that differs from what a network was trained on changes every number of its pages."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite.models.base import Preprocess


@pytest.mark.parametrize("size", [(500, 375), (333, 640), (256, 256), (257, 1000), (100, 61), (31, 500)])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (232, 224), (342, 299), (None, 64), (32, 32)])
def test_pictures_are_resized_and_cropped_as_torchvision_does(
    size: tuple[int, int], resize: int | None, crop: int
) -> None:
    from torchvision.transforms import v2

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8))
    short = resize if resize is not None else max(min(size), crop)
    steps = [v2.Resize(short), v2.CenterCrop(crop), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    expected = v2.Normalize(Preprocess.mean, Preprocess.std)(v2.Compose(steps)(picture))
    torch.testing.assert_close(Preprocess(crop, resize)(picture), expected)


def test_a_network_of_one_channel_gets_the_picture_in_grey() -> None:
    picture = Image.new("RGB", (28, 28), (255, 0, 0))
    x = Preprocess(28, mean=(0.5,), std=(0.25,))(picture)
    assert x.shape == (1, 28, 28)
    torch.testing.assert_close(x, torch.full((1, 28, 28), (76 / 255 - 0.5) / 0.25))


def test_pictures_are_prepared_without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or every process that shows photographs to a network would take seconds to import it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert Preprocess(32, 40)(Image.new("RGB", (64, 48))).shape == (3, 32, 32)
