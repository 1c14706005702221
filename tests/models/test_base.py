"""Input that differs from what a network was trained on changes every number of its pages."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import EfficientNet_B3_Weights

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.models import base
from wbsite.models.base import ModelSpec, Preprocess


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


@pytest.mark.parametrize(
    ("size", "resize", "crop", "resized"),
    [
        ((500, 375), (60, 160), (60, 160), (160, 120)),
        ((160, 60), (60, 160), (60, 160), (160, 60)),
        ((31, 500), (60, 160), (60, 160), (160, 2580)),
        ((333, 640), 64, (60, 20), (64, 123)),
        ((500, 375), None, (60, 160), (500, 375)),
        ((100, 50), None, (60, 160), (160, 80)),
    ],
)
def test_any_rectangle_is_cut_out_of_the_middle_of_what_covers_it(
    size: tuple[int, int], resize: Any, crop: tuple[int, int], resized: tuple[int, int]
) -> None:
    """Sizes of pictures are width and height, those of networks height and width."""
    from torchvision.transforms import v2

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8))
    whole = picture.resize(resized, Image.Resampling.BILINEAR)
    expected = v2.Compose([v2.CenterCrop(crop), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])(whole)
    preprocess = Preprocess(crop, resize, mean=(0.0,) * 3, std=(1.0,) * 3)
    torch.testing.assert_close(preprocess(picture), expected)
    assert preprocess(picture.resize((preprocess.side,) * 2)).shape == (3, *crop)


@pytest.mark.parametrize("crop", [24, (24, 40)])
def test_a_network_of_blue_green_red_gets_them_in_this_order(crop: Any) -> None:
    """Mean and standard deviation are those of its channels; kernels are shown in red, green, blue all the same."""
    picture = Image.new("RGB", (60, 50), (255, 102, 0))
    preprocess = Preprocess(crop, scale=255.0, mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0), colors="BGR")
    x = preprocess(picture)
    assert x.shape[1:] == ((24, 24) if crop == 24 else crop)
    assert x[:, 0, 0].tolist() == [-1.0, 50.0, 63.0]
    kernels = torch.rand(5, 3, 2, 2)
    assert torch.equal(preprocess.in_rgb(kernels), kernels[:, [2, 1, 0]])
    assert torch.equal(preprocess.in_rgb(kernels[:, :1]), kernels[:, :1])
    spec = ModelSpec("n", "w", "N", torch.nn.Module, preprocess)
    assert torch.equal(spec.filters_in_rgb(kernels), kernels[:, [2, 1, 0]])
    assert torch.equal(replace(spec, turned=True).filters_in_rgb(kernels), kernels)
    assert torch.equal(
        replace(spec, preprocess=Preprocess(24), turned=True).filters_in_rgb(kernels), kernels[:, [2, 1, 0]]
    )


def test_interpolation_is_as_torchvisions_weights_have_it() -> None:
    weights = EfficientNet_B3_Weights.IMAGENET1K_V1
    spec = next(spec for spec in registry.entries("models") if spec.name == "efficientnet_b3")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (375, 500, 3), np.uint8))
    torch.testing.assert_close(spec.preprocess(picture), weights.transforms()(picture))


def test_a_network_of_other_channels_gets_no_pictures() -> None:
    with pytest.raises(WbsiteError, match="the network takes 4"):
        Preprocess(8, mean=(0.5,) * 4, std=(0.5,) * 4)(Image.new("RGB", (8, 8)))


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


@pytest.mark.parametrize(("height", "width"), [(9000, 3), (3, 9000)])
def test_a_long_input_is_cut_from_the_picture_without_making_the_rest(
    height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for an input of 144160 samples, for which the whole picture would have 20 billion pixels."""
    columns = np.linspace(0, 255, 40, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.add.outer(columns[:30] // 2, columns // 2)] * 3, -1))
    preprocess = Preprocess(crop=(height, width), mean=(0.0,) * 3, std=(1.0,) * 3)
    cut = preprocess(image)
    assert cut.shape == (3, height, width)
    monkeypatch.setattr(base, "LARGEST_RESIZED", 10**12)
    torch.testing.assert_close(cut, preprocess(image), atol=2 / 255, rtol=0)
