"""Networks written the way people write them, with what they say of their input or do to it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """Two convolutions around which the input goes, every other position of it with zeros as new channels."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.padded = stride, (outputs - inputs) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride > 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padded, self.padded))
        return F.relu(y + x)


class ResNet20(nn.Module):
    """CIFAR's (He et al. 2015), which takes pictures of any size."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        sizes = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2)]
        self.blocks = nn.Sequential(*(Block(*size) for size in [*sizes, (64, 64, 1), (64, 64, 1)]))
        self.linear = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


class Plain(nn.Module):
    """Two convolutions and a classifier."""

    def __init__(self, channels: int = 3, classes: int = 10, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 3, stride, 1)
        self.conv2 = nn.Conv2d(8, 8, 3, 2, 1)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)))


class Normalising(nn.Module):
    """A network behind a layer that subtracts and divides."""

    def __init__(self, net: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net((x - self.mean) / self.std)


class FromCaffe(nn.Module):
    """Turns red, green, blue in 0…1 into what Caffe's networks take."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Plain()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x[:, [2, 1, 0]] * 255 - torch.tensor([103.9, 116.8, 123.7]).reshape(1, 3, 1, 1))


class Scan(nn.Module):
    """A picture with the patient's age and sex and a mask, which has to be given by name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.masked = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(1, 8, 3, padding=1)
        self.fc = nn.Linear(12, 5)

    def forward(self, image: torch.Tensor, age: torch.Tensor, *, mask: torch.Tensor) -> dict[str, Any]:
        features = F.relu(self.conv1(image) + self.masked(mask)).mean((2, 3))
        return {"logits": self.fc(torch.cat([features, age], 1)), "features": [features]}


class Siamese(nn.Module):
    """Compares two pictures; which of several distances is meant is a number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3), nn.Linear(16, 2)

    def forward(self, left: torch.Tensor, right: torch.Tensor, kind: int) -> tuple[torch.Tensor, int]:
        both = [F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)) for x in (left, right)]
        return self.fc(torch.cat(both, 1)), kind


class Conditional(nn.Module):
    """Takes the class beside the picture, as an index."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.label, self.fc = nn.Conv2d(3, 8, 3), nn.Embedding(10, 8), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.conv1(x)).mean((2, 3)) + self.label(label))
