"""A wrong name, digest or mapping here gives a user the pages of another network than asked for."""

from __future__ import annotations

import re

import pytest
import torch

from wbsite.graph.layers import discover
from wbsite.models.zoo.torchvision_cnns import (
    ADDRESS,
    MODELS,
    PUBLISHED,
    Published,
    dense_layers_renamed,
    without_auxiliary_heads,
)

SPECS = {spec.name: spec for spec in MODELS}


def own_shapes(spec):
    with torch.device("meta"):
        return {k: v.shape for k, v in spec.build().state_dict().items() if v.is_floating_point()}


def test_every_digest_is_that_of_the_file_name():
    assert len(MODELS) > 60
    for spec in MODELS:
        digits = re.fullmatch(r"sha256-prefix:([0-9a-f]{8,})", spec.source.digest)
        assert spec.source.filename.endswith(f"-{digits[1]}.pth")
    assert "alexnet" not in SPECS, "the name is that of the network with two towers"


def test_the_networks_are_those_that_torchvision_publishes():
    """Or a new release's networks would be missing, and changed weights would be refused for their digest."""
    from torchvision import models

    published = []
    for name in models.list_models(models):
        if name.startswith(("vit_", "swin_", "maxvit_")):
            continue
        choices = models.get_model_weights(name)
        weights = getattr(choices, "IMAGENET1K_V1", None) or choices.DEFAULT
        picture = weights.transforms()
        address, _, file = weights.url.rpartition("/")
        assert address == ADDRESS
        (resize,), (crop,) = picture.resize_size, picture.crop_size
        colour = tuple(picture.mean), tuple(picture.std)
        published.append(Published(name, file, resize, crop, picture.interpolation.value, *colour, weights.name))
    assert list(PUBLISHED) == published


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("resnet50", "ResNet-50"),
        ("vgg19_bn", "VGG-19 (batch norm)"),
        ("squeezenet1_1", "SqueezeNet 1.1"),
        ("regnet_x_1_6gf", "RegNetX-1.6GF"),
        ("regnet_y_400mf", "RegNetY-400MF"),
        ("resnext101_32x8d", "ResNeXt-101 (32x8d)"),
        ("wide_resnet50_2", "Wide ResNet-50-2"),
        ("efficientnet_b0", "EfficientNet-B0"),
        ("efficientnet_v2_l", "EfficientNetV2-L"),
        ("mobilenet_v3_small", "MobileNetV3-Small"),
        ("shufflenet_v2_x0_5", "ShuffleNetV2 ×0.5"),
        ("convnext_tiny", "ConvNeXt-Tiny"),
    ],
)
def test_titles_are_as_in_the_papers(name, title):
    assert SPECS[name].title == title


@pytest.mark.parametrize(
    ("name", "convs"),
    [("squeezenet1_1", 26), ("resnet18", 20), ("googlenet", 57), ("mobilenet_v2", 52), ("densenet121", 120)],
)
def test_layer_counts_are_those_of_the_papers(name, convs):
    with torch.device("meta"):
        net = SPECS[name].build()
    layers = discover(net, (3, 224, 224))
    assert len(layers.convs) == convs
    assert layers.layers[-1].out_channels == 1000


def test_published_states_take_the_modules_names():
    aux = {"aux1.conv.conv.weight": 0, "AuxLogits.fc.bias": 0, "conv1.conv.weight": 1}
    assert without_auxiliary_heads(aux) == {"conv1.conv.weight": 1}
    old = {
        "features.denseblock1.denselayer2.norm.1.running_mean": 0,
        "features.denseblock1.denselayer2.conv.2.weight": 1,
    }
    new = {"features.denseblock1.denselayer2.norm1.running_mean": 0, "features.denseblock1.denselayer2.conv2.weight": 1}
    assert dense_layers_renamed(old) == new
    assert dense_layers_renamed(new) == new
    assert new.keys() <= own_shapes(SPECS["densenet121"]).keys()


def test_mnasnet_loads_a_state_without_torchvisions_version_number():
    net = SPECS["mnasnet0_5"].build()
    net.load_state_dict(dict(net.state_dict()))
