"""Tensors of a file as parameters and buffers of a network, under the file's own names."""

from __future__ import annotations

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
