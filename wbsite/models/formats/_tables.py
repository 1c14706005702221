"""Where in a checkpoint tensors lie by name, and what numbers they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from ._pickles import StandIn
from .base import DAMAGED, number_types

DEPTH, MOST = 6, 1 << 18
"""Dictionaries within dictionaries that are looked through, and how many parts of a file are."""

_REPEATED, _SMALL = 64, 2**24
"""How many times a number that is stored may stand in a tensor, and bytes up to which that is not asked."""

_SCALES = ("{}_scale_inv", "{}_scale", "{}.scale", "{base}.weight_scale", "{base}.scale", "{base}.SCB")
"""Names of the scale of a tensor, {} its own name and {base} that of its module."""

_FOUR_BITS = ("absmax", "quant_map", "qweight", "qzeros", "quant_state")

_EIGHT_BITS = frozenset(
    {torch.int8, torch.uint8, *(getattr(torch, name) for name in dir(torch) if name.startswith("float8_"))}
)


class Steps:
    """Counts how many parts of a file were looked through: parts that hold each other have no end, and few that hold
    each other several times have as good as none."""

    def __init__(self, path: Path) -> None:
        self.path, self.left = path, MOST

    def take(self) -> None:
        """One more.

        Raises:
            WbsiteError: these were too many.
        """
        self.left -= 1
        if self.left < 0:
            raise WbsiteError(
                f"{self.path} is damaged: a part of it holds itself, or it has more than {MOST:,} parts.", DAMAGED
            )


def tables_in(
    tree: Any, steps: Steps, path: str = "", depth: int = DEPTH
) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """Every place that holds tensors by name, with the keys that lead to it: ("model.ema", name → tensor).

    A whole module that was saved is the state dict it would have.

    Raises:
        WbsiteError: as `Steps`.
    """
    steps.take()
    if isinstance(tree, StandIn):
        if state := dict(_module_state(tree, "", steps)):
            yield path, state
            return
        tree = {**tree.attributes, **tree.items}
    if not isinstance(tree, Mapping) or depth == 0:
        return
    tensors = {
        name: tensor for name, value in tree.items() if isinstance(name, str) and (tensor := _tensor(value)) is not None
    }
    if tensors:
        yield path, tensors
    for name, value in tree.items():
        if isinstance(value, (Mapping, StandIn)):
            yield from tables_in(value, steps, f"{path}.{name}".lstrip("."), depth - 1)


def _tensor(value: Any) -> torch.Tensor | None:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.ndim:
        return torch.from_numpy(np.ascontiguousarray(value))
    return value.detach() if isinstance(value, torch.Tensor) else None


def _module_state(module: StandIn, prefix: str, steps: Steps) -> Iterator[tuple[str, torch.Tensor]]:
    """Of a module as it is pickled: its parameters and buffers, then those of the modules in it."""
    steps.take()
    attributes = module.attributes
    for kind in ("_parameters", "_buffers"):
        named = attributes.get(kind)
        for name, value in named.items() if isinstance(named, Mapping) else ():
            if (tensor := _tensor(value)) is not None:
                yield f"{prefix}{name}", tensor
    parts = attributes.get("_modules")
    for name, part in parts.items() if isinstance(parts, Mapping) else ():
        if isinstance(part, StandIn):
            yield from _module_state(part, f"{prefix}{name}.", steps)


def numbers(table: Mapping[str, torch.Tensor], place: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors that are numbers, as float32, dequantised; and names of others that were left out.

    Args:
        place: the file, and where in it, for messages.

    Raises:
        WbsiteError: weights of four bits, weights without values, or a scale that does not fit.
    """
    if packed := next((name for name in table if any(part in name.split(".") for part in _FOUR_BITS)), None):
        raise WbsiteError(
            f"{place} holds weights of four bits ({packed}), which are packed in ways of their own.",
            "Save the network's weights after dequantising them, in half or single precision.",
        )
    made: dict[str, torch.Tensor] = {}
    left_out, used = [], set[str]()
    for name, value in table.items():
        _check_size(value, f"{name} in {place}")
        if not _computes(value):
            left_out.append(name)
            continue
        memory.take(4 * value.numel(), name)
        if value.is_meta:
            raise WbsiteError(
                f"{name} in {place} has no values (meta tensors).", "Load the network's weights before saving it."
            )
        if value.is_quantized:
            made[name] = value.dequantize()
        elif value.dtype in _EIGHT_BITS and value.ndim > 1:
            scale = next(
                (key for pattern in _SCALES if (key := _scale_name(pattern, name)) in table and key != name), None
            )
            if scale is None and not value.is_floating_point():
                left_out.append(name)
                continue
            if scale is not None:
                used.add(scale)
            made[name] = value.float() if scale is None else _scaled(value, table[scale], f"{name} in {place}", scale)
        elif value.is_floating_point():
            dense = value if value.layout == torch.strided else value.to_dense()
            made[name] = dense.float().contiguous()
        else:
            left_out.append(name)
    return {name: value for name, value in made.items() if name not in used}, left_out


@cache
def _has_arithmetic(dtype: torch.dtype) -> bool:
    """Whether torch computes with numbers of a type; of bits and of packed numbers it only knows the size."""
    try:
        torch.empty(1, dtype=dtype).float()
    except (RuntimeError, TypeError):  # NotImplementedError is one of the former
        return False
    return True


def _computes(value: torch.Tensor) -> bool:
    return value.is_quantized or _has_arithmetic(value.dtype)


def kernel_types(table: Mapping[str, torch.Tensor]) -> str:
    """`Contents.types` of the tensors with more than one axis."""
    return number_types(str(tensor.dtype) for tensor in table.values() if tensor.ndim > 1)


def _check_size(value: torch.Tensor, place: str) -> None:
    """Refuses a tensor of far more numbers than are stored, which repeats them or says that the others are zero."""
    if value.is_meta:
        return
    stored = value.untyped_storage().nbytes() if value.layout == torch.strided else 64 * value._nnz()
    if value.numel() * value.element_size() > _REPEATED * stored + _SMALL:
        raise WbsiteError(
            f"{place} says that it has {value.numel()} numbers of {stored} bytes that are stored.",
            "Save it after calling contiguous() or to_dense() on it, if it is meant to be that large.",
        )


def _scale_name(pattern: str, name: str) -> str:
    return pattern.format(name, base=name.rpartition(".")[0])


def _scaled(value: torch.Tensor, scale: torch.Tensor, place: str, name: str) -> torch.Tensor:
    """A tensor (O, …) of eight bits times its scale: one number, one a row, or one a block of rows and columns."""
    numbers, scale = value.float(), scale.float()
    if name.endswith(".SCB"):  # bitsandbytes keeps the largest size in each row
        scale = scale / 127
    if scale.numel() == 1:
        return numbers * scale.reshape(())
    if scale.numel() == len(value):
        return numbers * scale.reshape(-1, *(1,) * (value.ndim - 1))
    if scale.ndim == value.ndim == 2 and scale.numel():
        blocks = [-(-length // count) for length, count in zip(value.shape, scale.shape, strict=True)]
        wide = scale.repeat_interleave(blocks[0], 0).repeat_interleave(blocks[1], 1)
        if all(wide.shape[axis] >= value.shape[axis] for axis in (0, 1)):
            return numbers * wide[: value.shape[0], : value.shape[1]]
    raise WbsiteError(
        f"the scale {name} of {place} has the shape {tuple(scale.shape)}, for weights of {tuple(value.shape)}.",
        "Save the weights after dequantising them.",
    )
