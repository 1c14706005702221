"""Heads for `Simplified`: from the last feature map to the logits, one class for each idea.

The Weight Banding article (Petrov et al., Distill 2021) asks whether bands come from global pooling, and
swaps the end of the network to find out. Every head is called as (channels, side, classes, options), takes
the last map x of shape (N, channels, side, side), rows y in dimension 2 and columns x in dimension 3, and
gives logits (N, classes). In formulas W is the last linear layer (`fc`, with bias), c a channel, p a position.
"""

from __future__ import annotations

import torch
from torch import nn


class FullyConnected(nn.Module):
    """W·flatten(x): no pooling, the article's intervention that removed the bands.

    `fc.weight` viewed as (classes, channels, side, side) is a map of positions, [..., y, x].
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels * side * side, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        return self.fc(x.flatten(1))


class AxisPool(nn.Module):
    """W·flatten(mean of x along one axis); axis "x" averages each row, the article's pooling along x only.

    `fc.weight` viewed as (classes, channels, side) is a profile over the axis that is kept.

    Raises:
        ValueError: `axis` is neither "x" nor "y".
    """

    def __init__(self, channels: int, side: int, classes: int, axis: str = "x") -> None:
        super().__init__()
        if axis not in ("x", "y"):
            raise ValueError(f"axis must be 'x' or 'y', not {axis!r}")
        self.dim = 3 if axis == "x" else 2
        self.fc = nn.Linear(channels * side, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        return self.fc(x.mean(self.dim).flatten(1))


class BothAxes(nn.Module):
    """W·[row means, column means]: both axes kept, each without the other; proposed in the article, not run there.

    `fc.weight` viewed as (classes, 2, channels, side): first the profile over y, then that over x.
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(2 * channels * side, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        return self.fc(torch.cat((x.mean(3).flatten(1), x.mean(2).flatten(1)), 1))


class SpatialMasks(nn.Module):
    """W·[mean over p of m_k(p) x_c(p)] for every mask k and channel c: the article's learned spatial masks.

    The masks are free numbers shared by all channels. They start at one with a little noise: as global
    averages that differ enough to grow apart. In the article bands persisted with 3, 5 and 16 of them.

    Raises:
        ValueError: `masks` is below 1.
    """

    def __init__(self, channels: int, side: int, classes: int, masks: int = 3) -> None:
        super().__init__()
        if masks < 1:
            raise ValueError(f"masks must be at least 1, not {masks}")
        self.masks = nn.Parameter(1 + 0.1 * torch.randn(masks, side, side))
        self.fc = nn.Linear(channels * masks, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        masks = self.masks.flatten(1)
        return self.fc((masks / masks.shape[1] @ x.flatten(2).transpose(1, 2)).flatten(1))


class AttentionPool(nn.Module):
    """W·Σ_p softmax_p(q·K t_p / √channels) V t_p with t_p = x(p) + e_p: one learned query reads all positions.

    e is a learned embedding of the position, K and V act on each position alone. It repeats the article's
    simple attention in place of pooling and head, with which bands persisted; its exact form is not
    published. K has no bias: it would cancel in the softmax.
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        self.position = nn.Parameter(0.02 * torch.randn(side * side, channels))
        self.query = nn.Parameter(torch.randn(channels))
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        tokens = x.flatten(2).transpose(1, 2) + self.position
        scores = self.key(tokens) @ self.query / self.query.numel() ** 0.5
        pooled = scores.softmax(1).unsqueeze(1) @ self.value(tokens)
        return self.fc(pooled.squeeze(1))


class MultiHeadAttentionPool(nn.Module):
    """W·norm(z), z = a + MLP(norm(a)), a = s + attention(norm(s) → norm(s, t)): one transformer layer's class token.

    s is a learned class token and t_p = x(p) + e_p the positions. After a single layer only the class
    token is read, so that only its query is computed; what the other positions would attend to never
    reaches the logits. It repeats the article's fuller attention, with which bands persisted, as far as
    its name tells: its exact form is not published. The projections inside have no bias, as K above.

    Args:
        heads: attention heads; divides `channels`.

    Raises:
        ValueError: `heads` does not divide `channels`.
    """

    def __init__(self, channels: int, side: int, classes: int, heads: int = 4) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ValueError(f"heads must divide the {channels} channels, not be {heads}")
        self.heads = heads
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, channels))
        self.position = nn.Parameter(0.02 * torch.randn(side * side, channels))
        self.attention_norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels, bias=False)
        self.key_value = nn.Linear(channels, 2 * channels, bias=False)
        self.out = nn.Linear(channels, channels)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )
        self.norm = nn.LayerNorm(channels)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        n, channels = x.shape[:2]
        token = self.token.expand(n, 1, channels)
        tokens = self.attention_norm(torch.cat((token, x.flatten(2).transpose(1, 2) + self.position), 1))
        query = self.query(tokens[:, :1]).view(n, 1, self.heads, -1).transpose(1, 2)
        key, value = self.key_value(tokens).view(n, -1, 2, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        token = token + self.out(attended.transpose(1, 2).flatten(2))
        token = token + self.mlp(token)
        return self.fc(self.norm(token).squeeze(1))


class PositionChannelMask(nn.Module):
    """W·mean over p of m_c(p) x_c(p): a free mask over position and channel before global average pooling.

    It starts at one, as plain pooling. The article applied it after 5b; bands persisted.
    """

    def __init__(self, channels: int, side: int, classes: int) -> None:
        super().__init__()
        self.mask = nn.Parameter(torch.ones(channels, side, side))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        return self.fc((x * self.mask).mean((2, 3)))


class GroupedSigmoidMasks(nn.Module):
    """W·mean over p of σ(m_g(c)(p)) x_c(p): neighbouring channels share one mask between 0 and 1.

    The groups are contiguous and their sizes differ by one at most. The grouped form of
    `PositionChannelMask`, in the article with 3, 5 and 16 groups; bands persisted.

    Raises:
        ValueError: `groups` is not in 1…channels.
    """

    group: torch.Tensor

    def __init__(self, channels: int, side: int, classes: int, groups: int = 3) -> None:
        super().__init__()
        if not 1 <= groups <= channels:
            raise ValueError(f"groups must lie in 1…{channels} for {channels} channels, not {groups}")
        self.masks = nn.Parameter(0.1 * torch.randn(groups, side, side))
        self.register_buffer("group", torch.arange(channels) * groups // channels, persistent=False)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        return self.fc((x * self.masks.sigmoid()[self.group]).mean((2, 3)))


class GroupHeads(nn.Module):
    """W·[relu(norm(U_g·flatten(x_g)))] over channel groups g: each group has its own layer over all positions.

    The article's variant with 16 groups and batch norm, in which bands persisted; `width` is chosen here.
    In training it needs batches of two pictures or more, as batch norm does.

    Args:
        groups: number of contiguous groups of channels.
        width: units of each group's layer.

    Raises:
        ValueError: `groups` does not divide `channels`.
    """

    def __init__(self, channels: int, side: int, classes: int, groups: int = 16, width: int = 32) -> None:
        super().__init__()
        if groups < 1 or channels % groups:
            raise ValueError(f"groups must divide the {channels} channels, not be {groups}")
        inputs = channels // groups * side * side
        # One batched product for all groups; no bias, which batch norm would take away.
        self.weight = nn.Parameter(torch.empty(groups, inputs, width).uniform_(-(inputs**-0.5), inputs**-0.5))
        self.norm = nn.BatchNorm1d(groups * width)
        self.fc = nn.Linear(groups * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        grouped = x.reshape(len(x), len(self.weight), -1).transpose(0, 1)
        hidden = torch.bmm(grouped, self.weight).transpose(0, 1).flatten(1)
        return self.fc(torch.relu(self.norm(hidden)))


class MaxPoolWide(nn.Module):
    """W·relu(norm(U·max over p of x(p))): global max pooling, then a wide fully connected layer.

    Bands persisted with it in the article, where all fully connected layers but the last have batch norm.
    In training it needs batches of two pictures or more.
    """

    def __init__(self, channels: int, side: int, classes: int, width: int = 1024) -> None:
        super().__init__()
        self.wide = nn.Linear(channels, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, side, side) → (N, classes)."""
        return self.fc(torch.relu(self.norm(self.wide(x.amax((2, 3))))))
