"""Targets of feature visualization, settings of the search, and the pictures that result."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol

import torch
from torch import nn

from wbsite.core.errors import WbsiteError, unknown

PARAMETERISATIONS = ("fourier", "pixels", "maco")
PRECISIONS = ("auto", "float32", "bfloat16")
SIDES = ("output", "input")


class Network(Protocol):
    """A module with the description of its input: a LoadedModel.

    Attributes:
        spec: has `title`, `input_shape` and `preprocess`, with scale, mean, std and the order of channels: the
            network's input is (a picture in [0, 1] · scale − mean) / std.
    """

    @property
    def module(self) -> nn.Module: ...

    @property
    def spec(self) -> Any: ...


@dataclass(frozen=True)
class Target:
    """What a picture should excite.

    Attributes:
        layer: name of a layer, block or other module.
        channel: a unit; with `direction` None.
        direction: one weight for every channel of the layer; its length does not matter.
        position: None: anywhere in the picture; "centre", or (row, column) in the layer's map.
        side: "output" is the layer's pre-activation (after its own batch norm, before its rectifier), so that
            a unit that is silent still has a gradient (a block's unit is read where its own layer has it);
            "input" is what feeds the layer.
        sign: −1 looks for the most inhibiting picture.
        variant: number of the picture in a set of several of one target (`variants`).
    """

    layer: str
    channel: int | None = None
    direction: tuple[float, ...] | None = None
    position: Literal["centre"] | tuple[int, int] | None = None
    side: Literal["output", "input"] = "output"
    sign: int = 1
    variant: int = 0

    def __post_init__(self) -> None:
        if (self.channel is None) == (self.direction is None):
            raise WbsiteError(f"{self.layer}: a target is either a channel or a direction.", "Give one of the two.")
        if self.channel is not None and not _is_whole(self.channel):
            raise WbsiteError(f"{self.layer} has no unit {self.channel!r}.", "Give a whole number.")
        if self.direction is not None and not _is_tuple_of(self.direction, (int, float)):
            kind = type(self.direction).__name__
            raise WbsiteError(
                f"{self.layer}: a direction is a tuple of numbers, not a {kind}.", "Use tuple(… .tolist())."
            )
        if self.side not in SIDES:
            raise unknown("side", self.side, SIDES)
        position = self.position
        if position not in (None, "centre") and not (_is_tuple_of(position, int) and len(position) == 2):
            raise WbsiteError(f"{self.layer} has no position {position!r}.", 'Give (row, column), "centre" or None.')
        if self.sign not in (1, -1):
            raise WbsiteError(f"{self.layer}: a target's sign is 1 or -1, not {self.sign!r}.")

    @property
    def label(self) -> str:
        """For messages: "mixed3a_3x3 unit 7"."""
        what = "a direction" if self.channel is None else f"unit {self.channel}"
        return f"{self.layer} {what}{'' if self.sign > 0 else ', negative'}"

    def seed(self, base: int, attempt: int) -> int:
        """Of the picture's own draws: the same whatever else is drawn with it."""
        fields = asdict(self)
        fields["place"] = fields.pop("layer")  # by its first name, which decides the draws of all pictures until now
        text = json.dumps([fields, base, attempt], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def variants(target: Target, count: int) -> tuple[Target, ...]:
    """Several pictures of one target, which `visualize` drives apart (Settings.diversity)."""
    return tuple(replace(target, variant=i) for i in range(count))


@dataclass(frozen=True)
class Settings:
    """How pictures are searched for. Lengths are in shares of the picture's side, so that they suit every size.

    Attributes:
        size: side of the picture, in pixels; the shorter one, where the network's input is not square.
        steps: of gradient ascent.
        parameterisation: "fourier": decorrelated Fourier coefficients and colours; "pixels"; "maco": phases alone,
            with the magnitudes of natural images (1 / frequency).
        learning_rate: of Adam, on the parameters of the picture.
        focus: how much more the strongest positions count for a target that may be anywhere: 0 is the mean over
            all positions (`objectives.pooled`).
        margin: positions of a layer's map that do not count for a target that may be anywhere, at each edge: there
            a picture's border would be the strongest edge of all.
        pad: grey border of the picture as the network sees it.
        jitter: the picture is shifted by up to this much in each direction.
        scale: … enlarged or shrunk by a factor of up to 1 + scale.
        rotate: … turned by up to this many degrees.
        presented: (shorter) side in pixels at which the network sees the picture; None: as it is (with its border).
        diversity: how strongly variants of a target repel each other.
        reseeds: how often a start that does not move is replaced by another.
        batch: pictures at once; None: as suits the device.
        precision: of the network: "auto" is bfloat16 where the processor computes with it, else float32.
        seed: of all draws.

    Raises:
        WbsiteError: a value makes no sense.
    """

    size: int = 128
    steps: int = 256
    parameterisation: str = "fourier"
    learning_rate: float = 0.05
    focus: float = 1.0
    margin: float = 0.1
    pad: float = 0.0
    jitter: float = 0.06
    scale: float = 0.1
    rotate: float = 8.0
    presented: int | None = None
    diversity: float = 1.0
    reseeds: int = 2
    batch: int | None = None
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.parameterisation not in PARAMETERISATIONS:
            raise unknown("parameterisation", self.parameterisation, PARAMETERISATIONS)
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        for name, least in (("size", 2), ("steps", 1), ("reseeds", 0), ("batch", 1), ("presented", 2)):
            value = getattr(self, name)
            if value is not None and not _is_whole(value):
                raise WbsiteError(f"{name} {value!r} is no whole number.", f"Give {least} or more.")
            if value is not None and value < least:
                raise WbsiteError(f"{name} {value} is too small.", f"Give {least} or more.")
        if self.margin >= 0.5:
            raise WbsiteError(f"a margin of {self.margin} leaves nothing of a picture.", "Give less than 0.5.")
        for name in ("learning_rate", "focus", "margin", "pad", "jitter", "scale", "rotate", "diversity"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise WbsiteError(f"{name} {value} is no length.", "Give 0 or more.")


@dataclass(frozen=True)
class Picture:
    """The picture of a target.

    Attributes:
        target: what it should excite.
        image: (channels, height, width) float32 in [0, 1], on the CPU.
        activation: the target's strongest response to it over all positions (at its position, where it has
            one), without transformations; times the target's sign, so that more is better.
        own: the same in the module's own forward pass on this picture; NaN where it does not come to the target.
        agrees: whether both are equal, up to rounding. If not, the picture is not that of the target.
        dead: the search failed: no gradient, no finite response, or no rise, from any start.
        reseeded: starts that were given up before this one.
        steps: of ascent.
    """

    target: Target
    image: torch.Tensor
    activation: float
    own: float
    agrees: bool
    dead: bool
    reseeded: int
    steps: int


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_tuple_of(value: Any, kind: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, kind) for item in value)


def grouped(targets: Sequence[Target]) -> list[list[Target]]:
    """Variants of the same target together, in order of first appearance."""
    groups: dict[Target, list[Target]] = {}
    for target in targets:
        groups.setdefault(replace(target, variant=0), []).append(target)
    return list(groups.values())
