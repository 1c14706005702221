"""The simplified network of the Weight Banding article, and a small one that this project trained."""

from __future__ import annotations

from wbsite.models.base import CIFAR10, TRAINED_HERE, ModelSpec, Preprocess, lazily

MODELS = (
    ModelSpec(
        name="simplified_32",
        weights="cifar10",
        title="Simplified network (32 px)",
        build=lazily("wbsite.models.networks.simplified:small"),
        preprocess=CIFAR10,
        reference="petrov2021weight",
        note=TRAINED_HERE,
    ),
    ModelSpec(
        name="simplified",
        weights="imagenet",
        title="Simplified network",
        build=lazily("wbsite.models.networks.simplified:imagenet"),
        preprocess=Preprocess(crop=224, resize=256),
        reference="petrov2021weight",
        note="No pretrained weights of it are published.",
    ),
)
