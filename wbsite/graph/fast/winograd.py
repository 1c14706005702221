"""Convolutions with kernels of 3 × 3 in a quarter of their multiplications.

Sixteen neighbouring outputs, a tile of 4 × 4, are made together from the 6 × 6 inputs that they see: as values of
polynomials at POINTS, which are multiplied 36 times instead of 144 times (Winograd 1980; Lavin and Gray 2016). What it
takes to get there and back are two products with small matrices. All in float32 on a CPU, where it pays: two thirds of
the time for the maps of InceptionV1. Errors of rounding are two or three times those of the convolution itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from wbsite.graph.operations import CONVOLUTION, pair
from wbsite.graph.tape import Call, Ref

KERNEL, TILE = 3, 4
SIDE = KERNEL + TILE - 1

POINTS = (0.0, 0.6, -0.6, 1.4, -1.4)
"""Where polynomials are compared, besides at infinity. With ±1 and ±2, which are usual, errors are three times as
large (after Barabasz et al. 2020, who search for such points)."""

_WORTH = 0.5
"""Share of the convolution's multiplications, up to which it takes less time."""

_TILES = 256
"""That are worked on together: what is made of them stays in a processor's cache."""


def with_fewer_products(call: Call) -> Call:
    """The same call, made ready for this where it is such a convolution of float32 maps on a CPU."""
    if call.operation != "conv2d" or call.device.type != "cpu":
        return call
    named: dict[str, Any] = {**dict(zip(CONVOLUTION, call.args, strict=False)), **call.kwargs}
    weight, bias, padding = named["weight"], named.get("bias"), named.get("padding", 0)
    geometry = [pair(named.get(name, 1)) for name in ("stride", "dilation")]
    constants = [constant for constant in (weight, bias) if constant is not None]
    if (
        not isinstance(named["input"], Ref)
        or any(not isinstance(constant, torch.Tensor) or constant.dtype != torch.float32 for constant in constants)
        or isinstance(padding, str)
        or geometry != [(1, 1), (1, 1)]
        or named.get("groups", 1) != 1
        or weight.shape[2:] != (KERNEL, KERNEL)
        or _share(TILE, TILE, *weight.shape[:2]) > _WORTH
    ):
        return call
    function = Winograd.of(weight.detach(), None if bias is None else bias.detach(), pair(padding))
    return replace(call, function=function, args=(named["input"],), kwargs={})


@dataclass(frozen=True, eq=False)
class Winograd:
    """`conv2d` with a stride of 1: (B, C, H, W) float32 → (B, K, rows, columns), channels last.

    Attributes:
        weight, bias, padding: as of `conv2d`.
        products: (36, C, K), the kernels' values at all pairs of points.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    padding: tuple[int, int]
    products: torch.Tensor

    @classmethod
    def of(cls, weight: torch.Tensor, bias: torch.Tensor | None, padding: tuple[int, int]) -> Winograd:
        """Of kernels (K, C, 3, 3)."""
        _, kernels, _ = (torch.from_numpy(matrix) for matrix in _matrices())
        values = torch.einsum("ur,kcrs,vs->uvck", kernels, weight.double(), kernels)
        return cls(weight, bias, padding, values.flatten(0, 1).to(weight.dtype).contiguous())

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Raises:
        RuntimeError: the maps are smaller than a kernel, or have other channels than it.
        """
        down, right = self.padding
        rows, columns = (x.shape[2] + 2 * down - KERNEL + 1, x.shape[3] + 2 * right - KERNEL + 1)
        if (
            min(rows, columns) < 1
            or x.dtype != self.weight.dtype
            or _share(rows, columns, *self.weight.shape[:2]) > _WORTH
        ):
            return torch.conv2d(x, self.weight, self.bias, padding=self.padding)
        high, wide = -(-rows // TILE), -(-columns // TILE)
        beyond = (right, wide * TILE - columns + right, down, high * TILE - rows + down)
        padded = (F.pad(x, beyond) if any(beyond) else x).permute(0, 2, 3, 1)
        out = x.new_empty(len(x), high, TILE, wide, TILE, len(self.weight))
        together = max(1, _TILES // (high * wide))
        for part, into in zip(padded.split(together), out.split(together), strict=True):
            tiles = self._tiles(part)
            torch.add(tiles, 0.0 if self.bias is None else self.bias, out=into)
        return out.flatten(3, 4).flatten(1, 2)[:, :rows, :columns].permute(0, 3, 1, 2)

    def _tiles(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 4·high + 2, 4·wide + 2, C) → (n, high, 4, wide, 4, K)."""
        given, made = _two_dimensional()
        seen = x.unfold(1, SIDE, TILE).unfold(2, SIDE, TILE)
        count, high, wide, channels = seen.shape[:4]
        values = torch.mm(given, seen.permute(4, 5, 0, 1, 2, 3).reshape(SIDE**2, -1))
        multiplied = torch.bmm(values.view(SIDE**2, -1, channels), self.products)
        tiles = torch.mm(made, multiplied.flatten(1))
        return tiles.view(TILE, TILE, count, high, wide, -1).permute(2, 3, 0, 4, 1, 5)


def _share(rows: int, columns: int, kernels: int, channels: int) -> float:
    """Of the multiplications of a convolution with so many outputs a channel, those that are left."""
    tiles = -(-rows // TILE) * -(-columns // TILE)
    left = tiles * (SIDE**2 * channels * kernels + SIDE**4 * channels + SIDE**2 * TILE**2 * kernels)
    return left / (rows * columns * KERNEL**2 * channels * kernels)


@cache
def _matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For one axis, what inputs (6, 6), kernels (6, 3) and, transposed, products (4, 6) are multiplied by.

    Multiplying polynomials is to multiply their values at points; filtering is the transpose of that in its input.
    """

    def values(coefficients: int) -> np.ndarray:
        powers = [[point**power for power in range(coefficients)] for point in POINTS]
        return np.array([*powers, [0.0] * (coefficients - 1) + [1.0]])  # the last one at infinity

    given = np.linalg.inv(values(SIDE)).T
    size = np.abs(given).max(1, keepdims=True)  # of float32's precision as much for inputs as for kernels
    return given / size, values(KERNEL) * size, values(TILE).T


@cache
@torch.inference_mode(False)
def _two_dimensional() -> tuple[torch.Tensor, torch.Tensor]:
    """What inputs (36, 36) and products (16, 36) of both axes are multiplied by."""
    given, _, made = _matrices()
    return tuple(torch.from_numpy(np.kron(matrix, matrix)).float() for matrix in (given, made))  # type: ignore[return-value]
