"""Calls as text, the same in every process: what a digest of a network's computation is taken over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.parameter import is_lazy

Known = Callable[[torch.Tensor], str | None]
"""Tensor → where it comes from, or None for a constant."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), torch.dtype, torch.layout)


def described(tree: Any, known: Known) -> str:
    """Arguments of a call. Constants are told by their bytes, all that is computed from parameters by how."""
    if isinstance(tree, torch.Tensor):
        return known(tree) or constant(tree)
    if isinstance(tree, (tuple, list)):
        return f"[{','.join(described(item, known) for item in tree)}]"
    if isinstance(tree, Mapping):
        return f"{{{','.join(f'{key}:{described(item, known)}' for key, item in tree.items())}}}"
    if isinstance(tree, slice):
        return f"slice{described((tree.start, tree.stop, tree.step), known)}"
    if isinstance(tree, (*_PLAIN, torch.memory_format)):
        return repr(tree)
    return getattr(tree, "__qualname__", type(tree).__qualname__)  # anything else may be told by its address


def constant(tensor: torch.Tensor) -> str:
    """Shape, type and SHA-256 of a constant's numbers."""
    with torch._C.DisableTorchFunction():
        if is_lazy(tensor):
            return "without a shape"
        head = f"{tuple(tensor.shape)}{tensor.dtype}"
        if tensor.is_meta or tensor.is_sparse or tensor.is_quantized:
            return head
        whole = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg()
        flat = whole.as_strided((whole.numel(),), (1,))  # one number may be stored with any stride
        return f"{head}{hashlib.sha256(flat.view(torch.uint8).numpy().data).hexdigest()}"
