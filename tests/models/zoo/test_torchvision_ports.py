"""Weights converted wrongly would give a user the pages of another network than asked for."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import nn

from wbsite.models.networks.torchvision_cnns import KERAS_EPSILON
from wbsite.models.zoo.torchvision_ports import MODELS, resnet50_from_keras

SPECS = {(spec.name, spec.weights): spec for spec in MODELS}


def state_of(path):
    """Names → float32 tensors of a file with plain arrays under `<layer>.weight`, `.bias`, `.bn`."""
    with np.load(path) as arrays:
        return {key: torch.from_numpy(arrays[key].astype(np.float32)) for key in arrays.files}


def own_shapes(spec):
    with torch.device("meta"):
        return {k: v.shape for k, v in spec.build().state_dict().items() if v.is_floating_point()}


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
