"""Finds the input of a network that nobody has described: from its `input_shape`, or by trying."""

from __future__ import annotations

import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import Layers, discover

from .base import Preprocess

SIDES = (224, 32, 28, 64, 96, 128, 256, 299, 384)
"""Sides of square inputs that are tried, in this order."""

SMALL = 96
"""Networks for pictures up to this side get them resized to it, larger ones cropped as for ImageNet."""


def preprocess_for(net: nn.Module, factory: object, target: str) -> tuple[Preprocess, Layers, str]:
    """The network's input, its layers on that input, and a sentence on how the input was found.

    Taken from an attribute `input_shape` = (channels, height, width) of the network or of the
    factory. Otherwise the channels are those of the first convolution in registration order (then
    3, then 1), and the side is the first of `SIDES` that passes.

    Raises:
        WbsiteError: no convolutions, or none that the forward pass reaches; a malformed
            `input_shape`; the forward pass fails on every shape.
    """
    convs = [(name, module) for name, module in net.named_modules() if isinstance(module, nn.Conv2d)]
    if not convs:
        raise WbsiteError(
            f"{target} has no two-dimensional convolutions; wbsite reads the weights of convolutional networks.",
            "Name a factory whose network has torch.nn.Conv2d layers.",
        )
    if not convs[0][0]:
        raise WbsiteError(
            f"{target} is a bare convolution, which has no name.", "Wrap it: torch.nn.Sequential(convolution)."
        )
    declared = getattr(net, "input_shape", None) or getattr(factory, "input_shape", None)
    if declared is not None:
        shape = _checked_shape(declared, target)
        layers, note = discover(net, shape), f"Input of {_in_words(shape)}, as its input_shape says."
    else:
        layers = _try_shapes(net, list(dict.fromkeys((convs[0][1].in_channels, 3, 1))), target)
        note = f"Input of {_in_words(layers.input_shape)}, found by trying; an attribute input_shape would fix it."
    if not layers.convs:
        raise WbsiteError(
            f"the forward pass of {target} reaches none of its {len(convs)} convolutions.",
            "Name a factory whose network calls them in evaluation mode.",
        )
    channels, side, _ = layers.input_shape
    if channels == 3:
        return Preprocess(crop=side, resize=_resize(side)), layers, f"{note} Pictures are normalised as for ImageNet."
    half = (0.5,) * channels
    return Preprocess(crop=side, resize=_resize(side), mean=half, std=half), layers, f"{note} Pictures lie in -1…1."


def _resize(side: int) -> int:
    return side if side <= SMALL else round(side * 256 / 224)


def _in_words(shape: tuple[int, int, int]) -> str:
    return f"{shape[0]} channel{'s' if shape[0] > 1 else ''}, {shape[1]}×{shape[2]}"


def _checked_shape(declared: object, target: str) -> tuple[int, int, int]:
    expected = f"expected (channels, side, side), for example {(3, 224, 224)}"
    if not isinstance(declared, (tuple, list, torch.Size)) or len(declared) != 3:
        raise WbsiteError(f"input_shape of {target} is {declared!r}; {expected}.", "Correct the attribute.")
    if not all(isinstance(n, int) and n > 0 for n in declared) or declared[1] != declared[2]:
        raise WbsiteError(
            f"input_shape of {target} is {declared!r}; {expected}.", "Pictures are square, and sizes whole numbers."
        )
    channels, height, width = declared
    return channels, height, width


def _try_shapes(net: nn.Module, channels: list[int], target: str) -> Layers:
    failures: list[WbsiteError] = []
    for count in channels:
        for side in SIDES:
            try:
                return discover(net, (count, side, side))
            except WbsiteError as error:
                failures.append(error)
    raise WbsiteError(
        f"{target} fails on every input tried: sides {', '.join(map(str, SIDES))} with "
        f"{' or '.join(map(str, channels))} channels. First: {failures[0].message}",
        failures[0].hint,
    ) from failures[0]
