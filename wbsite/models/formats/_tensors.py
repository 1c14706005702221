"""Tensors by name, as torch and safetensors files hold them, made into what `Contents` holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from wbsite.core.errors import WbsiteError

from .base import number_types


def named_tensors(entries: Mapping[Any, Any], path: Path) -> dict[str, torch.Tensor]:
    """The floating-point tensors as float32, without the prefix DataParallel puts on every name.

    Args:
        entries: what the file holds by name; other things than tensors are left out.
        path: for the message.

    Raises:
        WbsiteError: there are none, or they have shapes and no values.
    """
    state = {
        key: value.to_dense() if value.layout != torch.strided else value
        for key, value in entries.items()
        if isinstance(key, str) and isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    empty = [key for key, value in state.items() if value.is_meta]
    if empty:
        raise WbsiteError(
            f"{_first(empty)} in {path} has no values (meta tensors).", "Save a network that has weights."
        )
    if not state:
        kinds = sorted({str(getattr(value, "dtype", type(value).__name__)) for value in entries.values()})
        raise WbsiteError(
            f"{path} holds no floating-point tensors by name; it holds {', '.join(kinds) or 'nothing'}"
            f" under {_first([str(key) for key in entries]) or 'no name'}.",
            "Save only the parameters, with torch.save(model.state_dict(), …).",
        )
    state = {key.replace("_orig_mod.", ""): value for key, value in state.items()}
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return {key: value.detach().to(torch.float32).contiguous() for key, value in state.items()}


def kernel_types(entries: Mapping[Any, Any]) -> str:
    """`Contents.types` of the tensors with more than one axis."""
    return number_types(
        str(value.dtype) for value in entries.values() if isinstance(value, torch.Tensor) and value.ndim > 1
    )


def _first(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
