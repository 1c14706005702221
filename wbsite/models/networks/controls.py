"""The controls' networks: readers of words, networks that say which letters occur, and a detector without pooling.

All are small, of five 3×3 convolutions with batch norm and ReLU, and treat rows and columns alike but for what the head
averages away. Steps of two make maps smaller; nothing is pooled before the head.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

WIDTHS = (16, 24, 32, 32, 32)
"""Units of the five convolutions."""

STRIDE = 4
"""Pixels of a position of the trunk's last map."""

SIDES = {"rows": 2, "columns": 3}
"""Direction of the words → the axis of a map (N, C, H, W) across them."""


def convolution(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class Trunk(nn.Module):
    """Five convolutions; the second and the third make steps of two.

    Args:
        widths: units of each.
        channels: of the input.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, channels: int = 3) -> None:
        super().__init__()
        for i, width in enumerate(widths, 1):
            self.add_module(f"conv{i}", convolution(channels, width, 2 if i in (2, 3) else 1))
            channels = width
        self.units = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → (N, units, H / 4, W / 4)."""
        for layer in self.children():
            x = layer(x)
        return x


class Reader(nn.Module):
    """Says which letter stands at each place of a word along one axis; averages the other away.

    The averaged map's columns (for words in rows) are cut into cells, one a letter, and one fully connected layer reads
    all positions of a cell.

    Args:
        classes: letters there are.
        direction: "rows" keeps x, "columns" keeps y.
        cell: pixels from one letter to the next, a multiple of 4.
    """

    def __init__(self, classes: int, direction: str, cell: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        self.across, self.positions = SIDES[direction], cell // STRIDE
        self.fc = nn.Linear(self.trunk.units * self.positions, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → logits (N, classes, places)."""
        profile = self.trunk(x).mean(self.across)
        cells = profile.unflatten(2, (-1, self.positions)).transpose(1, 2)  # (N, places, units, positions)
        return self.fc(cells.flatten(2)).transpose(1, 2)


class Presence(nn.Module):
    """Says of each letter whether it occurs; averages both axes away.

    Args:
        letters: how many there are.
    """

    def __init__(self, letters: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.trunk = Trunk(widths)
        self.fc = nn.Linear(self.trunk.units, 2 * letters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → logits (N, 2, letters) of absent and present."""
        return self.fc(self.trunk(x).mean((2, 3))).unflatten(1, (2, -1))


class Detector(nn.Module):
    """Says of each position of half the picture's side whether it lies inside a word; a feature pyramid.

    Three strided convolutions go down. Each level comes through a 1×1 convolution and is added to the enlarged one
    below it, and a 3×3 convolution follows each sum. Nothing is pooled.

    Args:
        widths: units of the three convolutions down, and of the pyramid twice.
    """

    def __init__(self, classes: int = 2, widths: Sequence[int] = WIDTHS, channels: int = 3) -> None:
        super().__init__()
        fine, middle, coarse, inner, last = widths
        self.down1 = convolution(channels, fine, 2)
        self.down2 = convolution(fine, middle, 2)
        self.down3 = convolution(middle, coarse, 2)
        self.lateral1, self.lateral2, self.lateral3 = (nn.Conv2d(width, inner, 1) for width in (fine, middle, coarse))
        self.up2 = convolution(inner, inner)
        self.up1 = convolution(inner, last)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.inside = nn.Conv2d(last, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → logits (N, classes, H / 2, W / 2)."""
        fine = self.down1(x)
        middle = self.down2(fine)
        coarse = self.lateral3(self.down3(middle))
        middle = self.up2(self.lateral2(middle) + self.enlarge(coarse))
        return self.inside(self.up1(self.lateral1(fine) + self.enlarge(middle)))
