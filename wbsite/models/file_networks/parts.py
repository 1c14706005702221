"""Tensors of a file as parameters and buffers of a network, under the file's own names, and what the file says of the
network's picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


def register(network: nn.Module, path: str, tensor: torch.Tensor, trained: bool) -> tuple[nn.Module, str]:
    """Under a dotted path of modules, made for it; with underscores where torch takes the name already.

    Args:
        trained: whether it is a parameter, not a buffer.

    Returns:
        The module and the attribute.
    """
    *owners, attribute = (part or "_" for part in path.split("."))
    owner: nn.Module = network
    for part in owners:
        while hasattr(owner, part) and part not in owner._modules:
            part += "_"
        if part not in owner._modules:
            owner.add_module(part, nn.Module())
        owner = owner.get_submodule(part)
    while hasattr(owner, attribute):
        attribute += "_"
    if trained:
        owner.register_parameter(attribute, nn.Parameter(tensor))
    else:
        owner.register_buffer(attribute, tensor)
    return owner, attribute


def single(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of a file as a network here has it: floating-point numbers as float32."""
    return tensor.detach().float() if tensor.is_floating_point() else tensor.detach()


def declare(network: nn.Module, sizes: Sequence[object], channels_last: bool = False) -> None:
    """Notes what a file says of its picture's sizes: all three as `input_shape`, else those known as `input_sizes`.

    Args:
        sizes: (channels, height, width), or with `channels_last` (height, width, channels); a size that is no whole
            number above 0 is free.
    """
    known = [size if isinstance(size, int) and size > 0 else None for size in sizes]
    shape = (known[2], *known[:2]) if channels_last else tuple(known)
    setattr(network, "input_sizes" if None in shape else "input_shape", shape)


def last(x: torch.Tensor) -> torch.Tensor:
    """A picture (B, C, H, W) as (B, H, W, C), as TensorFlow has it."""
    return x.permute(0, 2, 3, 1)
