"""torchvision's convolutional classification networks under their own names, with torchvision's weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torchvision import models

from wbsite.models.base import ModelSpec, Preprocess, Source

TRANSFORMERS = ("vit_", "swin_", "maxvit_")
"""Names of networks that are not convolutional, or only in part."""

FAMILIES = (
    (r"alexnet", "AlexNet (one tower)", "krizhevsky2014one"),
    (r"convnext_(\w+)", "ConvNeXt-{}", "liu2022convnet"),
    (r"densenet(\d+)", "DenseNet-{}", "huang2017densely"),
    (r"efficientnet_(b\d)", "EfficientNet-{}", "tan2019efficientnet"),
    (r"efficientnet_v2_(\w)", "EfficientNetV2-{}", "tan2021efficientnetv2"),
    (r"googlenet", "GoogLeNet (torchvision)", "szegedy2015going"),
    (r"inception_v3", "InceptionV3", "szegedy2016rethinking"),
    (r"mnasnet([\d_]+)", "MNASNet {}", "tan2019mnasnet"),
    (r"mobilenet_v2", "MobileNetV2", "sandler2018mobilenetv2"),
    (r"mobilenet_v3_(\w+)", "MobileNetV3-{}", "howard2019searching"),
    (r"regnet_(\w)_([\d_]+)(\w)f", "RegNet{}-{}{}F", "radosavovic2020designing"),
    (r"resnet(\d+)", "ResNet-{}", "he2016deep"),
    (r"resnext(\d+)_(\w+)", "ResNeXt-{} ({})", "xie2017aggregated"),
    (r"shufflenet_v2_x([\d_]+)", "ShuffleNetV2 ×{}", "ma2018shufflenet"),
    (r"squeezenet([\d_]+)", "SqueezeNet {}", "iandola2016squeezenet"),
    (r"vgg(\d+)", "VGG-{}", "simonyan2015very"),
    (r"vgg(\d+)_bn", "VGG-{} (batch norm)", "simonyan2015very"),
    (r"wide_resnet(\d+)_(\d)", "Wide ResNet-{}-{}", "zagoruyko2016wide"),
)
"""torchvision's name (a pattern), the title its parts are put into, and the key of the paper."""

NOTES = {
    "alexnet": "The variant with a single tower; the two-tower network is called alexnet.",
    "googlenet": (
        "Ported from TensorFlow: batch norm after every convolution, its own preprocessing inside the network, "
        "and 3×3 kernels in the branches called 5×5. The network of the articles is called inceptionv1."
    ),
    "inception_v3": "Ported from TensorFlow, with its own preprocessing inside the network.",
}

BUILD_OPTIONS: dict[str, dict[str, Any]] = {
    # Auxiliary heads serve training alone; the published weights expect the inputs' transformation.
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
}


class MNASNet(models.MNASNet):
    """torchvision's MNASNet, loadable from a state without torchvision's version number.

    torchvision refuses such a state; version 2 is what all its published files hold.
    """

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, metadata: dict[str, Any], *rest: Any) -> None:
        super()._load_from_state_dict(state, prefix, {**metadata, "version": 2}, *rest)


def build(name: str) -> nn.Module:
    """The network torchvision calls `name`, with fresh parameters."""
    if name.startswith("mnasnet"):
        return MNASNet(float(name.removeprefix("mnasnet").replace("_", ".")))
    return models.get_model(name, weights=None, **BUILD_OPTIONS.get(name, {}))


def title_and_reference(name: str) -> tuple[str, str]:
    """("ResNet-50", "he2016deep") for "resnet50"; the name itself, and no key, for an unknown family."""
    for pattern, title, reference in FAMILIES:
        match = re.fullmatch(pattern, name)
        if match:
            parts = (part.replace("_", ".") for part in match.groups())
            return title.format(*(part.capitalize() for part in parts)), reference
    return name, ""


def without_auxiliary_heads(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leaves out the classifiers half-way up GoogLeNet (aux1, aux2) and InceptionV3 (AuxLogits)."""
    return {key: value for key, value in state.items() if not key.startswith(("aux1.", "aux2.", "AuxLogits."))}


def dense_layers_renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """DenseNet's files say denselayer1.norm.1.weight where today's module says denselayer1.norm1.weight."""
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key): value for key, value in state.items()}


def _converter(name: str) -> Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] | None:
    if name in BUILD_OPTIONS:
        return without_auxiliary_heads
    return dense_layers_renamed if name.startswith("densenet") else None


def _spec(name: str) -> ModelSpec:
    published = models.get_model_weights(name)
    # The first weights are those the literature analyses; one network has only later ones.
    weights = getattr(published, "IMAGENET1K_V1", None) or published.DEFAULT
    picture = weights.transforms()
    digest = re.search(r"-([0-9a-f]{8,})\.pth$", weights.url)
    if not digest:
        raise ValueError(f"no digest in the file name of torchvision's weights for {name}: {weights.url}")
    title, reference = title_and_reference(name)
    notes = [NOTES.get(name, ""), f"torchvision's {weights.name} weights."]
    if picture.interpolation.value != "bilinear":
        notes.append(f"Published accuracies are for {picture.interpolation.value} resizing; here it is bilinear.")
    return ModelSpec(
        name="alexnet_torchvision" if name == "alexnet" else name,
        weights="torchvision",
        title=title,
        build=partial(build, name),
        preprocess=Preprocess(
            crop=picture.crop_size[0],
            resize=picture.resize_size[0],
            mean=tuple(picture.mean),
            std=tuple(picture.std),
        ),
        source=Source(weights.url, f"sha256-prefix:{digest[1]}"),
        convert=_converter(name),
        reference=reference,
        note=" ".join(filter(None, notes)),
    )


MODELS = tuple(_spec(name) for name in models.list_models(models) if not name.startswith(TRANSFORMERS))
