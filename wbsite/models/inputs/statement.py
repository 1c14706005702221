"""What one source says of a network's input, and the words in which a page repeats it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import ModelInput
from wbsite.models.base import Preprocess

SMALL = 96
"""Networks for pictures up to this side get them resized to it, larger ones cropped as for ImageNet."""

Shape = tuple[int, int, int]
"""Channels, height and width."""


class NoInput(WbsiteError):
    """A network runs on nothing that is known of its input; the user can say what it takes."""


@dataclass(frozen=True)
class Statement:
    """What is known of a network's input from one source; None where that says nothing.

    Attributes:
        source: ends the sentence "…, from SOURCE.".
        shape: channels, height and width.
        mean, std: of each channel in the network's order; both or none.
        scale: largest value of a pixel before that.
        colors: order of three channels.
        resize, interpolation: as in `Preprocess`.
    """

    source: str
    shape: Shape | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    scale: float = 1.0
    colors: Literal["RGB", "BGR"] | None = None
    resize: int | tuple[int, int] | None = None
    interpolation: str | None = None

    @classmethod
    def of_user(cls, said: ModelInput) -> Statement:
        """What the user says. A mean alone is subtracted, a range alone is all there is, as pixels are brought into it.

        A range that does not start at 0 becomes part of the mean.
        """
        if said.mean is None and said.std is None and said.range is None:
            return cls("", said.input, colors=said.channels)
        low, high = said.range or (0.0, 1.0)
        known = said.mean or said.std or (said.input and (0.0,) * said.input[0])
        count = len(known) if known else 3
        mean = tuple(float(value - low) for value in said.mean or (0.0,) * count)
        std = tuple(map(float, said.std or (1.0,) * count))
        return cls("", said.input, mean, std, float(high - low), said.channels)

    def for_channels(self, count: int) -> Statement:
        """The same with a mean and a standard deviation for so many channels: of grey, the average of all colours'."""
        if self.mean is None or self.std is None or len(self.mean) == count:
            return self
        if len(set(self.mean)) > 1 and count > 1:
            return replace(self, mean=None, std=None)
        mean, std = (sum(values) / len(values) for values in (self.mean, self.std))
        return replace(self, mean=(mean,) * count, std=(std,) * count)


def preprocess(shape: Shape, normalisation: Statement, resizing: Statement, colors: Statement) -> Preprocess:
    """A network's preprocessing, of what sources say of its parts; by default, resizing suits the size."""
    _, height, width = shape
    assert normalisation.mean is not None
    assert normalisation.std is not None
    return Preprocess(
        crop=height if height == width else (height, width),
        resize=resizing.resize or usual_resize(height, width),
        scale=normalisation.scale,
        mean=normalisation.mean,
        std=normalisation.std,
        colors=colors.colors or "RGB",
        interpolation=resizing.interpolation or "bilinear",
    )


def usual_resize(height: int, width: int) -> int | tuple[int, int]:
    """What resized pictures cover: a small network's input, or a little more than a large one's."""
    sides = (height, width) if min(height, width) <= SMALL else (round(height * 256 / 224), round(width * 256 / 224))
    return sides[0] if height == width else sides


def in_words(shape: Shape) -> str:
    """3 channels, 60×160."""
    return f"{shape[0]} channel{'s' if shape[0] > 1 else ''}, {shape[1]}×{shape[2]}"


def numbers(values: Sequence[float]) -> str:
    """As TOML writes a list of them; one for all that are equal."""
    texts = [f"{value:.4g}" for value in values]
    return ", ".join(dict.fromkeys(texts) if len(set(texts)) == 1 else texts)
