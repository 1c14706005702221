"""AlexNet in its original form, in the BVLC Caffe training and small, trained by this project."""

from __future__ import annotations

from dataclasses import replace

from wbsite.models.base import CIFAR10, IMAGENET_CAFFE, TRAINED_HERE, ModelSpec, Source, lazily

MODELS = (
    ModelSpec(
        name="alexnet",
        weights="bvlc",
        title="AlexNet",
        build=lazily("wbsite.models.networks.alexnet:imagenet"),
        preprocess=replace(IMAGENET_CAFFE, crop=227),
        source=Source(
            "http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",
            "sha1:9116a64c0fbe4459d18f4bb6b56d647b63920377",
        ),
        reference="krizhevsky2012imagenet",
    ),
    ModelSpec(
        name="alexnet_32",
        weights="cifar10",
        title="AlexNet (32 px)",
        build=lazily("wbsite.models.networks.alexnet:small"),
        preprocess=CIFAR10,
        reference="krizhevsky2012imagenet",
        note=f"Batch norm in place of local response normalisation. {TRAINED_HERE}",
    ),
)
