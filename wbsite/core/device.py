"""Chooses the device that computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import WbsiteError

if TYPE_CHECKING:
    import torch


def choose(name: str = "auto") -> torch.device:
    """`auto` is the GPU where there is one; otherwise `cpu` or `cuda` as asked.

    Raises:
        WbsiteError: the device is unknown, or CUDA is asked for and not there.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise WbsiteError(f"unknown device {name!r}.", "Use auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise WbsiteError("device 'cuda' was asked for, but torch finds no GPU here.", "Use --device auto or cpu.")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The device's name for a record of provenance: the GPU's, or "cpu"."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
