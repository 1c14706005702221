"""Where a tensor lies: on the CPU, or on a GPU that exists in name only and is the CPU too.

A tensor lies on the GPU if its storage is marked. So do its views, and it stays there when it is changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)

_real_device = torch._C.TensorBase.device.__get__


def place(tensor: torch.Tensor) -> torch.device:
    """Where a tensor lies; of those on neither, as on "meta", their device."""
    with torch._C.DisableTorchFunction():
        device = _real_device(tensor)
        return GPU if device == CPU and getattr(tensor.untyped_storage(), "on_gpu", False) else device


def put(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A new tensor, now known to lie on a device."""
    with torch._C.DisableTorchFunction():
        tensor.untyped_storage().on_gpu = device == GPU
    return tensor


def moved(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy on a device; x itself if it lies there."""
    return x if place(x) == device else _Move.apply(x, device)


class _Move(torch.autograd.Function):
    """A copy whose gradient goes back to where the tensor came from."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, device: torch.device) -> torch.Tensor:
        ctx.origin = place(x)
        return put(x.clone(), device)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _Move.apply(gradient, ctx.origin), None


def named_device(name: Any) -> torch.device | None:
    """The device of a name, number or device; None of None."""
    if name is None:
        return None
    device = torch.device("cuda", name) if isinstance(name, int) else torch.device(name)
    return GPU if device.type == "cuda" else device


def common(places: Iterable[torch.device]) -> torch.device | None:
    """The GPU if it is among them; else the first, None of none."""
    listed = list(places)
    return GPU if GPU in listed else next(iter(listed), None)


def tensors_in(tree: Any) -> Iterator[torch.Tensor]:
    """The tensors in arguments or results."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        yield from tensors_in(tuple(tree.values()))
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from tensors_in(item)
