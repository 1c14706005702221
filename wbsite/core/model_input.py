"""What the user says of a network's input: a table `[models."NAME"]` of `wbsite.toml`, or `--input`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_type_hints

from annotated_types import Ge, Gt, Le, MinLen, Predicate

from .errors import WbsiteError, unknown
from .filing.paths import shown

Scalar = bool | int | float | str

Size = Annotated[int, Ge(1), Le(1 << 20)]
"""Of one side of an input."""

LARGEST = 1 << 28
"""Numbers in one input, a gigabyte of them."""


def is_shape(sizes: Sequence[int]) -> bool:
    """Whether these are channels, height and width of an input that fits into memory."""
    return len(sizes) == 3 and math.prod(sizes) <= LARGEST


EXPECTED_ARGUMENTS = (
    "Give a shape without the batch axis for each argument, as in arguments = { age = [4], mask = [1, 64, 64] };"
    ' { shape = [1], dtype = "int64" } for another type; numbers, texts and booleans are passed on as they are.'
)


@dataclass(frozen=True)
class Zeros:
    """A tensor that a forward pass is given beside the picture.

    Attributes:
        shape: without the batch axis.
        dtype: torch's name of it; "" for the picture's.
    """

    shape: tuple[int, ...]
    dtype: str = ""

    def __post_init__(self) -> None:
        whole = isinstance(self.shape, tuple) and all(type(size) is int and size >= 0 for size in self.shape)
        if not whole or math.prod(self.shape) > LARGEST or not isinstance(self.dtype, str):
            text = shown(list(self.shape) if isinstance(self.shape, tuple) else self.shape)
            raise WbsiteError(f"an argument has the shape {text}.", EXPECTED_ARGUMENTS)


def key(help: str, expected: str, default: Any = None) -> Any:
    """A key of the table: what it is for, and what to do about a wrong value."""
    return field(default=default, metadata={"help": help, "expected": expected})


@dataclass(frozen=True)
class ModelInput:
    """What is said of one network's input; None, and no arguments, where nothing is said.

    Raises:
        WbsiteError: a value makes no sense, or two contradict each other.
    """

    input: Annotated[tuple[Size, Size, Size], Predicate(is_shape)] | None = key(
        "Channels, height and width of one input.", "Give channels, height and width, as in input = [3, 60, 160]."
    )
    mean: Annotated[tuple[float, ...], MinLen(1)] | None = key(
        "Subtracted from each channel, in the network's order and in units of `range`.",
        "Give a number for each channel, as in mean = [0.485, 0.456, 0.406].",
    )
    std: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)] | None = key(
        "What each channel is divided by after that.",
        "Give a number above 0 for each channel, as in std = [0.229, 0.224, 0.225].",
    )
    channels: Literal["RGB", "BGR"] | None = key(
        "Order of the channels of a network that has three.", 'Write channels = "RGB" or channels = "BGR".'
    )
    range: Annotated[tuple[float, float], Predicate(lambda ends: ends[0] < ends[1])] | None = key(
        "Values of black and white before mean and std; left out, 0 to 1.",
        "Give the values of black and white, as in range = [0, 255].",
    )
    arguments: tuple[tuple[str, Zeros | Scalar], ...] = key(
        "What the forward pass is given beside the picture: for a tensor its shape without the batch axis.",
        EXPECTED_ARGUMENTS,
        (),
    )

    def __post_init__(self) -> None:
        if not self:  # at every start, for which importing pydantic would be slow
            return
        from pydantic import TypeAdapter, ValidationError

        hints = get_type_hints(ModelInput, include_extras=True)
        for entry in fields(self):
            value = getattr(self, entry.name)
            try:
                TypeAdapter(hints[entry.name]).validate_python(value, strict=True)
            except ValidationError as error:
                text = shown(list(value) if isinstance(value, tuple) else value)
                raise WbsiteError(f"{entry.name} is {text}.", entry.metadata["expected"]) from error
        counts = {
            "input": self.input and self.input[0],
            "mean": self.mean and len(self.mean),
            "std": self.std and len(self.std),
            "channels": self.channels and 3,
        }
        said = {name: count for name, count in counts.items() if count is not None}
        if len(set(said.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in said.items())
            raise WbsiteError(f"numbers of channels differ: {listed}.", "Let all be of the same channels.")
        top = 1.0 if self.range is None else max(map(abs, self.range))
        if self.mean is not None and max(map(abs, self.mean)) > top:
            raise WbsiteError(
                f"mean is {list(self.mean)}, beyond values of {'0 to 1' if self.range is None else list(self.range)}.",
                "Say which values pixels have before it is subtracted, as in range = [0, 255].",
            )

    def __bool__(self) -> bool:
        """Whether anything is said."""
        return any(getattr(self, entry.name) != entry.default for entry in fields(self))


NOTHING_SAID = ModelInput()

KEYS = tuple(entry.name for entry in fields(ModelInput))


def parse(name: str, table: object) -> ModelInput:
    """What a table `[models."NAME"]` says.

    Raises:
        WbsiteError: it is no table, has an unknown key, or a value that makes no sense.
    """
    if not isinstance(table, Mapping):
        raise WbsiteError(
            f"models.{name} is {shown(table)}.", f'Expected a table: [models."{name}"], with input = [3, 60, 160].'
        )
    for key in table:
        if key not in KEYS:
            raise unknown("key", key, KEYS, where=f'(in [models."{name}"])')
    values = {key: _tuple(value) for key, value in table.items() if key != "arguments"}
    arguments = table.get("arguments", {})
    try:
        if isinstance(arguments, Mapping):
            arguments = tuple((argument, _argument(value)) for argument, value in arguments.items())
        return ModelInput(**values, arguments=arguments)
    except WbsiteError as error:
        raise WbsiteError(f'[models."{name}"]: {error.message}', error.hint) from error


def _tuple(value: Any) -> Any:
    """Lists as tuples; their numbers as they are written, whole ones too where others are expected."""
    return tuple(value) if isinstance(value, list) else value


def _argument(value: Any) -> Any:
    if isinstance(value, list):
        return Zeros(tuple(value))
    if isinstance(value, Mapping) and "shape" in value and value.keys() <= {"shape", "dtype"}:
        return Zeros(_tuple(value["shape"]), value.get("dtype", ""))
    return value
