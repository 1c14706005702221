"""Recorded calls in the form in which they are repeated: nothing changed in place, for any length of the batch."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.graph.operations import JOINS
from wbsite.graph.tape import Batch, Ref

_OPERATORS = {f"__i{name}__": getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow")}
_TORCH_NORM = ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps", "cudnn_enabled")
_RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
_SIZED = {"view", "reshape", "expand", "new_zeros", "new_ones", "new_full", "new_empty"}


def functional(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The same call without changing an argument in place: function, arguments, arguments by name."""
    name = getattr(func, "__name__", "")
    if name.strip("_") == "detach":  # cuts training off, not what a unit responds to
        return _identity, args, kwargs
    if name == "__setitem__":
        return _with_item, args, kwargs
    if name == "conv2d" and len(args) > 1 and isinstance(args[1], Ref):
        return partial(_one_kernel_each, func), args, kwargs
    if name in JOINS:
        return partial(_joined, func, 1 if name == "hstack" else 0), args, kwargs
    if func in (F.batch_norm, torch.batch_norm):
        norm = _batch_norm_arguments(func, args, kwargs)
        if norm["training"] or func is torch.batch_norm:
            return _own_statistics if norm["training"] else F.batch_norm, (norm.pop("input"),), norm
    if name == "view" and not isinstance((*args[1:], *kwargs.values())[0], torch.dtype):
        return torch.Tensor.reshape, args, kwargs  # whatever the layout of numbers in memory
    if name in _RECURRENT:
        return partial(_recurrent, func), args, kwargs
    if name in _OPERATORS:
        return _OPERATORS[name], args, kwargs
    if name.endswith("_") and not name.endswith("__"):
        return getattr(torch.Tensor, name[:-1], getattr(F, name[:-1], func)), args, kwargs
    if inspect.isfunction(func) and "inplace" in (signature := _signature(func)).parameters:
        bound = signature.bind(*args, **kwargs)
        return func, (), {**bound.arguments, "inplace": False}
    return func, args, kwargs


@cache
def _signature(function: Any) -> inspect.Signature:
    """Of a Python function itself: some of torch's wrap one that has none."""
    return inspect.signature(function, follow_wrapped=False)


def _identity(x: torch.Tensor) -> torch.Tensor:
    return x


def _with_item(x: torch.Tensor, key: Any, value: Any) -> torch.Tensor:
    """A constant made for one picture, part of which is written over for each picture, is one for each."""
    pictures = len(value) if isinstance(value, torch.Tensor) and value.ndim == x.ndim else 1
    copy = x.expand(pictures, *x.shape[1:]).clone() if len(x) == 1 and _whole_batch(key) else x.clone()
    copy[key] = value
    return copy


def _one_kernel_each(function: Any, x: torch.Tensor, weight: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """A convolution with kernels made of every picture, which lie side by side as groups."""
    names = ("bias", "stride", "padding", "dilation", "groups")
    call = {**dict(zip(names, args, strict=False)), **kwargs}
    return function(x, weight, **{**call, "groups": x.shape[1] // weight.shape[1]})


def _whole_batch(key: Any) -> bool:
    first = key[0] if isinstance(key, tuple) and key else key
    return first is Ellipsis or first == slice(None)


def _joined(function: Any, usual: int, tensors: Any, *args: Any, **kwargs: Any) -> Any:
    """A concatenation with a constant made for one picture, as of a padded shortcut: each picture has it."""
    dim = kwargs.get("dim", kwargs.get("axis", args[0] if args else usual))
    pictures = max((len(tensor) for tensor in tensors if tensor.ndim), default=1)
    if dim not in (0, -max(tensor.ndim for tensor in tensors)) and pictures > 1:
        alone = [tensor.ndim > 1 and len(tensor) == 1 for tensor in tensors]
        pairs = zip(tensors, alone, strict=True)
        tensors = [tensor.expand(pictures, *tensor.shape[1:]) if one else tensor for tensor, one in pairs]
    return function(tensors, *args, **kwargs)


def _own_statistics(input: torch.Tensor, **norm: Any) -> torch.Tensor:
    """A batch norm with the statistics of what it is given, picture by picture: what a batch of one computes.

    The module's running statistics are left alone.
    """
    return F.instance_norm(input, weight=norm["weight"], bias=norm["bias"], eps=norm["eps"])


def _batch_norm_arguments(func: Any, args: tuple[Any, ...], kwargs: Any) -> dict[str, Any]:
    """Arguments of a batch norm under the names of `F.batch_norm`, defaults included."""
    signature = _signature(F.batch_norm)
    names = _TORCH_NORM if func is torch.batch_norm else tuple(signature.parameters)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    bound = signature.bind(**{name: given[name] for name in given if name != "cudnn_enabled"})
    bound.apply_defaults()
    return bound.arguments


def changed_in_place(func: Any, args: tuple[Any, ...], kwargs: Any) -> Iterator[torch.Tensor]:
    """The tensors that a call changes, as far as its name and arguments tell."""
    name, first = getattr(func, "__name__", ""), next(iter((*args, *kwargs.values())), None)
    inplace = name in _OPERATORS or name == "__setitem__" or (name.endswith("_") and not name.endswith("__"))
    if not inplace and inspect.isfunction(func) and "inplace" in (signature := _signature(func)).parameters:
        inplace = signature.bind(*args, **kwargs).arguments.get("inplace", False)
    if inplace and isinstance(first, torch.Tensor):
        yield first
    yield from tensors_in(kwargs.get("out"))


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
    """Sizes of a `view` or `reshape` hold the recorded batch (1) in their first: it takes whatever batch comes.

    Args:
        shapes: of the recorded values.
    """
    if getattr(function, "__name__", "") not in _SIZED or len(args) < 2:
        return args
    listed = isinstance(args[1], (tuple, list))
    sizes, rest = (tuple(args[1]), args[2:]) if listed else (args[1:], ())
    read = shapes[args[0].value][:1] if isinstance(args[0], Ref) else ()
    if not sizes or not all(isinstance(size, int) for size in sizes) or 0 in read or not read or sizes[0] < 1:
        return args
    if getattr(function, "__name__", "") == "expand" and sizes[:1] != read:
        return args
    return (args[0], (Batch(sizes[0], read[0]), *sizes[1:]), *rest)


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
