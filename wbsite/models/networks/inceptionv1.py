"""InceptionV1 (GoogLeNet) under the Circuits articles' layer names, in any of its layouts."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .inception_layouts import Layout


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: torch.Tensor, kernel: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """TensorFlow's SAME padding of (N, C, H, W): the odd row and column go right and bottom."""
    pads = (*_same(x.shape[-1], kernel, stride), *_same(x.shape[-2], kernel, stride))
    return F.pad(x, pads, value=value)


class InceptionV1(nn.Module):
    """Szegedy et al. 2015 without the auxiliary classifiers.

    Every convolution is a direct child named as in the Circuits articles: conv2d0, conv2d1,
    conv2d2, then for each block BLOCK_1x1, BLOCK_3x3_bottleneck, BLOCK_3x3, BLOCK_5x5_bottleneck,
    BLOCK_5x5 and BLOCK_pool_reduce. A block's output is the concatenation of 1x1, 3x3, 5x5 and
    pool_reduce, in this order, and is what the child BLOCK (which does nothing) gives.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        a, b, c = layout.stem
        self._conv("conv2d0", 3, a, 7, layout.stride)
        self._conv("conv2d1", a, b, 1)
        self._conv("conv2d2", b, c, 3)
        for block, (units_1x1, inputs_3x3, units_3x3, inputs_5x5, units_5x5, units_pool) in layout.blocks.items():
            self._conv(f"{block}_1x1", c, units_1x1, 1)
            self._conv(f"{block}_3x3_bottleneck", c, inputs_3x3, 1)
            self._conv(f"{block}_3x3", inputs_3x3, units_3x3, 3)
            self._conv(f"{block}_5x5_bottleneck", c, inputs_5x5, 1)
            self._conv(f"{block}_5x5", inputs_5x5, units_5x5, 5)
            self._conv(f"{block}_pool_reduce", c, units_pool, 1)
            self.add_module(block, nn.Identity())  # so that the block's output has a name
            c = units_1x1 + units_3x3 + units_5x5 + units_pool
        self.lrn = nn.LocalResponseNorm(**layout.lrn) if layout.lrn else nn.Identity()  # type: ignore[arg-type]
        self.dropout = nn.Dropout(0.4)
        self.softmax2_pre_activation_matmul = nn.Linear(c * layout.side**2, layout.classes)

    def _conv(self, name: str, inputs: int, units: int, kernel: int, stride: int = 1) -> None:
        own_padding = 0 if self.layout.same and stride > 1 else kernel // 2
        normed = self.layout.lrn is None
        self.add_module(name, nn.Conv2d(inputs, units, kernel, stride, own_padding, bias=not normed))
        if normed:
            self.add_module(f"{name}_norm", nn.BatchNorm2d(units))

    def _run(self, name: str, x: torch.Tensor) -> torch.Tensor:
        conv = self.get_submodule(name)
        if self.layout.same and name == "conv2d0":
            x = pad_same(x, 7, self.layout.stride)
        x = conv(x)
        return torch.relu(self.get_submodule(f"{name}_norm")(x) if self.layout.lrn is None else x)

    def _pool(self, name: str, x: torch.Tensor) -> torch.Tensor:
        if name not in self.layout.pool_after:
            return x
        if self.layout.same:
            return F.max_pool2d(pad_same(x, 3, 2, value=-torch.inf), 3, 2)
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → logits (N, classes)."""
        x = self.lrn(self._pool("conv2d0", self._run("conv2d0", x)))
        x = self._run("conv2d2", self._run("conv2d1", x))
        x = self._pool("conv2d2", self.lrn(x))
        for block in self.layout.blocks:
            branches = (
                self._run(f"{block}_1x1", x),
                self._run(f"{block}_3x3", self._run(f"{block}_3x3_bottleneck", x)),
                self._run(f"{block}_5x5", self._run(f"{block}_5x5_bottleneck", x)),
                self._run(f"{block}_pool_reduce", F.max_pool2d(x, 3, 1, 1)),
            )
            x = self.get_submodule(block)(torch.cat(branches, dim=1))
            x = self._pool(block, x)
        x = x.mean((2, 3)) if self.layout.side == 1 else x.flatten(1)
        return self.softmax2_pre_activation_matmul(self.dropout(x))
