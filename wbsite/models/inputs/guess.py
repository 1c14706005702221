"""Guesses the size of a network's pictures from what its layers and classes tell of the data it was trained on."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn

from wbsite.core.errors import WbsiteError

from .probe import Pass, run
from .statement import Shape

SIDES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 227, 48, 160, 192, 512)
"""Sides that are tried where not every size passes, the usual ones first."""

PAIRS = ((64, 128), (160, 224))
"""Two sizes on which a network that takes any is run, to see its strides."""

LARGEST = 1024
"""Side up to which one is looked for that suits a fully connected layer."""

USUAL = 224

Sizes = tuple[int | None, int | None, int | None]
"""Channels, height and width; None for one that is free."""

FREE: Sizes = (None, None, None)


@dataclass(frozen=True)
class Evidence:
    """What two passes on different sizes show of a network that takes any.

    Attributes:
        channels: of the input.
        classes: outputs a picture; 0 where they are not a vector.
        stem: stride of the first convolution.
        stride: pixels between neighbours on the coarsest map; 0 where maps do not grow with the picture, as where the
            network brings it to a size of its own.
    """

    channels: int
    classes: int
    stem: int
    stride: float

    @property
    def few(self) -> bool:
        """Whether there are as few classes as in data sets of small pictures."""
        return 0 < self.classes <= 100

    def small(self, channels: int) -> bool:
        """Whether it suits small pictures of so many channels: a fine stem, and never coarser than 8 pixels."""
        return self.channels == channels and self.stem == 1 and 0 < self.stride < 9


@dataclass(frozen=True)
class Rule:
    """A usual side, and what speaks for it.

    Attributes:
        name: of the rule.
        applies: whether the evidence is of this kind.
        side: of the pictures.
        of: networks that are like this, after "as networks for".
    """

    name: str
    applies: Callable[[Evidence], bool]
    side: int
    of: str


RULES = (
    Rule("mnist", lambda seen: seen.small(1) and 0 < seen.classes <= 62, 28, "MNIST's pictures have"),
    Rule("cifar", lambda seen: seen.small(3) and seen.few, 32, "CIFAR's pictures have"),
    Rule("tiny-imagenet", lambda seen: seen.small(3) and seen.classes == 200, 64, "Tiny ImageNet's pictures have"),
    Rule("imagenet-stem", lambda seen: seen.stem > 1 and seen.classes > 0, USUAL, "ImageNet's pictures have"),
    Rule("imagenet-classes", lambda seen: seen.classes >= 1000, USUAL, "ImageNet's pictures have"),
)
"""Of networks that take any size; the first that applies counts."""


@dataclass(frozen=True)
class Guess:
    """A shape, the reason in words (to follow "guessed: "), and whether nothing told."""

    shape: Shape
    reason: str
    blind: bool = False


def guess(net: nn.Module, channels: Sequence[int], sizes: Sizes = FREE) -> Guess:
    """The shape of one input.

    Args:
        channels: numbers of channels that are tried, the likeliest first.
        sizes: that the network declares, and which therefore are not tried.

    Raises:
        WbsiteError: the network fails on every size; the message has its first own error.
    """
    failures: list[tuple[Shape, Exception]] = []

    def passes(shape: Shape) -> Pass | None:
        try:
            return run(net, shape)
        except Exception as error:  # whatever the network says of a size that it does not take
            if not failures:
                failures.append((shape, error))
            _let_go(error)
            return None

    declared, height, width = sizes
    known = " and ".join(f"a {axis} of {size}" for axis, size in (("height", height), ("width", width)) if size)
    told = f"its file declares {known}, and " if known else ""

    def sized(count: int, side: int) -> Shape:
        return count, height or side, width or side

    for count in [declared] if declared else channels:
        for small, large in PAIRS:
            first = passes(sized(count, small))
            second = passes(sized(count, large)) if first else None
            if first and second and known:
                return Guess(sized(count, large), f"{told}it takes any other side", blind=True)
            if first and second:
                return _of_any_size(_evidence(count, first, second, large - small), passes)
        for side in SIDES:
            if passes(shape := sized(count, side)):
                taken = f"{shape[1]}×{shape[2]}"
                return Guess(shape, f"{told}of the usual sizes it takes {taken} and not every other")
        fitting = _fitting_side(net, lambda side, count=count: passes(sized(count, side)) is not None)  # type: ignore[misc]
        if fitting is not None:
            reason = f"{told}its fully connected layer reads as many values as such a map has"
            return Guess(sized(count, fitting), reason)
    shape, error = failures[0]
    raise WbsiteError(
        f"it fails on every input tried: sides {', '.join(map(str, SIDES))} with {' or '.join(map(str, channels))}"
        f" channels. First, on {'×'.join(map(str, shape))}: {type(error).__name__}: {error}",
    ) from error


def _let_go(error: BaseException) -> None:
    """Frees the tensors that a failed pass left in the frames of its errors, which would add up over many sizes."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__


def _of_any_size(seen: Evidence, passes: Callable[[Shape], Pass | None]) -> Guess:
    coarsest = f"{seen.stride:.0f} pixels between positions of its coarsest map" if seen.stride else "maps of one size"
    classes = f"{seen.classes} classes" if seen.classes else "no vector of classes"
    told = f"a first convolution of stride {seen.stem}, {coarsest} and {classes}"
    for rule in RULES:
        shape = (seen.channels, rule.side, rule.side)
        if rule.applies(seen) and passes(shape):
            return Guess(shape, f"it takes any size, and has {told}, as networks for {rule.of}")
    tried = (USUAL, *SIDES, *(side for pair in PAIRS for side in pair))
    shape = next(shape for side in tried if passes(shape := (seen.channels, side, side)))
    return Guess(shape, f"it takes any size, and nothing tells which it is for ({told})", blind=True)


def _evidence(channels: int, first: Pass, second: Pass, larger: int) -> Evidence:
    """Of a pass, and of one on a picture so many rows larger."""
    strides = [
        larger / (b.written - a.written)
        for a, b in zip(first.convolutions, second.convolutions, strict=False)
        if b.written > a.written
    ]
    stem = first.convolutions[0] if first.convolutions else None
    return Evidence(channels, first.classes, stem.stride if stem else 0, max(strides, default=0.0))


@contextmanager
def _comparing(net: nn.Module) -> Iterator[list[int]]:
    """Collects by how much the input of each fully connected layer is too wide (or, below 0, too narrow)."""
    surplus: list[int] = []
    handles = [
        module.register_forward_pre_hook(lambda m, args: surplus.append(args[0].shape[-1] - m.in_features))
        for module in net.modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        yield surplus
    finally:
        for handle in handles:
            handle.remove()


def _fitting_side(net: nn.Module, passes: Callable[[int], bool]) -> int | None:
    """The side of the picture whose last map has as many values as the fully connected layer after it reads.

    Of several, the one that the most powers of two divide. None where no fully connected layer tells.
    """

    def surplus(side: int) -> int | None:
        """Of the last fully connected layer that is reached; None where none is."""
        with _comparing(net) as found:
            passes(side)
        return found[-1] if found else None

    def first_at_least(least: int) -> int:
        """The smallest side of which the surplus is `least` or more; sides at which none is reached count as less."""
        low, high = 1, LARGEST
        while low < high:
            middle = (low + high) // 2
            found = surplus(middle)
            low, high = (low, middle) if found is not None and found >= least else (middle + 1, high)
        return low

    if surplus(LARGEST) is None:  # where it is not reached on the largest picture, a smaller one would not do
        return None
    fitting = [side for side in range(first_at_least(0), first_at_least(1)) if passes(side)]
    return max(fitting, key=lambda side: (math.gcd(side, 1 << 20), -side), default=None)
