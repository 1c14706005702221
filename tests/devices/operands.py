"""Looks at the operands of everything torch computes, refuses what CUDA refuses, and marks what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .places import CPU, GPU, common, place, put, tensors_in

_aten = torch.ops.aten

_COPIES = frozenset({_aten.copy_, _aten.copy, _aten._foreach_copy_})
"""Between devices."""

_INDEXED = frozenset({_aten.index, _aten.index_put, _aten.index_put_, _aten._index_put_impl_, _aten._unsafe_index})
"""Take indices on the CPU wherever the tensor lies."""

_TAKE_NUMBERS = _INDEXED | {_aten.fill, _aten.fill_, _aten.masked_fill, _aten.masked_fill_, _aten.where}
"""Take a tensor of no axes on the CPU for a number, as does all that works element by element."""


class Operands(TorchDispatchMode):
    """Refuses operations on tensors of two devices, and says where results lie.

    It sees operations below autograd, and so also those of the way back.

    Attributes:
        asked: the device that is named by the call that the operations are part of.
        around: where that call's tensors lie.
        refused: what was refused, in case that the error is taken for another, or for a reason to do something else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: torch.device | None = None
        self.around: torch.device | None = None
        self.refused: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if _is_composed(func):
            with self:
                return func.decompose(*args, **kwargs)
        meeting = self._meeting(func, args, kwargs)
        results = func(*args, **kwargs)
        if (self.asked or meeting or self.around) == GPU:
            values = func._schema.returns
            for value, result in zip(values, results if len(values) > 1 else (results,), strict=False):
                if value.alias_info is None:  # of an argument changed in place and of a view the storage knows
                    for tensor in tensors_in(result):
                        put(tensor, GPU)
        return results

    @contextmanager
    def within(self, asked: torch.device | None, around: torch.device | None) -> Iterator[None]:
        """Operations of one call."""
        before = self.asked, self.around
        self.asked, self.around = asked, around
        try:
            yield
        finally:
            self.asked, self.around = before

    def refuse(self, message: str, error: type[Exception] = RuntimeError) -> Exception:
        """An error to be raised, noted."""
        self.refused.append(message)
        return error(message)

    def _meeting(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.device | None:
        """Where the tensors of an operation lie, and so what it makes of them; None if it has none."""
        arguments = func._schema.arguments
        pairs = [*zip(arguments, args, strict=False), *((a, kwargs[a.name]) for a in arguments if a.name in kwargs)]
        operands = [(argument, tensor, place(tensor)) for argument, value in pairs for tensor in tensors_in(value)]
        places = [where for *_, where in operands]
        if GPU not in places or CPU not in places:
            return common(places)
        if func.overloadpacket in _COPIES:
            return places[0]
        for argument, tensor, where in operands:
            if where == CPU and not _may_stay(func, argument, tensor):
                text = ", ".join(f"{a.name} {tuple(t.shape)} on {device}" for a, t, device in operands)
                raise self.refuse(
                    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
                    f"({func}: {text})"
                )
        return GPU


@cache
def _is_composed(func: Any) -> bool:
    """Whether an operation consists of others; inference mode does not take it apart by itself."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")


def _may_stay(func: Any, argument: Any, tensor: torch.Tensor) -> bool:
    """Whether CUDA takes this argument from the CPU."""
    if func.overloadpacket in _INDEXED and argument.name == "indices":
        return True
    written = argument.alias_info is not None and argument.alias_info.is_write
    takes_numbers = func.overloadpacket in _TAKE_NUMBERS or torch.Tag.pointwise in func.tags
    return tensor.ndim == 0 and takes_numbers and not written
