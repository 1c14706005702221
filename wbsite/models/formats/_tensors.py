"""Number types of tensors by name, as torch and safetensors files hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .base import number_types


def kernel_types(entries: Mapping[Any, Any]) -> str:
    """`Contents.types` of the tensors with more than one axis."""
    return number_types(
        str(value.dtype) for value in entries.values() if isinstance(value, torch.Tensor) and value.ndim > 1
    )
