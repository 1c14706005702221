"""Checkpoints of a run: everything needed to continue it exactly."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.files import write_atomically

DIGEST = "sha256"
"""Name of the digest in the file, of all the rest: torch reads changed bytes of a tensor as they are."""


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Writes a checkpoint completely or not at all, even when the power fails.

    Args:
        identity: what tells this run from others; plain values.
        state: plain values, tensors, and dictionaries of them.

    Raises:
        WbsiteError: it cannot be written.
    """
    buffer = io.BytesIO()
    whole = {"identity": identity, **state}
    torch.save({**whole, DIGEST: _digest(whole)}, buffer)
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise WbsiteError(
            f"checkpoint {path} cannot be written ({error.strerror or error}).",
            "Make room, or give another folder with --out; the last checkpoint is kept.",
        ) from error


def load(path: Path, identity: dict[str, Any]) -> dict[str, Any]:
    """Reads the checkpoint of the run with this identity, tensors on the CPU.

    Raises:
        WbsiteError: it is damaged, or belongs to another run.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        if saved.pop(DIGEST, None) != _digest(saved):
            raise ValueError("it does not have the digest that it was written with")
        other = saved["identity"]
    except Exception as error:  # torch raises many kinds for a damaged file; all mean the same
        raise WbsiteError(f"checkpoint {path} cannot be read ({error}).", "Delete it to start over.") from error
    if other != identity:
        names = sorted(name for name in {*other, *identity} if other.get(name) != identity.get(name))
        differences = "; ".join(f"{name}: {other.get(name)!r}, expected {identity.get(name)!r}" for name in names)
        raise WbsiteError(
            f"checkpoint {path} belongs to another run ({differences}).", "Choose another --out, or delete it."
        )
    return saved


def _digest(state: dict[str, Any]) -> str:
    """SHA-256 over names, values, and types, shapes and bytes of tensors."""
    total = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            total.update(f"{value.dtype} {tuple(value.shape)}\n".encode())
            total.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        elif isinstance(value, dict):
            for key in sorted(value, key=repr):
                total.update(f"{key!r}: ".encode())
                add(value[key])
        elif isinstance(value, list | tuple):
            total.update(f"{len(value)}\n".encode())
            for item in value:
                add(item)
        else:
            total.update(f"{value!r}\n".encode())

    add(state)
    return total.hexdigest()
