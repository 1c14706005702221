"""A wrong name, digest or mapping here gives a user the pages of another network than asked for."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from wbsite.graph.layers import discover
from wbsite.models.zoo.torchvision_cnns import MODELS, dense_layers_renamed, without_auxiliary_heads
from wbsite.models.zoo.torchvision_ports import KERAS_EPSILON, resnet50_from_keras
from wbsite.models.zoo.torchvision_ports import MODELS as PORTS

SPECS = {(spec.name, spec.weights): spec for spec in (*MODELS, *PORTS)}


def state_of(path):
    """Names → float32 tensors of a file with plain arrays under `<layer>.weight`, `.bias`, `.bn`."""
    with np.load(path) as arrays:
        return {key: torch.from_numpy(arrays[key].astype(np.float32)) for key in arrays.files}


def own_shapes(spec):
    with torch.device("meta"):
        return {k: v.shape for k, v in spec.build().state_dict().items() if v.is_floating_point()}


def test_every_spec_is_complete():
    assert len(SPECS) == len(MODELS) + len(PORTS) > 60
    for spec in MODELS:
        algorithm, _, digits = spec.source.digest.partition(":")
        assert (algorithm, len(digits) >= 8) == ("sha256-prefix", True)
        assert digits in spec.source.filename
        assert spec.reference, spec.name
        assert spec.title != spec.name
        assert len(spec.preprocess.mean) == 3
        assert spec.preprocess.resize >= spec.preprocess.crop
    assert max(Counter(spec.title for spec in SPECS.values()).values()) == 1
    assert not {name for name, _ in SPECS if name.startswith(("vit", "swin", "maxvit"))}
    assert ("alexnet", "torchvision") not in SPECS


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
    assert SPECS[name, "torchvision"].title == title


# torchvision computes a RegNet's widths with tensors, so it cannot be built without memory: the smallest stand for all.
BUILT = [spec for spec in MODELS if "regnet" not in spec.name or spec.name.endswith("400mf")]


@pytest.mark.parametrize("spec", BUILT, ids=lambda spec: spec.name)
def test_every_network_builds_and_its_layers_form_one_graph(spec):
    with torch.device("cpu" if "regnet" in spec.name else "meta"):
        net = spec.build()
    found = discover(net, spec.input_shape)
    assert found.notes == ()
    assert found.layers[0].inputs[0] == "input"
    fed = {name for layer in found.layers for name in layer.inputs}
    unfed = [layer.name for layer in found.layers if layer.name not in fed]
    assert unfed == [found.layers[-1].name], "only the classifier feeds no other layer"
    assert found.layers[-1].out_channels == 1000
    assert not found.skipped


@pytest.mark.parametrize(
    ("name", "convs"),
    [("squeezenet1_1", 26), ("resnet18", 20), ("googlenet", 57), ("mobilenet_v2", 52), ("densenet121", 120)],
)
def test_layer_counts_are_those_of_the_papers(name, convs):
    with torch.device("meta"):
        net = SPECS[name, "torchvision"].build()
    assert len(discover(net, (3, 224, 224)).convs) == convs


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
    assert new.keys() <= own_shapes(SPECS["densenet121", "torchvision"]).keys()


def test_mnasnet_loads_a_state_without_torchvisions_version_number():
    net = SPECS["mnasnet0_5", "torchvision"].build()
    net.load_state_dict(dict(net.state_dict()))


def test_squeezenet_from_caffe_fits_and_recognises_photographs(shared_data):
    spec = SPECS["squeezenet1_1", "caffe"]
    state = spec.convert(state_of(shared_data("weights/squeezenet11_caffe_fp16.npz")))
    state["features.0.weight"] = state["features.0.weight"].flip(1)
    net = spec.build().eval()
    net.load_state_dict(state)
    pictures, labels = photographs(shared_data, spec, slice(0, 200, 5))
    with torch.no_grad():
        right = (net(pictures).argmax(1) == labels).float().mean()
    assert right > 0.45


def test_vgg19_from_keras_takes_the_place_of_every_convolution():
    own = own_shapes(SPECS["vgg19", "keras"])
    blocks = ((1, 2), (2, 2), (3, 4), (4, 4), (5, 4))
    keras = [f"block{block}_conv{n}" for block, count in blocks for n in range(1, count + 1)]
    state = {f"{layer}.{kind}": torch.zeros(1) for layer in (*keras, "fc1") for kind in ("weight", "bias")}
    converted = SPECS["vgg19", "keras"].convert(state)
    assert list(converted) == [key for key in own if key.startswith("features.")]


def test_resnet_biases_go_exactly_into_the_running_means():
    torch.manual_seed(0)
    spec = SPECS["resnet50", "keras"]
    weight, bias, norm = torch.randn(64, 3, 7, 7), torch.randn(64), torch.rand(4, 64) + 0.5
    state = spec.convert({"conv1.weight": weight, "conv1.bias": bias, "conv1.bn": norm})
    net = spec.build().eval()
    net.load_state_dict(state, strict=False)
    x = torch.randn(1, 3, 32, 32)
    y = nn.functional.conv2d(x, weight, bias, 2, 3)
    gamma, beta, mean, variance = (value.view(1, -1, 1, 1) for value in norm)
    expected = gamma * (y - mean) / (variance + KERAS_EPSILON).sqrt() + beta
    torch.testing.assert_close(net.bn1(net.conv1(x)), expected, rtol=1e-4, atol=1e-4)


def test_resnet_layers_without_their_bias_get_no_running_mean():
    partial = resnet50_from_keras({"conv5_block1_0.bn": torch.ones(4, 2048)})
    assert sorted(partial) == [f"layer4.0.downsample.1.{kind}" for kind in ("bias", "running_var", "weight")]


def test_resnet_from_keras_reproduces_its_batch_norm_statistics_on_photographs(shared_data):
    """Fails for strides in the 3×3 convolutions (mean difference of variances 0.21) and other pixel ranges."""
    spec = SPECS["resnet50", "keras"]
    state = spec.convert(state_of(shared_data("weights/resnet50_keras_partial_fp16.npz")))
    state["conv1.weight"] = state["conv1.weight"].flip(1)
    net = spec.build().eval()
    result = net.load_state_dict(state, strict=False)
    assert not result.unexpected_keys
    assert all(key.startswith(("layer4", "fc")) for key in result.missing_keys if "num_batches" not in key)
    means, variances = [], []

    def compare(norm, inputs):
        x = inputs[0]
        means.append(((x.mean((0, 2, 3)) - norm.running_mean) / norm.running_var.sqrt()).abs().median())
        variances.append((x.var((0, 2, 3)) / norm.running_var).log().abs().median())

    net.layer4 = nn.Identity()
    net.fc = nn.Identity()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(compare)
    pictures, _ = photographs(shared_data, spec, slice(0, 200, 8))
    with torch.no_grad():
        net(pictures)
    assert len(means) == 43
    assert torch.stack(means).mean() < 0.06
    assert torch.stack(variances).mean() < 0.10


def photographs(shared_data, spec, part):
    """Some photographs of the sample as input of a network, (N, 3, H, W), and their classes (N,)."""
    with np.load(shared_data("images/imagenet_sample200_jpeg.npz")) as packed:
        data, offsets, labels = packed["data"].tobytes(), packed["offsets"], packed["labels"]
    chosen = range(len(labels))[part]
    pictures = [Image.open(io.BytesIO(data[offsets[i] : offsets[i + 1]])) for i in chosen]
    return torch.stack([spec.preprocess(picture) for picture in pictures]), torch.from_numpy(
        labels[part].astype(np.int64)
    )
