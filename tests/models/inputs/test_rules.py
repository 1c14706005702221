"""An input other than the network's own makes every picture and every response meaningless."""

from __future__ import annotations

import itertools
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import parse
from wbsite.models.base import CIFAR10, Preprocess
from wbsite.models.inputs import FoundInput, find_input

from .networks import FromCaffe, Normalising, Plain, ResNet20


def found(net: nn.Module, factory: object = None, **said: Any) -> FoundInput:
    return find_input(net.eval(), factory, "nets:make", parse("nets:make", said))


def with_attributes(net: nn.Module, **attributes: Any) -> nn.Module:
    for name, value in attributes.items():
        setattr(net, name, value)
    return net


def shape(of: FoundInput) -> tuple[int, int, int]:
    return of.layers.input_shape


def convolutions(*channels: int) -> list[nn.Module]:
    pairs = itertools.pairwise(channels)
    return [step for i, o in pairs for step in (nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))]


@pytest.mark.parametrize(
    ("net", "expected", "words"),
    [
        (lambda: ResNet20(), (3, 32, 32), "10 classes, as networks for CIFAR's pictures have"),
        (lambda: ResNet20(100), (3, 32, 32), "CIFAR"),
        (lambda: ResNet20(200), (3, 64, 64), "Tiny ImageNet"),
        (lambda: ResNet20(1000), (3, 224, 224), "ImageNet"),
        (lambda: Plain(classes=2), (3, 32, 32), "CIFAR"),
        (lambda: Plain(stride=2), (3, 224, 224), "stride 2, .* 10 classes, as networks for ImageNet"),
        (lambda: Plain(channels=1), (1, 28, 28), "MNIST"),
        (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 2)), (1, 28, 28), "28×28 and"),
        (lambda: nn.Sequential(*convolutions(3, 8, 8), nn.Flatten(), nn.Linear(8 * 8 * 8, 10)), (3, 32, 32), "32×32"),
        (lambda: nn.Sequential(*convolutions(3, 8, 8, 8, 8, 8), nn.Flatten(), nn.Linear(8, 10)), (3, 32, 32), "32×32"),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(4 * 24 * 24, 2)),
         (3, 100, 100), "as many values as such a map"),
        (lambda: nn.Sequential(nn.Conv2d(5, 4, 3)), (5, 224, 224), "nothing tells"),
    ],
)  # fmt: skip
def test_the_size_is_guessed_from_classes_and_strides_and_the_page_says_so(
    net: Any, expected: tuple[int, int, int], words: str
) -> None:
    of = found(net())
    assert shape(of) == expected
    assert of.assumed
    assert "guessed" in of.note
    assert re.search(words, of.note)
    assert f"input = [{expected[0]}, HEIGHT, WIDTH] in its table" in of.note


def test_a_size_on_which_pictures_mix_does_not_count() -> None:
    """`view(-1, features)` takes a larger picture for several: the result has a row for each quarter."""

    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features, self.fc = nn.Sequential(*convolutions(3, 8, 8, 8, 8, 8)), nn.Linear(8, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.features(x).view(-1, 8))

    assert shape(found(Viewed())) == (3, 32, 32)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_an_imagenet_network_is_told_from_one_of_cifar(name: str) -> None:
    from torchvision import models

    assert shape(found(models.get_model(name, weights=None))) == (3, 224, 224)


def test_channels_are_those_of_the_first_convolution_or_of_pictures() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.late, self.early = nn.Conv2d(8, 4, 1), nn.Conv2d(3, 8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.late(self.early(x))

    assert shape(found(Late())) == (3, 224, 224)


TIMM = {"input_size": (3, 40, 48), "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4), "crop_pct": 0.8}


@pytest.mark.parametrize(
    ("attributes", "expected", "preprocess"),
    [
        ({"input_shape": (3, 60, 160)}, (3, 60, 160), {"resize": (60, 160)}),
        ({"input_size": [3, 48, 80], "input_range": [0, 255], "input_space": "BGR", "mean": [104, 117, 123],
          "std": [1, 1, 1]}, (3, 48, 80),
         {"scale": 255.0, "colors": "BGR", "mean": (104.0, 117.0, 123.0), "std": (1.0, 1.0, 1.0)}),
        ({"image_size": 40, "mean": 0.5, "std": 0.25}, (3, 40, 40), {"mean": (0.5,) * 3, "std": (0.25,) * 3}),
        ({"default_cfg": {**TIMM, "interpolation": "bicubic"}}, (3, 40, 48),
         {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4), "interpolation": "bicubic", "resize": (50, 60)}),
        ({"pretrained_cfg": SimpleNamespace(**TIMM)}, (3, 40, 48), {"mean": (0.4, 0.5, 0.6)}),
        ({"config": SimpleNamespace(image_size=(24, 36), num_channels=3)}, (3, 24, 36), {}),
        ({"config": SimpleNamespace(image_size=24)}, (3, 24, 24), {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("owner", ["network", "factory"])
def test_what_a_network_or_its_factory_says_is_taken(
    attributes: dict[str, Any], expected: tuple[int, int, int], preprocess: dict[str, Any], owner: str
) -> None:
    if owner == "network":
        of = found(with_attributes(Plain(), **attributes))
    else:
        of = found(Plain(), SimpleNamespace(**attributes))
    assert shape(of) == expected
    assert {name: getattr(of.preprocess, name) for name in preprocess} == preprocess
    assert next(iter(attributes)) in of.note
    assert of.assumed == ("mean" not in preprocess)


def test_torchvisions_transforms_are_taken_from_weights_from_a_preset_and_from_a_compose() -> None:
    from torchvision import models
    from torchvision.models import EfficientNet_B3_Weights
    from torchvision.transforms import v2

    weights = EfficientNet_B3_Weights.IMAGENET1K_V1
    compose = v2.Compose([v2.Resize(40), v2.CenterCrop((32, 24)), v2.ToImage(), v2.Normalize([0.1] * 3, [0.2] * 3)])
    for attributes in ({"weights": weights}, {"transforms": weights.transforms()}):
        of = found(with_attributes(Plain(), **attributes)).preprocess
        assert (of.crop, of.resize, of.interpolation, of.mean) == (300, 320, "bicubic", Preprocess.mean)
    of = found(with_attributes(Plain(), transform=compose)).preprocess
    assert (of.crop, of.resize, of.mean, of.std) == ((32, 24), 40, (0.1,) * 3, (0.2,) * 3)
    inception = found(Plain(), models.inception_v3)
    assert shape(inception) == (3, 299, 299)
    assert not inception.assumed


def test_what_does_not_fit_the_network_is_left_to_the_next_rule() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 2))
    assert shape(found(with_attributes(net, default_cfg=TIMM))) == (3, 28, 28)
    with pytest.raises(WbsiteError, match=r"fails on an input of shape \(1, 3, 9, 9\)"):
        found(with_attributes(net, input_shape=(3, 9, 9)))


def test_a_grey_network_of_a_colour_configuration_gets_the_average() -> None:
    of = found(with_attributes(Plain(channels=1), default_cfg={**TIMM, "input_size": (1, 40, 40)}))
    assert of.preprocess.mean == (pytest.approx(0.5),)
    assert of.preprocess.std == (pytest.approx(0.3),)


@pytest.mark.parametrize(
    ("mean", "std", "scale"),
    [
        ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 1.0),
        ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], 1.0),
        ([123.7, 116.8, 103.9], [1.0, 1.0, 1.0], 255.0),
        ([0.0, 0.0, 0.0], [255.0, 255.0, 255.0], 255.0),
    ],
)
def test_a_network_that_normalises_is_given_pixels_as_they_are(mean: Any, std: Any, scale: float) -> None:
    for net in (Plain(), nn.Sequential(nn.ZeroPad2d(3), Plain())):
        of = found(Normalising(net, mean, std))
        assert (of.preprocess.scale, of.preprocess.mean, of.preprocess.std) == (scale, (0.0,) * 3, (1.0,) * 3)
        assert "not normalised" in of.note


def test_normalised_by_what_it_says_and_by_itself_is_once_too_often() -> None:
    net = Normalising(Plain(), [0.4, 0.5, 0.6], [0.2, 0.3, 0.4])
    of = found(with_attributes(net, default_cfg=TIMM))
    assert of.preprocess.mean == (0.0,) * 3
    assert found(net, mean=[0.1, 0.1, 0.1]).preprocess.mean == (0.1,) * 3, "unless the user says so"


@pytest.mark.parametrize(
    "first",
    [
        lambda: nn.BatchNorm2d(3),
        lambda: nn.InstanceNorm2d(3),
        lambda: Normalising(nn.Identity(), [0.0655, 0.0, -0.4], [2.18, 2.23, 2.2]),  # GoogLeNet's transform_input
    ],
)
def test_other_first_layers_are_no_normalisation_of_pixels(first: Any) -> None:
    of = found(nn.Sequential(first(), Plain()))
    assert of.preprocess.mean == CIFAR10.mean
    assert of.assumed


def test_the_order_of_channels_is_said_or_seen() -> None:
    of = found(FromCaffe())
    assert of.turned
    assert of.preprocess.colors == "RGB"
    assert of.preprocess.scale == 1
    assert "turns their order round" in of.note
    said = found(Plain(), channels="BGR", mean=[104, 117, 123], range=[0, 255])
    assert (said.preprocess.colors, said.preprocess.mean) == ("BGR", (104.0, 117.0, 123.0))
    assert not said.turned


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"range": [0, 255]}, (255.0, 0.0, 1.0)),
        ({"range": [-1, 1]}, (2.0, 1.0, 1.0)),
        ({"mean": [0.5] * 3}, (1.0, 0.5, 1.0)),
        ({"std": [0.5] * 3}, (1.0, 0.0, 0.5)),
        ({"mean": [0.5] * 3, "std": [0.25] * 3}, (1.0, 0.5, 0.25)),
        ({"mean": [10] * 3, "std": [2] * 3, "range": [-5, 250]}, (255.0, 15.0, 2.0)),
    ],
)
def test_a_range_a_mean_and_a_standard_deviation_each_alone_and_together(
    said: dict[str, Any], expected: tuple[float, float, float]
) -> None:
    """A pixel x in [0, 1] becomes (low + x · (high − low) − mean) / std."""
    of = found(Plain(), input=[3, 20, 30], **said)
    assert (of.preprocess.scale, of.preprocess.mean[0], of.preprocess.std[0]) == expected
    assert shape(of) == (3, 20, 30)
    assert not of.assumed


def test_a_network_of_many_channels_gets_mean_and_standard_deviation_for_each() -> None:
    of = found(Plain(channels=6), input=[6, 20, 30], mean=[0.1 * i for i in range(6)], std=[0.5] * 6)
    assert shape(of) == (6, 20, 30)
    assert len(of.preprocess.mean) == 6
    assert "the network takes 6" in of.preprocess.unsuitable()


def test_a_network_that_takes_a_list_is_told_how_to_be_wrapped() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, images: list[torch.Tensor]) -> list[torch.Tensor]:
            if not isinstance(images, list):
                raise TypeError("expected a list")
            return [self.conv(image[None]) for image in images]

    with pytest.raises(WbsiteError, match=r"fails on every input tried.*expected a list") as raised:
        found(Listed())
    assert "self.net(list(x))" in raised.value.hint


def test_a_network_without_convolutions_or_with_a_wrong_attribute_is_refused() -> None:
    with pytest.raises(WbsiteError, match="no two-dimensional convolutions"):
        found(nn.Sequential(nn.Linear(2, 2)))
    for wrong in ((3, 32), (3, 32, 0), "32"):
        with pytest.raises(WbsiteError, match="input_shape is") as raised:
            found(with_attributes(Plain(), input_shape=wrong))
        assert "three whole numbers" in raised.value.hint


HALF = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({**HALF, "size": 40}, Preprocess(40, 40, mean=(0.5,) * 3, std=(0.25,) * 3)),
        ({**HALF, "size": {"height": 40, "width": 48}, "resample": 3},
         Preprocess((40, 48), (40, 48), mean=(0.5,) * 3, std=(0.25,) * 3, interpolation="bicubic")),
        ({**HALF, "size": {"shortest_edge": 48}, "crop_size": {"height": 40, "width": 40}, "do_center_crop": True},
         Preprocess(40, 48, mean=(0.5,) * 3, std=(0.25,) * 3)),
        ({**HALF, "size": 48, "crop_size": 40, "do_center_crop": False},
         Preprocess(48, 48, mean=(0.5,) * 3, std=(0.25,) * 3)),
        ({**HALF, "size": {"shortest_edge": 40}, "crop_pct": 0.8},
         Preprocess(40, 50, mean=(0.5,) * 3, std=(0.25,) * 3)),
        ({**HALF, "size": 40, "do_normalize": False}, Preprocess(40, 40, mean=(0.0,) * 3, std=(1.0,) * 3)),
        ({**HALF, "size": 40, "do_rescale": False},
         Preprocess(40, 40, scale=255.0, mean=(0.5,) * 3, std=(0.25,) * 3)),
    ],
)  # fmt: skip
def test_what_lies_beside_a_network_of_the_hub_is_taken(said: dict[str, Any], expected: Preprocess) -> None:
    of = found(Plain(), SimpleNamespace(preprocessor_config=said))
    assert of.preprocess == expected
    assert not of.assumed
    assert "from its preprocessor_config.json" in of.note


@pytest.mark.parametrize(
    "said",
    [{}, {"size": "large"}, {"size": {"longest_edge": 40}}, {"size": {"height": 0, "width": 40}}, [], None,
     {"size": None, "image_mean": "grey", "image_std": [0.0] * 3, "resample": 99, "rescale_factor": -1}],
)  # fmt: skip
def test_what_says_nothing_of_pictures_is_left_to_the_next_rule(said: object) -> None:
    assert found(Plain(), SimpleNamespace(preprocessor_config=said)).preprocess == found(Plain()).preprocess
