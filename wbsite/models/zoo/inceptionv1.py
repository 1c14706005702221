"""InceptionV1 (GoogLeNet) under the Circuits articles' layer names, in both published variants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn
from torch.nn import functional as F

from wbsite.models.base import CIFAR10, IMAGENET_CAFFE, TRAINED_HERE, ModelSpec, Preprocess, Source

Widths = tuple[int, int, int, int, int, int]
"""1x1, 3x3_bottleneck, 3x3, 5x5_bottleneck, 5x5, pool_reduce."""

BVLC_BLOCKS: Mapping[str, Widths] = MappingProxyType(
    {
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
)
FIVE_H_BLOCKS: Mapping[str, Widths] = MappingProxyType(
    {**BVLC_BLOCKS, "mixed4a": (192, 96, 204, 16, 48, 64), "mixed5a": (256, 160, 320, 48, 128, 128)}
)


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

    def __deepcopy__(self, memo: object) -> Layout:
        """Itself, since nothing in it changes: a network can then be copied, which a MappingProxyType cannot."""
        return self


BVLC = Layout((64, 64, 192), BVLC_BLOCKS, 1000, lrn={"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0})
FIVE_H = Layout((64, 64, 192), FIVE_H_BLOCKS, 1008, same=True, lrn={"size": 11, "alpha": 11e-4, "beta": 0.5, "k": 2.0})
SMALL = Layout(
    (24, 24, 72),
    {name: tuple(w * 3 // 8 for w in widths) for name, widths in BVLC_BLOCKS.items()},  # type: ignore[misc]
    10,
    stride=1,
    pool_after=frozenset({"conv2d0", "mixed3b"}),
)


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
        for block, (one, three_in, three, five_in, five, pooled) in layout.blocks.items():
            self._conv(f"{block}_1x1", c, one, 1)
            self._conv(f"{block}_3x3_bottleneck", c, three_in, 1)
            self._conv(f"{block}_3x3", three_in, three, 3)
            self._conv(f"{block}_5x5_bottleneck", c, five_in, 1)
            self._conv(f"{block}_5x5", five_in, five, 5)
            self._conv(f"{block}_pool_reduce", c, pooled, 1)
            self.add_module(block, nn.Identity())  # so that the block's output has a name
            c = one + three + five + pooled
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
            one = self._run(f"{block}_1x1", x)
            three = self._run(f"{block}_3x3", self._run(f"{block}_3x3_bottleneck", x))
            five = self._run(f"{block}_5x5", self._run(f"{block}_5x5_bottleneck", x))
            pooled = self._run(f"{block}_pool_reduce", F.max_pool2d(x, 3, 1, 1))
            x = self.get_submodule(block)(torch.cat((one, three, five, pooled), dim=1))
            x = self._pool(block, x)
        x = x.mean((2, 3)) if self.layout.side == 1 else x.flatten(1)
        return self.softmax2_pre_activation_matmul(self.dropout(x))


def block_offsets(layout: Layout) -> dict[str, tuple[str, int]]:
    """Layer → (block, number of its first unit in the block's concatenated output)."""
    offsets: dict[str, tuple[str, int]] = {}
    for block, (one, _, three, _, five, _) in layout.blocks.items():
        for branch, start in (("1x1", 0), ("3x3", one), ("5x5", one + three), ("pool_reduce", one + three + five)):
            offsets[f"{block}_{branch}"] = (block, start)
    return offsets


_CAFFE_STEM = {"conv1/7x7_s2": "conv2d0", "conv2/3x3_reduce": "conv2d1", "conv2/3x3": "conv2d2"}


def _article_name(caffe: str) -> str:
    """inception_3a/5x5_reduce → mixed3a_5x5_bottleneck, loss3/classifier → the classifier."""
    if caffe in _CAFFE_STEM:
        return _CAFFE_STEM[caffe]
    if caffe == "loss3/classifier":
        return "softmax2_pre_activation_matmul"
    match = re.fullmatch(r"inception_(\d[a-e])/(\w+)", caffe)
    if not match:
        return caffe
    block, branch = match.groups()
    branch = branch.replace("pool_proj", "pool_reduce").replace("x3_reduce", "x3_bottleneck")
    return f"mixed{block}_{branch.replace('x5_reduce', 'x5_bottleneck')}"


def from_caffe(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Caffe layer names → the articles'; the auxiliary classifiers (loss1, loss2) are left out."""
    kept = {key: value for key, value in state.items() if not key.startswith(("loss1", "loss2"))}
    return {_article_name(key.rpartition(".")[0]) + "." + key.rpartition(".")[2]: v for key, v in kept.items()}


def from_5h(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys LAYER_pre_relu_conv.weight → LAYER.weight; auxiliary heads are left out."""
    kept = {
        k: v for k, v in state.items() if not k.startswith(("softmax0", "softmax1", "head0", "head1", "nn0", "nn1"))
    }
    return {key.replace("_pre_relu_conv.", "."): value for key, value in kept.items()}


MODELS = (
    ModelSpec(
        name="inceptionv1",
        weights="5h",
        title="InceptionV1",
        build=lambda: InceptionV1(FIVE_H),
        preprocess=Preprocess(crop=224, resize=256, scale=255.0, mean=(117.0,) * 3, std=(1.0,) * 3),
        source=Source(
            "https://github.com/ProGamerGov/pytorch-old-tensorflow-models/raw/master/inception5h.pth",
            "git-sha1:119f77db85c8352960933e025312b507d9a96ed7",
        ),
        convert=from_5h,
        reference="szegedy2015going",
        blocks=block_offsets(FIVE_H),
        note="The network of the Circuits articles (TensorFlow's inception5h).",
    ),
    ModelSpec(
        name="inceptionv1",
        weights="bvlc",
        title="InceptionV1 (BVLC)",
        build=lambda: InceptionV1(BVLC),
        preprocess=IMAGENET_CAFFE,
        source=Source(
            "http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel",
            "sha1:405fc5acd08a3bb12de8ee5e23a96bec22f08204",
        ),
        convert=from_caffe,
        reference="szegedy2015going",
        blocks=block_offsets(BVLC),
        note="The BVLC Caffe training: unit numbers differ from those of the Circuits articles.",
    ),
    ModelSpec(
        name="inceptionv1_32",
        weights="cifar10",
        title="InceptionV1 (32 px)",
        build=lambda: InceptionV1(SMALL),
        preprocess=CIFAR10,
        reference="szegedy2015going",
        blocks=block_offsets(SMALL),
        note=f"Three eighths of the width, batch norm, 8×8 positions at the last blocks. {TRAINED_HERE}",
    ),
)
