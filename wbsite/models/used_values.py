"""Values of a network that are NaN or infinite: an alarm where its forward pass reads them, else a remark."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from wbsite.core.errors import WbsiteError
from wbsite.core.isolation import forward_passes
from wbsite.graph.picture import picture_for
from wbsite.graph.recorder.functional import tensors_in

from .loading import first_few


def check_used(net: nn.Module, input_shape: tuple[int, int, int], target: str) -> str:
    """A sentence on values that are not finite and do not matter, or "".

    Infinite buffers are meant, as in the masks of attention and in the ranges of observers; only a batch norm's own
    statistics are not. What the forward pass never reads cannot harm.

    Args:
        input_shape: (channels, height, width).

    Raises:
        WbsiteError: a parameter that the forward pass reads has values that are NaN or infinite, or a buffer NaN.
    """
    suspects = {name: value for name, value in _alarming(net).items() if not torch.isfinite(value).all()}
    if not suspects:
        return ""
    used = _read(net, input_shape)
    for name, value in suspects.items():
        if name in used:
            bad = int((~torch.isfinite(value)).sum())
            raise WbsiteError(
                f"{name} of {target} has {bad} of {value.numel()} values that are NaN or infinite.",
                "The training diverged, the factory leaves the parameter uninitialised, or its file is damaged: take an"
                " earlier checkpoint, or give the parameter values.",
            )
    return f"NaN or infinite, but never read by the forward pass: {first_few(suspects)}."


def _alarming(net: nn.Module) -> dict[str, torch.Tensor]:
    """Tensors with infinities set aside where those are meant."""
    tensors = dict(net.named_parameters())
    for path, part in net.named_modules():
        own = isinstance(part, nn.modules.batchnorm._BatchNorm)
        for name, buffer in part.named_buffers(recurse=False):
            if buffer.is_floating_point():
                tensors[f"{path}.{name}".strip(".")] = (
                    buffer if own else buffer.nan_to_num(posinf=0.0, neginf=0.0, nan=torch.nan)
                )
    return {name: tensor.detach() for name, tensor in tensors.items() if tensor.is_floating_point()}


class _Readers(TorchFunctionMode):
    """Notes which tensors are arguments of calls."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[int] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.read.update(id(tensor) for tensor in tensors_in((args, kwargs or {})))
        return func(*args, **(kwargs or {}))


def _read(net: nn.Module, input_shape: tuple[int, int, int]) -> set[str]:
    """Names of the parameters and buffers that one forward pass reads."""
    readers = _Readers()
    with forward_passes(net), torch.no_grad():
        tensors = dict(chain(net.named_parameters(remove_duplicate=False), net.named_buffers(remove_duplicate=False)))
        with readers:
            net(picture_for(net, input_shape))
    return {name for name, tensor in tensors.items() if id(tensor) in readers.read}
