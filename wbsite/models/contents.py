"""What a weights file holds, as text: where in it weights lie, every tensor, and the banding of kernels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wbsite.core.errors import plain

from . import formats

if TYPE_CHECKING:
    import torch


def lines(path: Path) -> Iterator[str]:
    """The file's format and places, then a line a tensor in the file's order, and what of it is not read.

    Of kernels with more than one row and column: H = R − C, the banding index of all of them together, without an
    interval, which takes a network (`analyses.banding`).

    Raises:
        WbsiteError: as `formats.read`.
    """
    from wbsite.ops.banding.index import banding_shares

    contents = formats.read(path)
    kernels = sum(tensor.ndim > 1 for tensor in contents.state.values())
    numbers = sum(tensor.numel() for tensor in contents.state.values())
    yield f"{path}: {contents.format}, {len(contents.state)} tensors, of these {kernels} kernels, {numbers} numbers"
    yield f"  kernels are of type {contents.types}{'; the first reads blue, green, red' if contents.bgr else ''}"
    if len(contents.tables) > 1:
        yield "  weights lie in several places; those of the first are listed, others follow a #"
        yield from (f"    {plain(place) or '.'}: {len(table)} tensors" for place, table in _ordered(contents))
    width = max(map(len, contents.state))
    for name, tensor in ((plain(name), tensor) for name, tensor in contents.state.items()):
        index = banding_shares(tensor).index if _planar(tensor) else math.nan
        shown = f"  H = {index:+.3f}" if math.isfinite(index) else ""
        yield f"  {name:<{width}}  {' × '.join(map(str, tensor.shape)) or 'a number'}{shown}"
    yield from (f"  {plain(name)} is left out: {reason}" for name, reason in contents.left_out.items())


def _planar(tensor: torch.Tensor) -> bool:
    return tensor.ndim == 4 and tensor.numel() > 0 and min(tensor.shape[2:]) > 1 and bool(tensor.isfinite().all())


def _ordered(contents: formats.Contents) -> list[tuple[str, Mapping[str, torch.Tensor]]]:
    """The places of a file, that of its `state` first."""
    return sorted(contents.tables.items(), key=lambda place: len(place[1]) != len(contents.state))
