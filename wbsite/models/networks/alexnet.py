"""AlexNet in its original form: two towers that exchange information only at conv3 and in the head."""

from __future__ import annotations

import torch
from torch import nn


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers; conv2, conv4 and conv5 have two groups.

    The tower of a unit of conv1, conv2, conv4 or conv5 is the half of its layer it lies in.

    Args:
        widths: units of conv1 … conv5.
        kernel, stride, padding: of conv1.
        positions: side of the map that fc6 reads (6 for 227×227 pictures).
        hidden: units of fc6 and of fc7.
        classes: units of fc8.
        batch_norm: batch norm after every convolution, instead of the original's local response
            normalisation after the first two.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int, int],
        kernel: int,
        stride: int,
        padding: int,
        positions: int,
        hidden: int,
        classes: int,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.conv1 = nn.Conv2d(3, a, kernel, stride=stride, padding=padding)
        self.conv2 = nn.Conv2d(a, b, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(b, c, 3, padding=1)
        self.conv4 = nn.Conv2d(c, d, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(d, e, 3, padding=1, groups=2)
        for i, width in enumerate(widths, start=1):
            lrn = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0) if i < 3 else nn.Identity()
            self.add_module(f"norm{i}", nn.BatchNorm2d(width) if batch_norm else lrn)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.dropout = nn.Dropout(0.5)
        self.fc6 = nn.Linear(e * positions * positions, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.fc8 = nn.Linear(hidden, classes)

    def norm(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        """The normalisation after a convolution."""
        return self.get_submodule(f"norm{layer}")(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → logits (N, classes)."""
        x = self.pool(self.norm(1, torch.relu(self.conv1(x))))
        x = self.pool(self.norm(2, torch.relu(self.conv2(x))))
        x = self.norm(3, torch.relu(self.conv3(x)))
        x = self.norm(4, torch.relu(self.conv4(x)))
        x = self.pool(self.norm(5, torch.relu(self.conv5(x)))).flatten(1)
        x = self.dropout(torch.relu(self.fc6(x)))
        x = self.dropout(torch.relu(self.fc7(x)))
        return self.fc8(x)


def imagenet() -> AlexNet:
    """Krizhevsky et al. 2012 as trained by Caffe: 227×227 input, 1000 classes."""
    return AlexNet((96, 256, 384, 384, 256), 11, 4, 0, positions=6, hidden=4096, classes=1000)


def small() -> AlexNet:
    """For 32×32 pictures: narrower, conv1 7×7 at every position, batch norm, a 4×4 map into fc6."""
    return AlexNet((64, 128, 192, 192, 128), 7, 1, 3, positions=4, hidden=384, classes=10, batch_norm=True)
