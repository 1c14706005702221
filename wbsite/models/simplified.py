"""The simplified network of the Weight Banding article: groups of convolutions between L2 poolings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .base import CIFAR10, TRAINED_HERE, ModelSpec, Preprocess


class L2Pool(nn.Module):
    """Square root of the average square over 2×2 windows; halves height and width."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → (N, C, H/2, W/2)."""
        return (nn.functional.avg_pool2d(x * x, 2) + 1e-6).sqrt()


class Simplified(nn.Module):
    """Groups of 5×5 convolutions (the first 7×7) with batch norm, then global average pooling.

    Layers are called by group and letter: 0a, 1a, 2a, 3a, 3b, … The first `pools` groups are
    followed by an L2 pooling, so that the last groups see `size / 2**pools` positions a side.

    Args:
        widths: for each group, the number of units of each of its convolutions.
        pools: number of L2 poolings, at most `len(widths) - 1`.
        classes: outputs of the fully connected layer.
        channels: input channels.
    """

    def __init__(self, widths: Sequence[Sequence[int]], pools: int, classes: int, channels: int = 3) -> None:
        super().__init__()
        if not 0 <= pools < len(widths):
            raise ValueError(f"pools must lie in 0…{len(widths) - 1} for {len(widths)} groups, not {pools}")
        self.groups: list[list[str]] = []
        self.pools = pools
        for g, group in enumerate(widths):
            names = [f"{g}{chr(ord('a') + i)}" for i in range(len(group))]
            kernel = 7 if g == 0 else 5
            for name, width in zip(names, group, strict=True):
                self.add_module(name, nn.Conv2d(channels, width, kernel, padding=kernel // 2, bias=False))
                self.add_module(f"{name}_norm", nn.BatchNorm2d(width))
                channels = width
            self.groups.append(names)
        self.pool = L2Pool()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → logits (N, classes)."""
        for g, names in enumerate(self.groups):
            for name in names:
                x = torch.relu(self.get_submodule(f"{name}_norm")(self.get_submodule(name)(x)))
            if g < self.pools:
                x = self.pool(x)
        return self.fc(x.mean((2, 3)))


def imagenet() -> Simplified:
    """The article's network: 224×224 input, five poolings, 7×7 positions at the last group."""
    return Simplified(((32,), (64,), (64,), (128, 128), (256,) * 5, (512, 512)), pools=5, classes=1001)


def small() -> Simplified:
    """For 32×32 pictures: the same six groups, narrower, two poolings, 8×8 positions at the last."""
    return Simplified(((24,), (48,), (64,), (64,), (96,), (128, 128)), pools=2, classes=10)


MODELS = (
    ModelSpec(
        name="simplified_32",
        weights="cifar10",
        title="Simplified network (32 px)",
        build=small,
        preprocess=CIFAR10,
        reference="petrov2021weight",
        note=TRAINED_HERE,
    ),
    ModelSpec(
        name="simplified",
        weights="imagenet",
        title="Simplified network",
        build=imagenet,
        preprocess=Preprocess(crop=224, resize=256),
        reference="petrov2021weight",
        note="No pretrained weights of it are published.",
    ),
)
