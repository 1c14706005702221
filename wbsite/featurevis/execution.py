"""How a network is run on pictures: its recorded calls on batches, on one picture at a time, or its own code.

The first is fastest and right for most networks. Which is right is found by comparing on a few pictures
(`graph/agreement.py`), for the values that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Literal
from weakref import WeakKeyDictionary

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.agreement import Agreement
from wbsite.graph.recording import ForwardPass, Recorded, forward_pass, module_outputs
from wbsite.graph.tape import Program, Tape, check_batch

from .fast.frozen import Made, frozen

Way = Literal["batches", "alone", "live", "anew"]
"""Replayed on batches; replayed on one picture at a time; the module's own forward pass, on one picture at a time;
recorded anew for each picture, and that replayed."""

Place = Callable[[Tape], int]
"""Finds a value on any tape of the network."""

Run = Callable[[torch.Tensor], Mapping[int, torch.Tensor]]
"""(B, channels, height, width) → value → (B, …)."""

_OWN_CODE = (
    "The recorded forward pass does not stand for other pictures, so the network's own code is run on each picture by"
    " itself: many times as slow as a replay on batches."
)

REMARKS: Mapping[Way, str] = {
    "batches": "",
    "alone": (
        "The network is shown one picture at a time, since its recorded forward pass is right for one picture only:"
        " several times as slow as on batches."
    ),
    "live": _OWN_CODE,
    "anew": _OWN_CODE,
}
"""What a reader should know of a way, and what it costs."""


def way(agreement: Agreement, values: Collection[int]) -> Way:
    """The first way that is right for these values; of the module's own code, that by its own gradients."""
    if agreement.batched.isdisjoint(values):
        return "batches"
    return "alone" if agreement.alone.isdisjoint(values) else "live"


def runner(
    recorded: Recorded,
    places: Mapping[int, Place],
    way: Way,
    device: torch.device,
    dtype: torch.dtype,
    gradients: bool = False,
) -> Run:
    """The network as a function of a batch, made ready to be run thousands of times.

    Args:
        places: the values that it returns, by number on the tape, and how to find each on another tape.
        dtype: in which replays compute, and so that of their input; its own code computes in the module's.
        gradients: whether those for the picture are asked for, again and again.
    """
    if way in ("live", "anew"):
        values = own_values if way == "live" else _anew
        return lambda x: _singly(values, recorded, places, x)
    made: Made = {}
    if gradients:
        by_tape = recorded.kept("made ready", WeakKeyDictionary[Tape, dict[Hashable, Made]])
        made = by_tape.setdefault(recorded.tape, {}).setdefault((device, dtype), {})
    program = frozen(recorded.tape.program(places), device, dtype, gradients, made)
    return program if way == "batches" else lambda x: _alone(program, x)


def _alone(program: Program, x: torch.Tensor) -> dict[int, torch.Tensor]:
    rows = [program(picture) for picture in x.split(1)]
    return {value: torch.cat([row[value] for row in rows]) for value in program.values}


def _singly(
    values: Callable[[Recorded, Mapping[int, Place], torch.Tensor], Mapping[int, torch.Tensor]],
    recorded: Recorded,
    places: Mapping[int, Place],
    x: torch.Tensor,
) -> dict[int, torch.Tensor]:
    rows = [values(recorded, places, picture) for picture in x.contiguous().split(1)]
    return {value: _stacked([row.get(value) for row in rows], recorded.tape.shapes[value], x) for value in places}


def own_values(recorded: Recorded, places: Mapping[int, Place], x: torch.Tensor) -> dict[int, torch.Tensor]:
    """The values of a batch (B, …) in the module's own forward pass, in one run of it.

    A value that the pass does not come to, because it takes another way for these pictures, is left out.

    Raises:
        WbsiteError: the pass fails before it comes to a value, or makes one that has not a row for each picture.
    """
    gradients = torch.is_grad_enabled() and x.requires_grad
    returned = {value: name for name, value in recorded.tape.returned.items()}
    if returned.keys() >= places.keys():  # what modules return needs no calls to be written down
        outputs, error = module_outputs(recorded.module, x, [returned[value] for value in places], gradients)
        values = {value: outputs[returned[value]] for value in places if returned[value] in outputs}
    else:
        own = forward_pass(recorded.module, x, keep=True, gradients=gradients)
        values, error = {}, own.error
        for value, number in _numbers(own, places).items():
            if number in own.tensors:
                values[value] = own.tensors[number]
    if error is not None and len(values) < len(places):
        raise WbsiteError(
            f"{type(recorded.module).__name__} fails on {len(x)} picture(s) of {x.shape[2]} × {x.shape[3]} pixels: "
            f"{type(error).__name__}: {error}"
        ) from error
    check_batch(values, len(x))
    return values


def _anew(recorded: Recorded, places: Mapping[int, Place], x: torch.Tensor) -> dict[int, torch.Tensor]:
    """As `own_values`, by replaying what is recorded on this very picture: gradients flow where its code has none."""
    own = forward_pass(recorded.module, x)
    numbers = _numbers(own, places)
    values = own.tape.program(set(numbers.values()))(x)
    return {value: values[number] for value, number in numbers.items()}


def _numbers(own: ForwardPass, places: Mapping[int, Place]) -> dict[int, int]:
    """Values on the network's tape → those on the tape of a pass, of those that it came to."""
    numbers = {}
    for value, place in places.items():
        with suppress(WbsiteError):  # the pass took another way
            numbers[value] = place(own.tape)
    return numbers


def _stacked(rows: Sequence[torch.Tensor | None], recorded: tuple[int, ...], x: torch.Tensor) -> torch.Tensor:
    """Rows of a batch; NaN for a picture whose forward pass does not come to the value."""
    shape = next((row.shape for row in rows if row is not None), torch.Size(recorded))
    return torch.cat([x.new_full(shape, torch.nan) if row is None else row for row in rows])
