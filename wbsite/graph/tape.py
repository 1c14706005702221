"""A recorded forward pass: a list of calls on numbered values, of which any part can be run again.

Hooks see modules, the autograd graph sees kernels; in between lie the calls a network's author wrote
(`torch.conv2d`, `relu`, `cat`, `+`). Recorded there (`recording.py`), a network can be cut at any inner
value, run without the branches nobody needs, and have its operations replaced one by one (`linear.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError, unknown

from .fast.response_norm import local_response_norm
from .kernels import Kernel, Skipped
from .operations import BATCH_NORMS, RECTIFIERS, operation

Found = TypeVar("Found")

INPUT = 0
"""Number of the value that is the network's input."""

INPUT_NAME = "input"
"""Stands for the picture where layers are named."""


@dataclass(frozen=True)
class Ref:
    """Stands for a value among the arguments of a call."""

    value: int


@dataclass(frozen=True)
class Batch:
    """Stands among the sizes of a call for the first, which grows with the batch.

    Attributes:
        size: its length in the recorded pass.
        read: length of the first axis that the call read there.
    """

    size: int
    read: int


@dataclass(frozen=True)
class Call:
    """One recorded call.

    Attributes:
        function: what is called on replay; never changes its arguments in place.
        name: of the function as the author wrote it, for messages: "torch.conv2d".
        module: name of the innermost module whose forward pass made the call.
        args, kwargs: with a Ref in place of every value that depends on the network's input; weights
            and constants are the tensors themselves.
        outputs: numbers of its tensors.
        several: whether it returns a tuple of tensors.
    """

    function: Callable[..., Any]
    name: str
    module: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[int, ...]
    several: bool

    @property
    def operation(self) -> str:
        """What it does, without how it was written: "conv2d", "add"."""
        return operation(self.name)

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Numbers of the values it reads, in order of its arguments."""
        return tuple(ref.value for ref in found_in((self.args, tuple(self.kwargs.values())), Ref))

    @property
    def device(self) -> torch.device:
        """Where its weights and constants lie; the CPU for a call without."""
        constants = found_in((self.args, tuple(self.kwargs.values())), torch.Tensor)
        return next((constant.device for constant in constants), torch.device("cpu"))

    @property
    def kernel(self) -> torch.Tensor | None:
        """The weight (O, I / groups, kh, kw) of a convolution; None for any other call, or where it is computed anew
        from every picture."""
        if self.operation != "conv2d":
            return None
        weight = self.kwargs.get("weight", self.args[1] if len(self.args) > 1 else None)
        return weight if isinstance(weight, torch.Tensor) else None

    def run(self, values: Mapping[int, Any]) -> Any:
        """Calls the function on the values it reads."""
        kwargs = {name: with_values(argument, values) for name, argument in self.kwargs.items()}
        return self.function(*with_values(self.args, values), **kwargs)


@dataclass(frozen=True)
class Use:
    """One call of a convolution or fully connected layer.

    Attributes:
        shape: of its output, without the batch axis.
        inputs: the nearest layers upstream, "input" for the picture; also those whose outputs do not depend on the
            picture. A layer that only decides a shape, a position or a mask does not count.
        value: number of its output; None where that does not depend on the picture, or its call was not seen.
    """

    shape: tuple[int, ...]
    inputs: frozenset[str]
    value: int | None = None


@dataclass(frozen=True)
class Departure:
    """A call after which Python holds numbers of the picture ("item"), and the innermost module that made it."""

    name: str
    module: str


@dataclass(eq=False)
class Tape:
    """The calls of one forward pass, each after those it depends on.

    Attributes:
        calls: in the order in which they were made.
        shapes: of every value in the recorded pass, batch axis (1) included.
        outputs: layer or module → value it gives at its first call: that of the layer's product, also where the module
            that owns the kernel goes on from there, or is never called itself.
        returned: module → value that its first call returned.
        feeding: module → value it read at its first call.
        untraced: modules that were called with or returned something that no recorded calls lead to from the input.
        uses: convolution or fully connected layer → its calls, in the order in which layers were first called.
        kernels: the same layers → their kernels as the calls received them.
        skipped: other products with weights, or of two values.
        digest: SHA-256 of the calls with their arguments and constants; parameters count by name, what is computed
            from them by how, so that it is the same on every machine.
        departures: where numbers that depend on the input leave torch, in order. What is made of them is no value.
    """

    calls: list[Call] = field(default_factory=list)
    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    returned: dict[str, int] = field(default_factory=dict)
    feeding: dict[str, int] = field(default_factory=dict)
    untraced: set[str] = field(default_factory=set)
    uses: dict[str, list[Use]] = field(default_factory=dict)
    kernels: dict[str, Kernel] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    digest: str = ""
    departures: list[Departure] = field(default_factory=list)

    @cached_property
    def makers(self) -> dict[int, Call]:
        """Value → the call that made it; without the input."""
        return {value: call for call in self.calls for value in call.outputs}

    @cached_property
    def readers(self) -> dict[int, list[Call]]:
        """Value → the calls that read it, in order."""
        readers: dict[int, list[Call]] = {value: [] for value in self.shapes}
        for call in self.calls:
            for value in dict.fromkeys(call.inputs):
                readers[value].append(call)
        return readers

    def value(self, name: str) -> int:
        """The value a layer, block or any other module returns; "input" is the network's input.

        Raises:
            WbsiteError: no module of this name was called, or no recorded calls lead from the input to what it
                returned.
        """
        return self._named(name, self.outputs)

    def feeds(self, name: str) -> int:
        """The value that a layer or module reads; raises as `value`."""
        return self._named(name, self.feeding)

    def _named(self, name: str, values: Mapping[str, int]) -> int:
        if name == INPUT_NAME:
            return INPUT
        if name in values:
            return values[name]
        if not isinstance(name, str):
            raise WbsiteError(f"{name!r} is no name of a layer or module.", "Give its dotted name, as text.")
        if name in self.untraced:
            raise WbsiteError(
                f"{name} cannot be followed back to the network's input.",
                "It returns no tensor, or the forward pass leaves torch, as for NumPy: choose one before that.",
            )
        raise unknown("layer or module", name, filter(None, values))

    def pre_activation(self, name: str) -> int:
        """A layer's output after its own batch norm, where one alone reads it, and before any rectifier."""
        return self._followed(self.value(name), BATCH_NORMS)

    def activation(self, name: str) -> int:
        """A layer's output after its own batch norm and rectifier: what other layers read."""
        return self._followed(self.pre_activation(name), RECTIFIERS)

    def _followed(self, value: int, operations: Collection[str]) -> int:
        """What a value becomes if nothing but one call of these reads it; else the value."""
        readers = self.readers[value]
        alone = len(readers) == 1 and readers[0].operation in operations and readers[0].inputs[0] == value
        return readers[0].outputs[0] if alone else value

    def program(self, values: Collection[int]) -> Program:
        """What has to be run to get these values from the input, and nothing else."""
        calls = self._between({INPUT}, values)
        return Program(tuple(self._lighter.get(id(call), call) for call in calls), tuple(values))

    @cached_property
    def _lighter(self) -> dict[int, Call]:
        """By the identities of calls, the same with functions that take less time."""
        norms = [call for call in self.calls if call.function is F.local_response_norm]
        return {id(call): replace(call, function=local_response_norm) for call in norms}

    def path(self, source: int, target: int) -> tuple[Call, ...]:
        """The calls that depend on `source` and that `target` depends on; empty if there are none."""
        return tuple(self._between({source}, (target,)))

    def _between(self, sources: set[int], targets: Collection[int]) -> list[Call]:
        dependent, reached = set(sources), []
        for call in self.calls:
            if not sources.intersection(call.outputs) and dependent.intersection(call.inputs):
                dependent |= set(call.outputs)
                reached.append(call)
        needed, path = set(targets), []
        for call in reversed(reached):
            if needed.intersection(call.outputs):
                needed |= set(call.inputs)
                path.append(call)
        return path[::-1]


@dataclass(frozen=True)
class Program:
    """Part of a tape that computes some values from the network's input."""

    calls: tuple[Call, ...]
    values: tuple[int, ...]

    def __call__(self, x: torch.Tensor) -> dict[int, torch.Tensor]:
        """(B, C, H, W) → the values, by number. Values no longer needed are let go as it runs.

        Where the network's own code fixes the size of the batch, it is run on one picture after another.

        Raises:
            WbsiteError: it cannot be run on one picture either, or not on an input of another size than the recorded.
        """
        try:
            values = execute(self.calls, {INPUT: x}, self.values, lambda call, env: call.run(env))
            check_batch(values, len(x))
        except WbsiteError:
            if len(x) == 1:
                raise
            rows = [self(picture) for picture in x.split(1)]
            values = {value: torch.cat([row[value] for row in rows]) for value in self.values}
        return values


def execute(
    calls: Sequence[Call],
    values: dict[int, torch.Tensor],
    results: Collection[int],
    run: Callable[[Call, Mapping[int, Any]], Any],
) -> dict[int, torch.Tensor]:
    """Runs calls in order on `values`, which it changes.

    Args:
        results: numbers of the values that are returned; others are dropped when no call reads them any more.
        run: computes one call from the values so far.

    Raises:
        WbsiteError: a call fails on values of these sizes; it is named.
    """
    last = {value: i for i, call in enumerate(calls) for value in call.inputs}
    for i, call in enumerate(calls):
        try:
            result = run(call, values)
            outputs = list(zip(call.outputs, result if call.several else (result,), strict=True))
        except (torch.OutOfMemoryError, WbsiteError):
            raise
        except (RuntimeError, ValueError, IndexError) as error:
            if "memory" in str(error):
                raise
            shapes = [tuple(values[value].shape) for value in call.inputs if value in values]
            raise WbsiteError(
                f"{call.name} in {call.module or 'the network'} cannot be repeated on {shapes}: {error}",
                "Its own code fixes these sizes, or takes them from the picture.",
            ) from error
        values.update(outputs)
        for value in call.inputs:
            if last[value] == i and value not in results:
                values.pop(value, None)
    return {value: values[value] for value in results}


def check_batch(values: Mapping[int, torch.Tensor], count: int) -> None:
    """Makes sure that each value has a row for every one of `count` pictures.

    Raises:
        WbsiteError: one has not.
    """
    for value in values.values():
        if value.ndim == 0 or len(value) != count:
            raise WbsiteError(
                f"the network makes values of shape {tuple(value.shape)} of {count} pictures.",
                "Its own code takes one picture out of the batch, as by x[0]: it has to keep the batch.",
            )


def found_in(tree: Any, kind: type[Found]) -> Iterator[Found]:
    """What is of a kind among arguments, in order."""
    if isinstance(tree, kind):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from found_in(item, kind)
    elif isinstance(tree, dict):
        for item in tree.values():
            yield from found_in(item, kind)


def with_values(tree: Any, values: Mapping[int, Any], batch: int | None = None) -> Any:
    """Arguments with the values in place of their Refs."""
    if isinstance(tree, Ref):
        return values[tree.value]
    if isinstance(tree, Batch):
        return batch and tree.size * batch // tree.read
    if isinstance(tree, (tuple, list)):
        if batch is None and any(isinstance(item, Ref) for item in tree):
            first = next(values[item.value] for item in tree if isinstance(item, Ref))
            batch = len(first) if isinstance(first, torch.Tensor) and first.ndim else None
        items = [with_values(item, values, batch) for item in tree]
        return items if isinstance(tree, list) else tuple(items)
    if isinstance(tree, dict):
        return {key: with_values(item, values, batch) for key, item in tree.items()}
    return tree
