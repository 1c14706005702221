"""Recorded calls in the form in which they are repeated: nothing changed in place, for any length of the batch."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from .tape import BATCH, Ref

_OPERATORS = {f"__i{name}__": getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow")}
_RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
_SIZED = {"view", "reshape", "expand"}


def functional(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The same call without changing an argument in place: function, arguments, arguments by name."""
    name = getattr(func, "__name__", "")
    if name.strip("_") == "detach":  # cuts training off, not what a unit responds to
        return _identity, args, kwargs
    if name == "__setitem__":
        return _with_item, args, kwargs
    if name in _RECURRENT:
        return partial(_recurrent, func), args, kwargs
    if name in _OPERATORS:
        return _OPERATORS[name], args, kwargs
    if name.endswith("_") and not name.endswith("__"):
        return getattr(torch.Tensor, name[:-1], getattr(F, name[:-1], func)), args, kwargs
    if inspect.isfunction(func) and "inplace" in (signature := inspect.signature(func)).parameters:
        bound = signature.bind(*args, **kwargs)
        return func, (), {**bound.arguments, "inplace": False}
    return func, args, kwargs


def _identity(x: torch.Tensor) -> torch.Tensor:
    return x


def _with_item(x: torch.Tensor, key: Any, value: Any) -> torch.Tensor:
    copy = x.clone()
    copy[key] = value
    return copy


def _recurrent(
    function: Any, x: torch.Tensor, start: Any, weights: Any, bias: bool, layers: int, dropout: float, *rest: bool
) -> Any:
    """A recurrent layer, its starting state (layers, 1, features) repeated for a batch: its kernels do not check it."""
    batch = x.shape[0 if rest[-1] else 1]
    states = [state.expand(-1, batch, -1).contiguous() for state in tensors_in((start,))]
    return function(x, states if len(states) > 1 else states[0], weights, bias, layers, dropout, *rest)


def tensors_in(tree: Any) -> Iterator[torch.Tensor]:
    """The tensors in arguments or results, also in tuples within tuples, as of attention and recurrent layers."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from tensors_in(item)
    elif isinstance(tree, dict):
        yield from tensors_in(tuple(tree.values()))


def all_tensors(function: Any, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
    """The tensors that a function returns, without what else it does and without nesting."""
    return tuple(tensors_in(function(*args, **kwargs)))


def any_batch(function: Any, args: tuple[Any, ...], shapes: Mapping[int, tuple[int, ...]]) -> tuple[Any, ...]:
    """Sizes of a `view` or `reshape` that begin with the recorded batch (1) take whatever batch comes.

    Args:
        shapes: of the values. Where that of the argument does not begin with the batch, its length says nothing.
    """
    if getattr(function, "__name__", "") not in _SIZED or len(args) < 2:
        return args
    if not isinstance(args[0], Ref) or shapes[args[0].value][:1] != (1,):
        return args
    sizes = tuple(args[1]) if isinstance(args[1], (tuple, list)) else args[1:]
    if not all(isinstance(size, int) for size in sizes) or sizes[:1] != (1,):
        return args
    return (args[0], (BATCH, *sizes[1:]))


def as_cast(function: Any, device: torch.device) -> Any:
    """The function in the precision that `torch.autocast` prescribes where it is recorded."""
    if not torch.amp.is_autocast_available(device.type) or not torch.is_autocast_enabled(device.type):
        return function
    return partial(_cast, function, device.type, torch.get_autocast_dtype(device.type))


def _cast(function: Any, device: str, dtype: torch.dtype, *args: Any, **kwargs: Any) -> Any:
    with torch.autocast(device, dtype):
        return function(*args, **kwargs)


def autograd_node(tensor: torch.Tensor) -> Any:
    """The node of autograd's graph that made a tensor; None if none did."""
    try:
        return tensor.grad_fn
    except RuntimeError:  # a view made in inference mode and then changed in place: it has left the graph
        return None
