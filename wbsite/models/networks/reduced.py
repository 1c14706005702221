"""VGG19, ResNet-50 and InceptionV1 with and without the pooling before their fully connected layers.

The Weight Banding article (Petrov et al. 2021) takes that pooling away from common architectures.
`vgg19`, `resnet50` and `inceptionv1` keep the depth of the originals for pictures of 32 or 64
pixels, in widths that one processor core can train; `imagenet_variant` gives the originals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from wbsite.core.errors import WbsiteError, unknown

from .inception_layouts import BVLC, BVLC_BLOCKS, Layout, Widths
from .inceptionv1 import InceptionV1

SIDE = 8
"""Positions a side at the last convolutions of the reduced networks, as in `simplified_32`."""

VGG_GROUPS = ((8, 8), (16, 16), (32,) * 4, (32,) * 4, (48,) * 4)
"""Units of the convolutions of the five groups; the originals have 64 to 512."""

RESNET_STAGES = ((3, 16), (4, 16), (6, 16), (3, 32))
"""Blocks, and units of the 3×3 convolutions, of the four stages; the originals have 64 to 512."""

INCEPTION_STEM = (16, 16, 32)
INCEPTION_BLOCK: Widths = (8, 8, 16, 8, 8, 8)
INCEPTION_LAST: Widths = (16, 32, 32, 32, 32, 16)
"""Units of the stem, of the eight first blocks, and of mixed5b, whose kernels are analysed."""


def _extra(size: int) -> int:
    """How many halvings a picture of `size` pixels needs more than one of 32."""
    if size not in (32, 64):
        raise WbsiteError(
            f"the reduced networks take pictures of 32 or 64 pixels, not {size}.",
            "Choose one of these sizes, or imagenet_variant for 224.",
        )
    return size // 32 - 1


class VGG19(nn.Module):
    """Simonyan & Zisserman 2015, configuration E, with batch norm.

    Sixteen 3×3 convolutions, conv1_1 … conv5_4, each with CONV_norm and ReLU; max pools follow the
    first two groups (three for 64 pixels), so that the last group sees 8×8 positions. The
    classifier reads the 4×4 positions that the last pool leaves, or all 8×8.

    Args:
        classes: outputs of the last fully connected layer.
        size: of the picture, 32 or 64 pixels.
        pooled: whether a max pool precedes the classifier, as in the original.
        hidden: units of its two hidden layers.
    """

    def __init__(self, classes: int, size: int = 32, pooled: bool = True, hidden: int = 128) -> None:
        super().__init__()
        self.pools = 2 + _extra(size)
        self.groups: list[list[str]] = []
        channels = 3
        for g, widths in enumerate(VGG_GROUPS, 1):
            names = [f"conv{g}_{i}" for i in range(1, len(widths) + 1)]
            for name, width in zip(names, widths, strict=True):
                self.add_module(name, nn.Conv2d(channels, width, 3, padding=1, bias=False))
                self.add_module(f"{name}_norm", nn.BatchNorm2d(width))
                channels = width
            self.groups.append(names)
        self.pool = nn.MaxPool2d(2)
        self.last_pool = nn.MaxPool2d(2) if pooled else nn.Identity()
        side = SIDE // 2 if pooled else SIDE
        self.classifier = nn.Sequential(
            *(nn.Linear(channels * side**2, hidden), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout()),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, size, size) → logits (N, classes)."""
        for g, names in enumerate(self.groups, 1):
            for name in names:
                x = torch.relu(self.get_submodule(f"{name}_norm")(self.get_submodule(name)(x)))
            if g <= self.pools:
                x = self.pool(x)
        return self.classifier(self.last_pool(x).flatten(1))


class Bottleneck(nn.Module):
    """1×1, 3×3 (with the stride) and 1×1 convolutions, added to their input; gives 4 × `width` units."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → (N, 4 × width, H / stride, W / stride)."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50(nn.Module):
    """He et al. 2016, bottleneck blocks (3, 4, 6, 3), layers named as in torchvision.

    The first convolution and the max pool halve the picture, as in the original; for 64 pixels
    the second stage does too, in a 3×3 convolution. The later stages keep the 8×8 positions.

    Args:
        classes: outputs of the fully connected layer.
        size: of the picture, 32 or 64 pixels.
        pooled: whether the fully connected layer reads averages over positions, as in the
            original, or every position (by channel, then row, then column).
    """

    def __init__(self, classes: int, size: int = 32, pooled: bool = True) -> None:
        super().__init__()
        channels = RESNET_STAGES[0][1]
        self.conv1, self.bn1 = nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        halved = (2, 0) if _extra(size) else None  # the stage and block with the stride
        for s, (blocks, width) in enumerate(RESNET_STAGES, 1):
            stage = nn.Sequential()
            for b in range(blocks):
                stage.append(Bottleneck(channels, width, 2 if (s, b) == halved else 1))
                channels = 4 * width
            self.add_module(f"layer{s}", stage)
        self.avgpool = nn.AdaptiveAvgPool2d(1) if pooled else nn.Identity()
        self.fc = nn.Linear(channels if pooled else channels * SIDE**2, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, size, size) → logits (N, classes)."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for s in range(1, len(RESNET_STAGES) + 1):
            x = self.get_submodule(f"layer{s}")(x)
        return self.fc(self.avgpool(x).flatten(1))


def vgg19(classes: int, size: int = 32, pooled: bool = True) -> nn.Module:
    """`VGG19`; its last planar layers, conv5_3 and conv5_4, have 48 units of 48 channels each."""
    return VGG19(classes, size, pooled)


def resnet50(classes: int, size: int = 32, pooled: bool = True) -> nn.Module:
    """`ResNet50`; its last planar layers, layer4.1.conv2 and layer4.2.conv2, have 32 units of 32 channels each."""
    return ResNet50(classes, size, pooled)


def inceptionv1(classes: int, size: int = 32, pooled: bool = True) -> nn.Module:
    """InceptionV1 with batch norm; its last planar layers, mixed5b_3x3 and mixed5b_5x5, have 32 units of 32 channels.

    conv2d0 strides and a pooling follows it, for 64 pixels conv2d2 too: all blocks see 8×8
    positions. The classifier reads averages over them, as in the original, or every position.
    """
    pools = frozenset({"conv2d0", "conv2d2"} if _extra(size) else {"conv2d0"})
    blocks = {**dict.fromkeys(BVLC_BLOCKS, INCEPTION_BLOCK), "mixed5b": INCEPTION_LAST}
    return InceptionV1(Layout(INCEPTION_STEM, blocks, classes, pool_after=pools, side=1 if pooled else SIDE))


REDUCED: dict[str, Callable[..., nn.Module]] = {"vgg19": vgg19, "resnet50": resnet50, "inceptionv1": inceptionv1}
"""Builders of the reduced networks: classes, size, pooled → module."""


def imagenet_variant(name: str, pooled: bool, classes: int = 1000) -> nn.Module:
    """The full network for 224 pixels, untrained, with batch norm.

    VGG19 and ResNet-50 are torchvision's (`vgg19_bn`, `resnet50`), InceptionV1 has the widths of
    the BVLC training. Not pooled, their first fully connected layer reads 14×14, 7×7 and 7×7
    positions; VGG19's, pooled, reads the 7×7 that its last max pool leaves.

    Args:
        name: "vgg19", "resnet50" or "inceptionv1".
        pooled: whether to keep the pooling before the fully connected layers.
        classes: outputs of the last layer.

    Raises:
        WbsiteError: there is no network with this name.
    """
    from torchvision import models

    if name == "vgg19":
        vgg = models.vgg19_bn(num_classes=classes)
        if not pooled:
            vgg.features = vgg.features[:-1]
            vgg.avgpool = nn.AdaptiveAvgPool2d(14)
            vgg.classifier[0] = first = nn.Linear(512 * 14 * 14, 4096)
            nn.init.normal_(first.weight, 0, 0.01)  # as torchvision starts the layer that it replaces
            nn.init.zeros_(first.bias)
        return vgg
    if name == "resnet50":
        resnet = models.resnet50(num_classes=classes)
        if not pooled:
            resnet.avgpool = nn.Identity()
            resnet.fc = nn.Linear(2048 * 7 * 7, classes)
        return resnet
    if name == "inceptionv1":
        return InceptionV1(replace(BVLC, lrn=None, side=1 if pooled else 7, classes=classes))
    raise unknown("network", name, REDUCED)
