"""Whether one recorded forward pass stands for its network: on other pictures, in batches, and when run again.

A replay repeats the calls of one pass with its numbers. It is another network's where the module looks at numbers of
the picture in Python, where pictures of a batch share statistics or the batch's size is written down, and where it
draws random numbers. So the tape is replayed on a few other pictures, and every value compared with the module's own.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from wbsite.core.errors import WbsiteError

from .operations import BATCH_NORMS, WEIGHTED
from .recorder.recorder import UNRECORDED
from .recording import ForwardPass, Recorded, forward_pass
from .tape import INPUT, Call, Tape

_RELATIVE = 1e-3
"""Largest difference of two values that rounding is taken to make, in shares of the largest number in them."""

_CANCELLED = 1e-5
"""… and in shares of the largest number that they were computed from."""

_EQUAL = 0.999
"""Share of whole numbers and truth values that have to be the same."""

_MEMORY = 3 * 2**30
"""Bytes of all values of all pictures, beyond which they are compared one picture after another."""

_NAMED = 3
"""Departures from torch that a sentence names."""


@dataclass(frozen=True)
class Agreement:
    """Values of a tape that its replay does not compute as the module does.

    Attributes:
        alone: … when it is replayed on one picture.
        batched: … when it is replayed on a batch: than the module on each picture alone.
        sentences: what a reader of the network's page should know of it, with the reason; none where all agrees.
    """

    alone: frozenset[int]
    batched: frozenset[int]
    sentences: tuple[str, ...]

    def check(self, values: Collection[int]) -> bool:
        """Whether values have to be computed for one picture after another, rather than for a batch.

        Raises:
            WbsiteError: the replay does not compute them on other pictures at all.
        """
        if not self.alone.isdisjoint(values):
            reason = self.sentences[0] if self.sentences else "Its replay computes other values than the network."
            raise WbsiteError(f"the recorded forward pass does not stand for other pictures there. {reason}")
        return not self.batched.isdisjoint(values)


@torch.no_grad()
def agreement(recorded: Recorded, inputs: torch.Tensor) -> Agreement:
    """Compares a network's tape with the network itself, in about seven forward passes of three pictures.

    Args:
        inputs: (B, channels, height, width), two or more pictures unlike each other, as the network takes them and on
            its device. Where it fails on their size, what it computes before that is compared, and the rest differs.
    """
    module, tape = recorded.module, recorded.tape
    pictures = inputs.split(1)
    if _bytes(tape) * len(inputs) > _MEMORY:
        return _one_by_one(recorded, pictures)
    own = [forward_pass(module, x, keep=True) for x in pictures]
    together = _replayed(tape, inputs)
    batched = [_differing(tape, each, _picture(tape, together, i, len(inputs))) for i, each in enumerate(own)]
    alone = [set[int]() for _ in own]
    if any(batched):
        alone = [_differing(tape, each, _replayed(tape, x)) for each, x in zip(own, pictures, strict=True)]
    sentences = [_on_randomness(own[0], forward_pass(module, pictures[0], keep=True, seed=1))]
    if not sentences[0]:
        sentences = [
            _on_pictures(tape, own, alone),
            _on_batches(recorded, inputs, own, set().union(*batched, *alone)),
            _on_overflow(recorded, own),
        ]
    return Agreement(
        frozenset[int]().union(*alone), frozenset[int]().union(*batched, *alone), tuple(filter(None, sentences))
    )


def _bytes(tape: Tape) -> int:
    """Of all values for one picture."""
    return 4 * sum(map(math.prod, tape.shapes.values()))


def _one_by_one(recorded: Recorded, pictures: Sequence[torch.Tensor]) -> Agreement:
    """For networks whose values would not all fit into memory: one pass is held at a time, and no batch is tried."""
    module, tape = recorded.module, recorded.tape
    own, alone, sums, overflow = [], [], [], ""
    for x in pictures:
        each = forward_pass(module, x, keep=True)
        alone.append(_differing_in_turn(tape, each, x))
        sums.append(_summed(each))
        overflow = overflow or _on_overflow(recorded, [each])
        own.append(replace(each, tensors={}))
    sentences = [_on_randomness(sums[0], _summed(forward_pass(module, pictures[0], keep=True, seed=1)))]
    if not sentences[0]:
        sentences = [_on_pictures(tape, own, alone), _on_statistics(tape), overflow]
    return Agreement(frozenset[int]().union(*alone), frozenset(tape.makers), tuple(filter(None, sentences)))


def _differing_in_turn(tape: Tape, own: ForwardPass, x: torch.Tensor) -> set[int]:
    """As `_differing` of a replay, each of whose values is let go when it is needed no more."""
    same = {value for call in tape.calls[: _leading(tape, own.tape)] for value in call.outputs}
    last = {value: i for i, call in enumerate(tape.calls) for value in call.inputs}
    values, differing, lost = {INPUT: x}, set[int](), _overflowed(tape, own)
    for i, call in enumerate(tape.calls):
        made = _made(call, values)
        values.update(made)
        for value in call.outputs:
            agrees = value in same and value in made and value in own.tensors
            if value in lost:
                continue
            if not agrees or not _equal(made[value], own.tensors[value], call, own.tensors):
                differing.add(value)
        for value in (*call.inputs, *call.outputs):
            if last.get(value, i) <= i:
                values.pop(value, None)
    return differing


def _summed(own: ForwardPass) -> ForwardPass:
    """With sums of squares in place of its values."""
    return replace(own, tensors={value: x.double().square().sum() for value, x in own.tensors.items()})


def _made(call: Call, values: Mapping[int, torch.Tensor]) -> dict[int, torch.Tensor]:
    """What a call makes of these values; nothing where one is missing, or it fails on them."""
    if any(value not in values for value in call.inputs):
        return {}
    try:
        result = call.run(values)
    except torch.OutOfMemoryError:
        raise
    except Exception:
        return {}
    outputs = result if call.several else (result,)
    return dict(zip(call.outputs, outputs, strict=True)) if len(outputs) == len(call.outputs) else {}


def _replayed(tape: Tape, x: torch.Tensor) -> dict[int, torch.Tensor]:
    """All values of a tape that can be computed from an input; without those that a call fails on."""
    values = {INPUT: x}
    for call in tape.calls:
        values.update(_made(call, values))
    return values


def _picture(tape: Tape, values: Mapping[int, torch.Tensor], row: int, count: int) -> dict[int, torch.Tensor]:
    """Of values of a batch, those of one picture, as far as they have a row for each."""
    return {
        value: tensor[row : row + 1]
        for value, tensor in values.items()
        if tape.shapes.get(value, ())[:1] == (1,) and tensor.shape[:1] == (count,)
    }


def _differing(tape: Tape, own: ForwardPass, values: Mapping[int, torch.Tensor]) -> set[int]:
    """The values of a tape that are missing, or others than in a pass of the module; none behind an overflow."""
    lost = _overflowed(tape, own)
    same = {value for call in tape.calls[: _leading(tape, own.tape)] for value in call.outputs}
    return {
        value
        for call in tape.calls
        for value in call.outputs
        if value not in lost
        if value not in same
        or value not in own.tensors
        or value not in values
        or not _equal(values[value], own.tensors[value], call, own.tensors)
    }


def _overflowed(tape: Tape, own: ForwardPass) -> set[int]:
    """The values of a pass from a product with weights on that is no finite number: the order of adding decides what
    it is, and in a batch it is another."""
    lost = set[int]()
    for call in tape.calls:
        here = call.operation in WEIGHTED and any(not _finite(own.tensors[v]) for v in call.outputs if v in own.tensors)
        if here or not lost.isdisjoint(call.inputs):
            lost.update(call.outputs)
    return lost


def _finite(x: torch.Tensor) -> bool:
    return bool(x.isfinite().all())


def _leading(one: Tape, other: Tape) -> int:
    """How many calls two tapes have in common before the first that is another, or reads other values."""
    pairs = zip(one.calls, other.calls, strict=False)
    same = ((a.name, a.module, a.inputs, a.outputs) == (b.name, b.module, b.inputs, b.outputs) for a, b in pairs)
    return next((i for i, equal in enumerate(same) if not equal), min(len(one.calls), len(other.calls)))


def _scale(call: Call, values: Mapping[int, torch.Tensor]) -> float:
    """The largest number that a call reads."""
    return max((_largest(values[value]) for value in call.inputs if value in values), default=0.0)


def _largest(x: torch.Tensor) -> float:
    if not (x.is_floating_point() or x.is_complex()) or not x.numel():
        return 0.0
    size = x.abs()
    largest = float(size.max())
    return largest if math.isfinite(largest) else float(torch.where(size.isfinite(), size, 0).max())


def _equal(one: torch.Tensor, other: torch.Tensor, call: Call, values: Mapping[int, torch.Tensor]) -> bool:
    """Whether two values that a call makes are the same up to rounding; what is no number in both is the same.

    Args:
        values: what the call reads, among others.
    """
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if torch.equal(one, other):
        return True
    number = one.is_floating_point() or one.is_complex()
    if number and float((one - other).abs().max()) <= _RELATIVE * _largest(other):  # False of NaN
        return True
    same = (one == other) | ((one != one) & (other != other))
    if not number:
        return float(same.float().mean()) >= _EQUAL
    difference = torch.where(same, 0, (one - other).abs())
    return bool((difference <= _RELATIVE * _largest(other) + _CANCELLED * _scale(call, values)).all())


def _first(calls: Sequence[Call], values: Collection[int]) -> Call | None:
    """The first call that makes one of these values."""
    return next((call for call in calls if not set(call.outputs).isdisjoint(values)), None)


def _on_randomness(one: ForwardPass, other: ForwardPass) -> str:
    call = _first(one.tape.calls, _differing(one.tape, other, one.tensors))
    if call is None:
        return ""
    return (
        f"Two runs on the same picture differ, from {_named(call)} on: the forward pass draws random numbers, or keeps"
        " something from one run to the next. What is shown is of one draw."
    )


def _on_overflow(recorded: Recorded, own: Sequence[ForwardPass]) -> str:
    tape = recorded.tape
    if not all(map(_finite, recorded.module.parameters())):  # what a weights file lacks is told on the network's page
        return ""
    call = _first(tape.calls, set[int]().union(*(_overflowed(tape, each) for each in own)))
    if call is None:
        return ""
    return (
        f"From {_named(call)} on its activations are no finite numbers: the weights are so large that sums of products"
        " grow beyond what numbers of 32 bits hold. What is made of pictures ends there."
    )


def _on_pictures(tape: Tape, own: Sequence[ForwardPass], alone: Sequence[Collection[int]]) -> str:
    for each, values in zip(own, alone, strict=True):
        call = _first(tape.calls, values)
        if call is None or (each.error is not None and _leading(tape, each.tape) == len(each.tape.calls)):
            continue
        if call.name == UNRECORDED:
            return (
                f"Part of the forward pass, in {call.module or 'its own code'}, cannot be recorded (TorchScript, a"
                " kernel of its own, a change in place through a view), so no weights can be expanded through it."
            )
        departures = dict.fromkeys([*tape.departures, *each.tape.departures])
        ways = [f"{one.name.strip('_')}() in {one.module or 'its own code'}" for one in departures]
        taken = ", ".join(ways[:_NAMED])
        if not ways:
            return (
                f"The recorded forward pass cannot be repeated on other pictures, from {_named(call)} on: what lies"
                " behind that is computed by the network itself, one picture at a time."
            )
        if _leading(tape, each.tape) < len(tape.calls):
            said = (
                f"The forward pass looks at the picture's numbers ({taken}) and takes another way for other pictures."
            )
        else:
            said = (
                f"The forward pass takes numbers out of the picture ({taken}) and computes with them as with constants."
            )
        return f"{said} From {_named(call)} on, wiring and expanded weights are those of one picture."
    return ""


def _on_statistics(tape: Tape) -> str:
    norms = [call.module for call in tape.calls if call.operation in BATCH_NORMS and call.kwargs.get("training")]
    if norms:
        modules = ", ".join(dict.fromkeys(norms))
        return (
            f"Batch norm ({modules}) takes its statistics from the batch it is given, so what the network says of a"
            " picture depends on the pictures beside it. Here each is run alone; no weights can be expanded through"
            " such a norm."
        )
    return ""


def _on_batches(
    recorded: Recorded, inputs: torch.Tensor, own: Sequence[ForwardPass], differing: Collection[int]
) -> str:
    tape = recorded.tape
    if said := _on_statistics(tape):
        return said
    if not differing:
        return ""
    batch = forward_pass(recorded.module, inputs, keep=True)
    if batch.error is not None and all(each.error is None for each in own):
        error = f"{type(batch.error).__name__}: {batch.error}".splitlines()[0]
        return f"The network takes one picture at a time: a batch of {len(inputs)} fails ({error})."
    for row, each in enumerate(own):
        rows = _picture(each.tape, batch.tensors, row, len(inputs))
        comparable = set(rows) | {value for value in each.tensors if value not in batch.tensors}
        call = _first(each.tape.calls, _differing(each.tape, each, {**each.tensors, **rows}) & comparable)
        if call is not None and _leading(each.tape, batch.tape) == len(each.tape.calls):
            return (
                f"What the network says of a picture depends on those beside it in the batch, from {_named(call)} on."
                " Here each is run alone."
            )
    output = batch.tensors.get(batch.tape.outputs.get("", -1))
    single = tape.shapes.get(tape.outputs.get("", -1), ())[:1] == (1,)
    if single and output is not None and output.shape[:1] != (len(inputs),):
        return "The network keeps one picture of a batch and leaves out the others. Here each is run alone."
    return ""


def _named(call: Call) -> str:
    return f"{call.operation} in {call.module or 'its own code'}"
