"""An unusual network on purpose: what the layer discovery must cope with in networks it has never seen."""

from __future__ import annotations

import torch
from torch import nn


class Odd(nn.Module):
    """One input channel; strided, dilated, depthwise, grouped and rectangular kernels; side 20 and more."""

    input_shape = (1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(24, 7)  # registered first, used last: order comes from running
        self.stem = nn.Sequential(nn.Conv2d(1, 8, (3, 5), stride=(2, 1), padding=(1, 2), bias=False), nn.BatchNorm2d(8))
        self.act = nn.ReLU(inplace=True)
        self.dilated = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.depthwise = nn.Conv2d(8, 16, 3, padding=1, groups=8)
        self.row = nn.Conv2d(16, 8, (1, 7), padding="same")
        self.grouped = nn.Conv2d(8, 16, 3, padding=1, groups=2, bias=False)
        self.twice = nn.Conv2d(16, 16, 1)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.after_up = nn.Conv2d(8, 8, 3, padding="valid")
        self.unused = nn.Conv2d(3, 3, 3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, W) → logits (N, 7)."""
        x = self.act(self.stem(x))
        x = x + self.act(self.dilated(x))
        y = self.act(self.row(self.act(self.depthwise(x))))
        y = y.add_(x)
        z = self.act(self.grouped(y))
        z = self.twice(self.act(self.twice(z)))
        w = self.after_up(self.up(z))
        both = torch.cat((z.mean((2, 3)), w.amax((2, 3))), dim=1)
        return self.head(self.dropout(both.flatten(1)))


def build() -> Odd:
    """With fresh parameters."""
    return Odd()
