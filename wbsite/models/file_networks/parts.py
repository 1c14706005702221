"""Tensors of a file as parameters and buffers of a network, under the file's own names, and what the file says of the
network's picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import nn

MOST = 1 << 26
"""Numbers in a value that an operator makes as large as the file says: a quarter of a gigabyte."""


def check_count(count: float) -> None:
    """Refuses a value of more numbers than any network needs, before there is memory for it.

    Raises:
        ValueError: it has.
    """
    if not count <= MOST:
        raise ValueError(f"it makes {count:.3g} numbers, more than any network needs")


def within_reason(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls a function whose result is as large as a file says, if tensors without memory show it to be no larger.

    Raises:
        ValueError: as `check_count`.
        Exception: the function's own.
    """
    made: Any = None
    with torch._C.DisableTorchFunction(), suppress(Exception):  # what fails without memory fails with it, in words
        made = function(*map(_without_memory, args), **{key: _without_memory(value) for key, value in kwargs.items()})
    for value in made if isinstance(made, (tuple, list)) else (made,):
        if isinstance(value, torch.Tensor):
            check_count(value.numel())
    return function(*args, **kwargs)


def _without_memory(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value):
        return [_without_memory(item) for item in value]
    return value.detach().to("meta") if isinstance(value, torch.Tensor) else value


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
