"""torchvision's convolutional classification networks, with the changes that published weights ask for."""

from __future__ import annotations

from typing import Any

from torch import nn
from torchvision import models
from torchvision.models.resnet import Bottleneck

BUILD_OPTIONS: dict[str, dict[str, Any]] = {
    # Auxiliary heads serve training alone; the published weights expect the inputs' transformation.
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
}

KERAS_EPSILON = 1.001e-5
"""Added to the variance by the batch norms of Keras's ResNet-50; torch's own default is 1e-5."""


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


def resnet50_v1() -> nn.Module:
    """ResNet-50 as published: the first 1×1 convolution of a stage has the stride, not the 3×3 one."""
    net = build("resnet50")
    for module in net.modules():
        if isinstance(module, Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
        elif isinstance(module, nn.BatchNorm2d):
            module.eps = KERAS_EPSILON
    return net
