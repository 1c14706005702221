"""Weights from Caffe and Keras for networks that torchvision defines."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from wbsite.models.base import IMAGENET_CAFFE, ModelSpec, lazily

from .torchvision_cnns import NETWORK, title_and_reference

if TYPE_CHECKING:
    import torch

KERAS_CAFFE = replace(IMAGENET_CAFFE, mean=(123.68, 116.779, 103.939))
"""The input of Keras's VGG and ResNet v1 networks, with channels in RGB order."""

SQUEEZENET_POSITIONS = {"conv1": "features.0", "conv10": "classifier.1"} | {
    f"fire{n}": f"features.{position}" for n, position in zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True)
}
"""Caffe's module of SqueezeNet 1.1 → torchvision's."""

VGG19_POSITIONS = {
    f"block{block}_conv{n}": f"features.{first + 2 * (n - 1)}"
    for block, first, convolutions in ((1, 0, 2), (2, 5, 2), (3, 10, 4), (4, 19, 4), (5, 28, 4))
    for n in range(1, convolutions + 1)
}
"""Keras's layer of VGG-19 → torchvision's."""


def squeezenet_from_caffe(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """fire2/squeeze1x1.weight → features.3.squeeze.weight; unknown names stay as they are."""
    renamed = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        module, _, part = layer.partition("/")
        path = [SQUEEZENET_POSITIONS.get(module, module), part.replace("squeeze1x1", "squeeze"), kind]
        renamed[".".join(filter(None, path))] = value
    return renamed


def vgg19_from_keras(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """block1_conv1.weight → features.0.weight; the head (fc1, fc2, predictions) is left out."""
    renamed = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        if layer not in ("fc1", "fc2", "predictions"):
            renamed[f"{VGG19_POSITIONS.get(layer, layer)}.{kind}"] = value
    return renamed


def resnet50_from_keras(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """conv2_block1_0.weight → layer1.0.downsample.0.weight, and so on; the head is left out.

    Keras's convolutions have a bias b before batch norm, torchvision's have none. As
    γ(x + b − μ)/√(σ² + ε) + β = γ(x − (μ − b))/√(σ² + ε) + β, the bias goes exactly into the
    running mean. What the state does not hold is left out: a batch norm whose convolution's bias
    is absent gets no running mean.
    """
    converted = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        if kind == "bias" or layer in ("predictions", "probs", "fc1000"):
            continue
        conv, norm = _resnet_names(layer)
        if kind != "bn":
            converted[f"{conv}.{kind}"] = value
            continue
        gamma, beta, mean, variance = value
        converted |= {f"{norm}.weight": gamma, f"{norm}.bias": beta, f"{norm}.running_var": variance}
        if f"{layer}.bias" in state:
            converted[f"{norm}.running_mean"] = mean - state[f"{layer}.bias"]
    return converted


def _resnet_names(keras: str) -> tuple[str, str]:
    """Names of the convolution and of its batch norm; twice the name given where it is unknown."""
    if keras == "conv1":
        return "conv1", "bn1"
    match = re.fullmatch(r"conv([2-5])_block(\d+)_([0-3])", keras)
    if not match:
        return keras, keras
    stage, block, n = map(int, match.groups())
    path = f"layer{stage - 1}.{block - 1}"
    return (f"{path}.conv{n}", f"{path}.bn{n}") if n else (f"{path}.downsample.0", f"{path}.downsample.1")


MODELS = (
    ModelSpec(
        name="squeezenet1_1",
        weights="caffe",
        title=f"{title_and_reference('squeezenet1_1')[0]} (Caffe)",
        build=lazily(NETWORK, "squeezenet1_1"),
        preprocess=replace(IMAGENET_CAFFE, crop=227),
        convert=squeezenet_from_caffe,
        reference="iandola2016squeezenet",
        note="The authors' own training.",
    ),
    ModelSpec(
        name="vgg19",
        weights="keras",
        title=f"{title_and_reference('vgg19')[0]} (Keras)",
        build=lazily(NETWORK, "vgg19"),
        preprocess=KERAS_CAFFE,
        convert=vgg19_from_keras,
        reference="simonyan2015very",
        note="The authors' own training, as distributed with Keras; convolutions only.",
    ),
    ModelSpec(
        name="resnet50",
        weights="keras",
        title=f"{title_and_reference('resnet50')[0]} (Keras)",
        build=lazily("wbsite.models.networks.torchvision_cnns:resnet50_v1"),
        preprocess=KERAS_CAFFE,
        convert=resnet50_from_keras,
        reference="he2016deep",
        note="Version 1, as distributed with Keras; the biases before batch norm are part of its running means.",
    ),
)
