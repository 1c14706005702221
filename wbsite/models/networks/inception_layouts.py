"""Widths and options of InceptionV1's variants; without torch, so that specifications can be read without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Widths = tuple[int, int, int, int, int, int]
"""1x1, 3x3_bottleneck, 3x3, 5x5_bottleneck, 5x5, pool_reduce."""

BVLC_BLOCKS: Mapping[str, Widths] = {
    "mixed3a": (64, 96, 128, 16, 32, 32),
    "mixed3b": (128, 128, 192, 32, 96, 64),
    "mixed4a": (192, 96, 208, 16, 48, 64),
    "mixed4b": (160, 112, 224, 24, 64, 64),
    "mixed4c": (128, 128, 256, 24, 64, 64),
    "mixed4d": (112, 144, 288, 32, 64, 64),
    "mixed4e": (256, 160, 320, 32, 128, 128),
    "mixed5a": (256, 160, 320, 32, 128, 128),
    "mixed5b": (384, 192, 384, 48, 128, 128),
}
FIVE_H_BLOCKS: Mapping[str, Widths] = {
    **BVLC_BLOCKS,
    "mixed4a": (192, 96, 204, 16, 48, 64),
    "mixed5a": (256, 160, 320, 48, 128, 128),
}


@dataclass(frozen=True)
class Layout:
    """What differs between the variants of the network.

    Attributes:
        stem: units of conv2d0, conv2d1, conv2d2.
        blocks: branch widths of every Inception block, in order.
        classes: outputs of the classifier, called softmax2_pre_activation_matmul.
        stride: of conv2d0.
        pool_after: layers and blocks followed by a 3×3 max pooling of stride 2.
        same: TensorFlow's SAME padding (extra row and column at the right and bottom) instead of
            Caffe's symmetric one.
        lrn: arguments of the local response normalisations, or None for a network that has batch
            norm after every convolution instead.
        side: of the map that the classifier reads, so that its input is channels × side × side
            numbers, by channel, then row, then column; 1 is global average pooling.
    """

    stem: tuple[int, int, int]
    blocks: Mapping[str, Widths]
    classes: int
    stride: int = 2
    pool_after: frozenset[str] = frozenset({"conv2d0", "conv2d2", "mixed3b", "mixed4e"})
    same: bool = False
    lrn: Mapping[str, float] | None = None
    side: int = 1


BVLC = Layout((64, 64, 192), BVLC_BLOCKS, 1000, lrn={"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0})
FIVE_H = Layout((64, 64, 192), FIVE_H_BLOCKS, 1008, same=True, lrn={"size": 11, "alpha": 11e-4, "beta": 0.5, "k": 2.0})
SMALL = Layout(
    (24, 24, 72),
    {name: tuple(w * 3 // 8 for w in widths) for name, widths in BVLC_BLOCKS.items()},  # type: ignore[misc]
    10,
    stride=1,
    pool_after=frozenset({"conv2d0", "mixed3b"}),
)


def block_offsets(layout: Layout) -> dict[str, tuple[str, int]]:
    """Layer → (block, number of its first unit in the block's concatenated output)."""
    offsets: dict[str, tuple[str, int]] = {}
    for block, (units_1x1, _, units_3x3, _, units_5x5, _) in layout.blocks.items():
        start = 0
        for branch, units in (("1x1", units_1x1), ("3x3", units_3x3), ("5x5", units_5x5), ("pool_reduce", 0)):
            offsets[f"{block}_{branch}"] = (block, start)
            start += units
    return offsets
