"""Calls of exported programs, as `torch.ops.aten.conv2d.default`, in the form of the function that people call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._ops import OpOverload
from torch.nn import functional as F


def written_out(func: Any) -> Callable[..., Any] | None:
    """The function of torch that takes the same arguments and returns the same, else the operation without what tells
    its variants apart; None if `func` is no operation of an exported program."""
    if not isinstance(func, OpOverload):
        return None
    name = func.overloadpacket.__name__
    if func.namespace != "aten":
        return func.overloadpacket
    if name in TRANSLATED:
        return TRANSLATED[name]
    owner = next((owner for owner in (torch, F, torch.Tensor) if hasattr(owner, name)), None)
    return getattr(owner, name, func.overloadpacket)


def _batch_norm(
    x: torch.Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float,
    *_: bool,
) -> torch.Tensor:  # fmt: skip
    return F.batch_norm(x, mean, variance, weight, bias, training, momentum, eps)


def _batch_norm_in_evaluation(
    x: torch.Tensor, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """With empty statistics of the batch, as aten returns them."""
    return (
        F.batch_norm(x, mean, variance, weight, bias, False, momentum, eps),
        torch.empty(0, device=x.device),
        torch.empty(0, device=x.device),
    )


def _convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int,
) -> torch.Tensor:  # fmt: skip
    axes = weight.ndim - 2
    if transposed:
        transpose = getattr(F, f"conv_transpose{axes}d")
        return transpose(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return getattr(F, f"conv{axes}d")(x, weight, bias, stride, padding, dilation, groups)


def _max_pool(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Maxima and where they are, by two calls: what reads the first has nothing to do with the second."""
    return F.max_pool2d(*arguments), F.max_pool2d(*arguments, return_indices=True)[1]


def _slice(x: torch.Tensor, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> torch.Tensor:
    return x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]


def _select(x: torch.Tensor, axis: int, index: int) -> torch.Tensor:
    return x[(slice(None),) * (axis % x.ndim) + (index,)]


def _pad(x: torch.Tensor, padding: Any, value: float = 0.0) -> torch.Tensor:
    return F.pad(x, padding, value=value)


TRANSLATED: dict[str, Callable[..., Any]] = {
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm_in_evaluation,
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "slice": _slice,
    "select": _select,
    "constant_pad_nd": _pad,
}
"""Operations that have other arguments, or another result, than the function that stands for them."""
