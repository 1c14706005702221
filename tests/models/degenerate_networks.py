"""Networks with degenerate layers on purpose; each layer is named after what is odd about its kernels."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SHAPE = (3, 16, 16)


class InOrder(nn.Module):
    """Convolutions one after the other, rectified, then the mean over positions and a fully connected layer."""

    input_shape = SHAPE

    def __init__(self, **convolutions: nn.Conv2d) -> None:
        super().__init__()
        for name, convolution in convolutions.items():
            self.add_module(name, convolution)
        self.order = tuple(convolutions)
        self.fc = nn.Linear(convolution.out_channels, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N, 4)."""
        for name in self.order:
            x = functional.relu(getattr(self, name)(x))
        return self.fc(x.mean((2, 3)))


def same(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding="same", groups=groups)


def keep_taps(convolution: nn.Conv2d, *taps: tuple[int, int]) -> None:
    """Zeros at all other taps, in every channel of every unit."""
    kept = torch.zeros_like(convolution.weight)
    for y, x in taps:
        kept[:, :, y, x] = convolution.weight[:, :, y, x]
    convolution.weight.copy_(kept)


@torch.no_grad()
def dense() -> nn.Module:
    """Ordinary convolutions."""
    torch.manual_seed(0)
    net = InOrder(
        plain=same(3, 8), middle=same(8, 8), flat=same(8, 8), profile=same(8, 8), nearly=same(8, 8), dead=same(8, 8),
        copies=same(8, 8), long=same(8, 8, (3, 9)), one=same(8, 1), zero=same(1, 8), last=same(8, 8),
    )  # fmt: skip
    keep_taps(net.middle, (1, 1))
    net.flat.weight.copy_(net.flat.weight.mean((2, 3), keepdim=True).expand_as(net.flat.weight))
    net.profile.weight.copy_(net.profile.weight[:, :, :1, :1] * torch.tensor([[1.0, 2, 1], [1, 1, 1], [-1, -2, -1]]))
    net.nearly.weight.mul_(0.02)
    net.nearly.weight[:, :, 1, 1] = torch.randn(8, 8)
    net.dead.weight[2:4] = 0
    net.dead.weight[4] *= 1e-20  # as weight decay leaves a unit that gets no gradient
    net.copies.weight[4:6] = net.copies.weight[:2]
    net.copies.weight[6:] = -0.5 * net.copies.weight[2:4]
    net.zero.weight.zero_()
    return net.eval()


@torch.no_grad()
def grouped() -> nn.Module:
    """Depthwise and grouped convolutions, an even kernel, masked ones, a first layer of zeros and a degenerate last."""
    torch.manual_seed(1)
    net = InOrder(
        zero=same(3, 8, 5), identity=same(8, 8, groups=8), shift=same(8, 8, groups=8), corner=same(8, 8, 2),
        row=same(8, 8), masked=same(8, 8, 5), last=same(8, 8, groups=2),
    )  # fmt: skip
    net.zero.weight.zero_()
    nn.init.dirac_(net.identity.weight, 8)
    net.shift.weight.zero_()
    for unit in range(8):
        net.shift.weight[unit, 0, unit // 3, unit % 3] = 1
    keep_taps(net.corner, (1, 0))
    keep_taps(net.row, (1, 0), (1, 1), (1, 2))
    keep_taps(net.masked, *((y, x) for y in range(3) for x in range(5) if y < 2 or x < 2))
    keep_taps(net.last, (1, 1))
    return net.eval()
