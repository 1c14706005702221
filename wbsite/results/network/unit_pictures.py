"""Pictures of a layer's units that excite them."""

from __future__ import annotations

from collections.abc import Mapping

from wbsite.results.base import Record, Result, Table, boolean, integer, number, pictures, table, value
from wbsite.results.photographs import PhotographSet


class PictureSettings(Record):
    """How the pictures were looked for: sides in pixels, steps of gradient ascent, parameterisation, seed."""

    height: int
    width: int
    steps: int
    parameterisation: str
    seed: int

    @property
    def pixels(self) -> str:
        """Their size in words: "96 pixels", "60 × 160 pixels"."""
        sides = f"{self.height}" if self.height == self.width else f"{self.height} × {self.width}"
        return f"{sides} pixels"


class QuickPictures(Record):
    """Small pictures of the layer's first units, in a few steps, on sheets: sheet-NUMBER.webp, row by row.

    Attributes:
        settings: how they were looked for; a tile has this height and width.
        count: how many units of the layer have one.
        checked: of these, to how many the network itself was asked to respond.
        per_sheet: units on a sheet; the last may have fewer.
        columns: tiles in a row.
    """

    settings: PictureSettings
    count: int
    checked: int
    per_sheet: int
    columns: int

    @property
    def sheets(self) -> list[str]:
        """Names of the files."""
        return [f"sheet-{i}.webp" for i in range(-(-self.count // self.per_sheet))]


class UnitPictures(
    Result, analysis="unit_pictures", summary="a picture of each unit that excites it, by feature visualization"
):
    """A picture of each unit; without any, `presented` and what follows is not there."""

    units: int = value("of the layer")
    shown: int = value("of these, how many have a picture")
    settings: PictureSettings = value("how the pictures in files of their own were looked for")
    quick: QuickPictures | None = value("the small ones, if any were made", default=None)
    presented: tuple[int, int] | None = value(
        "height and width at which the network saw those in files of their own", "pixels", default=None
    )
    way: str = value(
        'how the network was run: its recording on "batches" or on one picture "alone", or its own code, "live"',
        default="batches",
    )
    remark: str = value("what a reader should know of that", default="")
    precision: str = value("number type of the gradients", default="")
    dead: tuple[int, ...] = value("units that no start excites", default=())
    differing: tuple[int, ...] = value(
        "units to whose pictures the network itself does not respond as was measured", default=()
    )
    median_ratio: float | None = value(
        "median over units of the response to the picture over that to photographs", default=None
    )
    photographs: PhotographSet | None = value("what responses are compared with", default=None)
    rows: Table = table(
        unit=integer("channel of the layer, from 0"),
        activation=number("strongest response to its picture, before the rectifier", missing=True),
        photo_max=number("strongest response to the photographs; empty where not finite", missing=True),
        ratio=number("of the two; empty where no photograph excites it, or the network disagrees", missing=True),
        own=number(
            "the same response in the network's own forward pass; empty where it has none or was not asked",
            missing=True,
        ),
        agrees=boolean("whether both are equal, up to rounding, as far as it was asked"),
        dead=boolean("whether no start excites it"),
        reseeded=integer("starts that were given up"),
        quick=boolean("whether it has only the picture of a few steps, on a sheet"),
    )
    files: Mapping[str, bytes] = pictures("unit-CHANNEL.webp and sheet-NUMBER.webp", default=None)

    def picture(self, channel: int) -> bytes:
        """The picture of a unit in a file of its own, WebP.

        Raises:
            KeyError: it has none.
        """
        return self.files[f"unit-{channel}.webp"]


RESULTS = (UnitPictures,)
