"""A small network whose first convolutions are divided into branches, like AlexNet's towers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Divided(nn.Module):
    """Three convolutions with batch norm, then global average pooling.

    All units of `conv1` see the whole picture; `conv2` reads it in `branches` groups, so that its units and those of
    `conv1` form branches which do not see each other. `conv3` reads them all, or, at a depth of 3, its own branch, so
    that only the fully connected layer reads them all. With one branch it is the same network undivided.

    Args:
        branches: 1 for an undivided network; divides the widths of divided layers.
        widths: units of conv1 (7×7, stride 2), conv2 (5×5) and conv3 (3×3).
        pool: side and stride of the max pooling after conv1; one of 2 follows conv2.
        classes: outputs of the fully connected layer.
        depth: how many convolutions are divided, 2 or 3.
        channels: input channels.

    Raises:
        ValueError: the widths cannot be divided so.
    """

    def __init__(
        self, branches: int, widths: Sequence[int], pool: int, classes: int, depth: int = 2, channels: int = 3
    ) -> None:
        super().__init__()
        a, b, c = widths
        if depth not in (2, 3):
            raise ValueError(f"depth must be 2 or 3, not {depth}")
        if branches < 1 or any(width % branches for width in widths[:depth]):
            raise ValueError(f"{tuple(widths[:depth])} units cannot be divided into {branches} branches of equal size")
        self.conv1 = nn.Conv2d(channels, a, 7, stride=2, padding=3, bias=False)
        self.norm1 = nn.BatchNorm2d(a)
        self.pool1 = nn.MaxPool2d(pool)
        self.conv2 = nn.Conv2d(a, b, 5, padding=2, groups=branches, bias=False)
        self.norm2 = nn.BatchNorm2d(b)
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(b, c, 3, padding=1, groups=branches if depth == 3 else 1, bias=False)
        self.norm3 = nn.BatchNorm2d(c)
        self.fc = nn.Linear(c, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → logits (N, classes)."""
        x = self.pool1(torch.relu(self.norm1(self.conv1(x))))
        x = self.pool2(torch.relu(self.norm2(self.conv2(x))))
        x = torch.relu(self.norm3(self.conv3(x)))
        return self.fc(x.mean((2, 3)))
