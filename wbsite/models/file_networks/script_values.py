"""What TorchScript's code does with numbers, text, lists and sizes, which are Python's own values here.

Whole numbers have 64 bits there, and lists are as long as what is put into them; more is refused, so that no file makes
values far larger than itself.
"""

from __future__ import annotations

import math
import operator as python
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .aten_operators import Unsupported

_LONGEST = 1 << 20
"""Items of a list, characters of a text."""

_Function = Callable[..., Any]


def _divided(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return x / y
    return math.floor(x / y) if rounding_mode == "floor" else math.trunc(x / y)


def _power(x: Any, y: Any) -> Any:
    return float(x) ** float(y) if abs(y) > 64 else x**y


def _added(x: Any, y: Any, alpha: Any = 1) -> Any:
    if isinstance(x, (list, str)):
        return x + y
    return x + y * alpha


def _product(x: Any, y: Any) -> Any:
    if isinstance(x, (list, str)) or isinstance(y, (list, str)):
        raise Unsupported("for a list")
    return x * y


def _remainder(x: Any, y: Any) -> Any:
    if isinstance(x, str):
        raise Unsupported("for a text")
    return x % y


NUMBERS: dict[str, _Function] = {
    "add": _added,
    "add_": _added,
    "sub": lambda x, y, alpha=1: x - y * alpha,
    "mul": _product,
    "div": _divided,
    "floordiv": python.floordiv,
    "floor_divide": python.floordiv,
    "remainder": _remainder,
    "pow": _power,
    "__and__": python.and_,
    "__or__": python.or_,
    "__xor__": python.xor,
    "__not__": python.not_,
    "__round_to_zero_floordiv": lambda x, y: math.trunc(x / y),
    "__derive_index": lambda i, start, step: start + i * step,
    "__range_length": lambda low, high, step: len(range(low, high, step)),
    **{name: getattr(python, name) for name in ("neg", "eq", "ne", "lt", "le", "gt", "ge")},
    **{name: getattr(math, name) for name in ("fmod", "floor", "ceil", "sqrt", "exp", "log")},
    "round": round,
    "abs": abs,
    "max": max,
    "min": min,
    "sum": sum,
}
"""Functions of `torch` where no argument is a tensor."""


def _sizes(x: torch.Tensor, axis: int | None = None) -> Any:
    return list(x.shape) if axis is None else x.shape[axis]


def _item_set(values: Any, place: Any, value: Any) -> Any:
    values[place] = value
    return values


def _in_words(text: str, *values: Any) -> str:
    """As `text.format(…)`, for a message."""
    for value in values:
        shown = str(list(value.shape)) if isinstance(value, torch.Tensor) else str(value)[:100]
        text = text.replace("{}", shown, 1)[:1000]
    return text


def _appended(values: list[Any], value: Any) -> list[Any]:
    values.append(value)
    return values


def _extended(values: list[Any], others: Sequence[Any]) -> None:
    if len(values) + len(others) > _LONGEST:
        raise Unsupported("for so many items")
    values.extend(others)


def _sliced(values: Any, start: Any = None, end: Any = None, step: Any = 1) -> Any:
    return values[start:end:step]


LISTS: dict[str, _Function] = {
    # Lists, dictionaries, text
    "len": len,
    "list": list,
    "dict": dict,
    "append": _appended,
    "extend": _extended,
    "insert": lambda values, place, value: values.insert(place, value),
    "pop": lambda values, *place: values.pop(*place),
    "reverse": lambda values: values.reverse(),
    "keys": lambda values: list(values.keys()),
    "values": lambda values: list(values.values()),
    "items": lambda values: list(values.items()),
    "get": lambda values, *key: values.get(*key),
    "__contains__": lambda values, value: value in values,
    "__getitem__": lambda values, place: values[place],
    "_set_item": _item_set,
    "__is__": python.is_,
    "__isnot__": python.is_not,
    "format": _in_words,
    "warn": lambda *_, **__: None,
    # What tensors are
    "dim": lambda x: x.dim(),
    "ndim": lambda x: x.dim(),
    "size": _sizes,
    "sym_size": _sizes,
    "shape": lambda x: list(x.shape),
    "numel": lambda x: x.numel(),
    "is_floating_point": lambda x: x.is_floating_point(),
    "is_complex": lambda x: x.is_complex(),
    "is_cuda": lambda x: x.is_cuda,
    "is_cpu": lambda x: not x.is_cuda,
    "device": lambda x: x.device,
    "type": lambda device: device.type,
    "dtype": lambda x: x.dtype,
    "data": lambda x: x.detach(),
    "layout": lambda x: None,
    **dict.fromkeys(("is_nested", "is_sparse", "is_quantized", "is_meta", "requires_grad"), lambda x: False),
    # Numbers of tensors, and tensors of numbers
    **dict.fromkeys(("Int", "IntImplicit"), int),
    **dict.fromkeys(("Float", "FloatImplicit"), float),
    "Bool": bool,
    **dict.fromkeys(("item", "ScalarImplicit"), lambda x: x.item()),
    "NumToTensor": lambda number: torch.tensor(number),
    # Types and modes
    **dict.fromkeys(("_unwrap_optional", "unchecked_unwrap_optional"), lambda value: value),
    "is_scripting": lambda: True,
    "is_grad_enabled": torch.is_grad_enabled,
    **dict.fromkeys(("is_autocast_enabled", "is_autocast_cpu_enabled"), lambda *_: False),
}
"""Functions of `torch` and of `ops.prim` that take whatever they are given, by their last name."""

NAMED: dict[str, _Function] = {"int": int, "float": float, "bool": bool, "range": range, "len": len, "str": str}
"""Functions that the code names alone."""


def on_values(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[bool, Any]:
    """Whether a function is one on such values, and what it gives.

    Raises:
        Unsupported: its result is larger than TorchScript's values can be, or than any file has a use for.
        TypeError, ValueError, ArithmeticError, LookupError: it fails.
    """
    lists = bool(args) and isinstance(args[0], (list, tuple, str, dict))
    tensors = any(isinstance(value, torch.Tensor) for value in (*args, *kwargs.values()))
    if name in LISTS:
        function = LISTS[name]
    elif name == "slice" and lists:
        function = _sliced
    elif name == "copy" and lists:
        function = list
    elif name in NUMBERS and not tensors:
        function = NUMBERS[name]
    else:
        return False, None
    return True, checked(function(*args, **kwargs))


def checked(value: Any) -> Any:
    """A value that TorchScript can have too; raises Unsupported as `on_values`."""
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise Unsupported("on numbers of more than 64 bits")
    if isinstance(value, (str, list)) and len(value) > _LONGEST:
        raise Unsupported("for so many items")
    return value
