"""The simplified network of the Weight Banding article: groups of convolutions between L2 poolings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn


class L2Pool(nn.Module):
    """Square root of the average square over 2×2 windows; halves height and width."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → (N, C, H/2, W/2)."""
        return (nn.functional.avg_pool2d(x * x, 2) + 1e-6).sqrt()


def coordinates_like(x: torch.Tensor) -> torch.Tensor:
    """Position in the map `x` (N, C, H, W) as channels (1, 2, H, W): x, then y, from -1 to 1; 0 for a side of one."""
    height, width = x.shape[2:]
    axes = [torch.arange(1 - n, n, 2, device=x.device, dtype=torch.float32) / max(n - 1, 1) for n in (width, height)]
    columns, rows = torch.meshgrid(*axes, indexing="xy")
    return torch.stack((columns, rows)).unsqueeze(0).to(x.dtype)


def with_coordinates(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) → (N, C + 2, H, W), the position after the channels, in the memory layout of `x`."""
    last = x.is_contiguous(memory_format=torch.channels_last)
    coordinates = coordinates_like(x).expand(len(x), -1, -1, -1)
    # Parts of different layouts would make a plain one, and every convolution after it slower.
    layout = torch.channels_last if last else torch.contiguous_format
    return torch.cat((x, coordinates.contiguous(memory_format=layout)), 1)


class SpatialFiLM(nn.Module):
    """x·(1 + γ(y, x)) + β(y, x): scale and shift of every channel by position (FiLM, Perez et al. 2018).

    A small network of the coordinates, the same for every picture, gives γ and β; it starts at zero, so
    that the module starts as the identity.
    """

    def __init__(self, channels: int, hidden: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(2, hidden, 1)
        self.out = nn.Conv2d(hidden, 2 * channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → the same shape."""
        gamma, beta = self.out(torch.relu(self.hidden(coordinates_like(x)))).chunk(2, 1)
        return x * (1 + gamma) + beta


class Simplified(nn.Module):
    """Groups of 5×5 convolutions (the first 7×7) with batch norm, then global average pooling.

    Layers are called by group and letter: 0a, 1a, 2a, 3a, 3b, … The first `pools` groups are
    followed by an L2 pooling, so that the last groups see `size // 2**pools` positions a side.

    Args:
        widths: for each group, the number of units of each of its convolutions.
        pools: number of L2 poolings, at most `len(widths) - 1`.
        classes: outputs of the fully connected layer.
        channels: input channels.
        size: height and width of the input; only heads that know positions depend on it.
        kernel: odd side of all kernels but those of the first group.
        head: (channels, side, classes) → module in place of pooling and fully connected layer, see `heads`.
        coordinates: layers whose input ends with two more channels, x and y (CoordConv, Liu et al. 2018).
        film: layers with `SpatialFiLM` between batch norm and ReLU.

    Raises:
        ValueError: poolings, sizes or layers that the network cannot have.
    """

    def __init__(
        self,
        widths: Sequence[Sequence[int]],
        pools: int,
        classes: int,
        channels: int = 3,
        size: int = 32,
        kernel: int = 5,
        head: Callable[[int, int, int], nn.Module] | None = None,
        coordinates: Sequence[str] = (),
        film: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if not 0 <= pools < len(widths):
            raise ValueError(f"pools must lie in 0…{len(widths) - 1} for {len(widths)} groups, not {pools}")
        if size < 2**pools:
            raise ValueError(f"size must be at least {2**pools} for {pools} poolings, not {size}")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd and positive, not {kernel}")
        self.groups = [[f"{g}{chr(ord('a') + i)}" for i in range(len(group))] for g, group in enumerate(widths)]
        layers = {name for names in self.groups for name in names}
        for option, choice in (("coordinates", coordinates), ("film", film)):
            if unknown := sorted(set(choice) - layers):
                raise ValueError(f"{option} names unknown layers {unknown}; known are {sorted(layers)}")
        self.pools = pools
        self.coordinates = frozenset(coordinates)
        self.film = frozenset(film)
        outputs = {}
        for g, group in enumerate(widths):
            side = 7 if g == 0 else kernel
            for name, width in zip(self.groups[g], group, strict=True):
                inputs = channels + 2 * (name in self.coordinates)
                self.add_module(name, nn.Conv2d(inputs, width, side, padding=side // 2, bias=False))
                self.add_module(f"{name}_norm", nn.BatchNorm2d(width))
                channels = outputs[name] = width
        self.pool = L2Pool()
        self.head: nn.Module | None = None
        if head is None:
            self.fc = nn.Linear(channels, classes)
        else:
            self.head = head(channels, size // 2**pools, classes)
        # Last, so that one seed gives the convolutions of a network with and without them the same start.
        for name in sorted(self.film):
            self.add_module(f"{name}_film", SpatialFiLM(outputs[name]))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → the last layer's map after ReLU (N, units, H // 2**pools, W // 2**pools)."""
        for g, names in enumerate(self.groups):
            for name in names:
                if name in self.coordinates:
                    x = with_coordinates(x)
                x = self.get_submodule(f"{name}_norm")(self.get_submodule(name)(x))
                if name in self.film:
                    x = self.get_submodule(f"{name}_film")(x)
                x = torch.relu(x)
            if g < self.pools:
                x = self.pool(x)
        return x

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """The last map (N, units, H, W) → logits (N, classes)."""
        return self.fc(x.mean((2, 3))) if self.head is None else self.head(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) → logits (N, classes)."""
        return self.classify(self.features(x))


def imagenet() -> Simplified:
    """The article's network: 224×224 input, five poolings, 7×7 positions at the last group."""
    return Simplified(((32,), (64,), (64,), (128, 128), (256,) * 5, (512, 512)), pools=5, classes=1001)


def small() -> Simplified:
    """For 32×32 pictures: the same six groups, narrower, two poolings, 8×8 positions at the last."""
    return Simplified(((24,), (48,), (64,), (64,), (96,), (128, 128)), pools=2, classes=10)
