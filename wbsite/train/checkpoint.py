"""Checkpoints of a run: everything needed to continue it exactly."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.files import write_atomically


def save(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Writes a checkpoint completely or not at all, even when the power fails.

    Args:
        identity: what tells this run from others; plain values.
        state: plain values, tensors, and dictionaries of them.

    Raises:
        WbsiteError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, **state}, buffer)
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
