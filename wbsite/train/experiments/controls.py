"""The controls of the census: one task, one pooled axis, one shape of the map and one kind of picture at a time.

Networks that people ship differ in all of these at once, so that no single one can be blamed for bands. The questions
are in `claims/census/controls.py`, which was written before any of these was trained. Networks and measures are
imported, and torch with them, only when they are made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from wbsite.core.naming import CONTROLS
from wbsite.models.base import Preprocess, lazily
from wbsite.train.base import Preset, Recipe, Suite, Trial

if TYPE_CHECKING:
    from torch import nn

    Build = Callable[[Preset, int], nn.Module]


def control(group: str, name: str, title: str, build: Build, network: str, epochs: int = 0, **about: str) -> Trial:
    """One control, on the pictures of its name.

    Args:
        epochs: in place of the preset's; 0 keeps these.
        about: where its words lie, what its head averages away, and the shape of its pictures.
    """
    changes = {"epochs": epochs} if epochs else {}
    return Trial(
        name, title, group, build, network=network, recipe_changes=changes, dataset=f"words:{name}", parameters=about,
        baseline=name,
    )  # fmt: skip


def reader(name: str, title: str, keeps: Literal["x", "y"], words: str, pictures: str) -> Trial:
    """A network that reads a word, and keeps the axis along which its letters follow each other."""
    direction, pooled = ("rows", "height") if keeps == "x" else ("columns", "width")

    def build(preset: Preset, classes: int) -> nn.Module:
        from wbsite.datasets.words import CELL
        from wbsite.models.networks.controls import Reader

        (widths,) = preset.widths
        return Reader(classes, direction, CELL, widths)

    return control("sequence", name, title, build, "reader", words=words, pooled=pooled, pictures=pictures)


def presence(words: str) -> Trial:
    """A network that says which letters occur, on the square pictures of the readers; it takes longer to learn."""

    def build(preset: Preset, classes: int) -> nn.Module:
        from wbsite.datasets.words import LETTERS
        from wbsite.models.networks.controls import Presence

        (widths,) = preset.widths
        return Presence(len(LETTERS), widths)

    name, title = f"presence_{words}", f"which letters occur, {words}, square"
    return control("presence", name, title, build, "presence", epochs=12, words=words, pooled="both", pictures="square")


def detector(name: str, title: str, words: str) -> Trial:
    """A network that says where words are, without pooling anything."""

    def build(preset: Preset, classes: int) -> nn.Module:
        from wbsite.models.networks.controls import Detector

        (widths,) = preset.widths
        return Detector(classes, widths)

    return control("detector", name, title, build, "detector", words=words, pooled="none", pictures="square")


TRIALS = (
    reader("rows", "letters in a row, wide", "x", "rows", "wide"),
    reader("turned", "letters in a row, turned by 90°, tall", "y", "rows, turned", "tall"),
    reader("columns", "letters in a column, tall", "y", "columns", "tall"),
    reader("square_rows", "letters in a row, square", "x", "rows", "square"),
    reader("square_columns", "letters in a column, square", "y", "columns", "square"),
    presence("rows"),
    presence("columns"),
    detector("detector_rows", "where words are, rows", "rows"),
    detector("detector_turned", "where words are, rows turned by 90°", "rows, turned"),
)

PRESETS = (
    Preset(
        "small", "words", Preprocess(crop=48), ((16, 24, 32, 32, 32),), 0,
        Recipe(epochs=8, batch=64, rate=5e-3, smoothing=0.0, shift=0, flip=False), (0.0,),
    ),
)  # fmt: skip

SUITES = (
    Suite(
        CONTROLS,
        "what bands follow: the task's axis, the pooled axis, the map's shape or the pictures",
        TRIALS,
        PRESETS,
        article="in-the-wild",
        measure=lazily("wbsite.train.measure_controls:ControlMeasures"),
        describe=lazily("wbsite.train.measure_controls:describe"),
    ),
)
