"""How a network is run on pictures: its recorded calls on batches, on one picture at a time, or its own code.

The first is fastest and right for most networks. Which is right is found by comparing on a few pictures
(`graph/agreement.py`), for the values that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal

import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.agreement import Agreement
from wbsite.graph.recording import Recorded, forward_pass
from wbsite.graph.tape import Program, Tape, check_batch

from .frozen import frozen

Way = Literal["batches", "alone", "live"]
"""Replayed on batches; replayed on one picture at a time; the module's own forward pass, on one picture at a time."""

Place = Callable[[Tape], int]
"""Finds a value on any tape of the network."""

Run = Callable[[torch.Tensor], Mapping[int, torch.Tensor]]
"""(B, channels, height, width) → value → (B, …)."""

REMARKS: Mapping[Way, str] = {
    "batches": "",
    "alone": (
        "The network is shown one picture at a time, since its recorded forward pass is right for one picture only:"
        " several times as slow as on batches."
    ),
    "live": (
        "The recorded forward pass does not stand for other pictures, so the network's own code is run on each picture"
        " by itself: many times as slow as a replay on batches."
    ),
}
"""What a reader should know of a way, and what it costs."""


def way(agreement: Agreement, values: Collection[int]) -> Way:
    """The first way that is right for these values."""
    if agreement.batched.isdisjoint(values):
        return "batches"
    return "alone" if agreement.alone.isdisjoint(values) else "live"


def runner(recorded: Recorded, places: Mapping[int, Place], way: Way, device: torch.device, dtype: torch.dtype) -> Run:
    """The network as a function of a batch, made ready to be run thousands of times.

    Args:
        places: the values that it returns, by number on the tape, and how to find each on another tape.
        dtype: in which replays compute, and so that of their input; live, the module computes in its own.
    """
    if way == "live":
        return lambda x: _live(recorded, places, x)
    program = frozen(recorded.tape.program(places), device, dtype)
    return program if way == "batches" else lambda x: _alone(program, x)


def _alone(program: Program, x: torch.Tensor) -> dict[int, torch.Tensor]:
    rows = [program(picture) for picture in x.split(1)]
    return {value: torch.cat([row[value] for row in rows]) for value in program.values}


def _live(recorded: Recorded, places: Mapping[int, Place], x: torch.Tensor) -> dict[int, torch.Tensor]:
    rows = [own_values(recorded.module, places, picture) for picture in x.contiguous().split(1)]
    return {value: _stacked([row.get(value) for row in rows], recorded.tape.shapes[value], x) for value in places}


def own_values(module: nn.Module, places: Mapping[int, Place], x: torch.Tensor) -> dict[int, torch.Tensor]:
    """The values of a batch (B, …) in the module's own forward pass, in one run of it.

    A value that the pass does not come to, because it takes another way for these pictures, is left out.

    Raises:
        WbsiteError: the pass fails before it comes to a value, or makes one that has not a row for each picture.
    """
    gradients = torch.is_grad_enabled() and x.requires_grad
    own = forward_pass(module, x, keep=True, gradients=gradients)
    values = {}
    for value, place in places.items():
        try:
            values[value] = own.tensors[place(own.tape)]
        except (WbsiteError, KeyError) as missing:
            if own.error is not None:
                raise WbsiteError(
                    f"{type(module).__name__} fails on {len(x)} picture(s) of {x.shape[2]} × {x.shape[3]} pixels: "
                    f"{type(own.error).__name__}: {own.error}"
                ) from missing
    check_batch(values, len(x))
    return values


def _stacked(
    rows: Sequence[torch.Tensor | None], recorded: tuple[int, ...], x: torch.Tensor
) -> torch.Tensor:
    """Rows of a batch; NaN for a picture whose forward pass does not come to the value."""
    shape = next((row.shape for row in rows if row is not None), torch.Size(recorded))
    return torch.cat([x.new_full(shape, torch.nan) if row is None else row for row in rows])
