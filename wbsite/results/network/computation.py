"""How a network really computes: its input, the kernels in use, and what its forward pass depends on."""

from __future__ import annotations

from typing import Any, Literal

from wbsite.results.base import Record, Result, Table, boolean, number, table, text, value
from wbsite.results.kernel_words import kernel_difference


class InputFacts(Record):
    """What the network takes.

    Attributes:
        shape: channels, height, width.
        colors: order of three channels.
        scale: pixels of a picture lie between 0 and this before they are normalised.
        mean, std: of each channel, in the network's order; a pixel x becomes (x − mean) / std.
        learned: sentences on where this is known from.
    """

    shape: tuple[int, int, int]
    colors: Literal["RGB", "BGR"]
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    learned: str


class Computation(
    Result,
    analysis="computation",
    summary="the input and where it was learned, kernels in use against stored ones, dependence on picture and batch",
):
    """What a network's recorded forward pass shows beyond its modules."""

    input: InputFacts = value("what it takes")
    convolutions: int = value("layers that are two-dimensional convolutions")
    fully_connected: int = value("layers that are products with one matrix")
    skipped: int = value("convolutions and products that are no layers")
    dependence: list[str] = value("sentences on what the forward pass depends on besides the picture's numbers")
    rows: Table = table(
        "Layers whose kernels are not a parameter as it stands.",
        layer=text("its name"),
        computed_from=text("parameters, separated by spaces"),
        scale=number("factor between them and what is stored; 1 where nothing else is"),
        changed=number("how far they differ beyond that factor, as a share of their norm", "0 to 1"),
        varies=boolean("whether the kernels are computed anew from every picture"),
    )

    @property
    def in_use(self) -> list[tuple[Any, str]]:
        """(row, how its kernels differ from those that are stored), where they do for every picture alike."""
        differences = [(row, kernel_difference(row.scale, row.changed)) for row in self.rows.itertuples()]
        return [(row, words) for row, words in differences if words and not row.varies]


RESULTS = (Computation,)
