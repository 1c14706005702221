"""InceptionV1 (GoogLeNet) in both published variants, and small, trained by this project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wbsite.models.base import CIFAR10, IMAGENET_CAFFE, TRAINED_HERE, ModelSpec, Preprocess, Source, lazily
from wbsite.models.networks.inception_layouts import BVLC, FIVE_H, SMALL, block_offsets

if TYPE_CHECKING:
    import torch

NETWORK = "wbsite.models.networks.inceptionv1:InceptionV1"

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
    renamed = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        if not layer.startswith(("loss1", "loss2")):
            renamed[f"{_article_name(layer)}.{kind}"] = value
    return renamed


def from_5h(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys LAYER_pre_relu_conv.weight → LAYER.weight; auxiliary heads are left out."""
    auxiliary = ("softmax0", "softmax1", "head0", "head1", "nn0", "nn1")
    return {key.replace("_pre_relu_conv.", "."): value for key, value in state.items() if not key.startswith(auxiliary)}


MODELS = (
    ModelSpec(
        name="inceptionv1",
        weights="5h",
        title="InceptionV1",
        build=lazily(NETWORK, FIVE_H),
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
        build=lazily(NETWORK, BVLC),
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
        build=lazily(NETWORK, SMALL),
        preprocess=CIFAR10,
        reference="szegedy2015going",
        blocks=block_offsets(SMALL),
        note=f"Three eighths of the width, batch norm, 8×8 positions at the last blocks. {TRAINED_HERE}",
    ),
)
