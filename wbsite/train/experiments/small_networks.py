"""The three networks that travel with wbsite, trained on CIFAR-10."""

from wbsite.train.base import Experiment, Recipe

EXPERIMENTS = (
    Experiment(
        "simplified_32",
        model="simplified_32",
        recipe=Recipe(epochs=16),
        summary="the Weight Banding article's simplified network at 32 pixels, global average pooling",
    ),
    Experiment(
        "alexnet_32",
        model="alexnet_32",
        recipe=Recipe(epochs=16, rate=1e-3),
        summary="two-tower AlexNet with fully connected head at 32 pixels",
    ),
    Experiment(
        "inceptionv1_32",
        model="inceptionv1_32",
        recipe=Recipe(epochs=14),
        summary="InceptionV1 of three eighths of the width at 32 pixels, global average pooling",
    ),
)
