"""Pictures of directions over a map's channels: position weights and weight factors."""

from __future__ import annotations

from collections.abc import Mapping

from wbsite.results.base import Result, Table, boolean, integer, number, pictures, table, text, value
from wbsite.results.network.unit_pictures import PictureSettings


class DirectionPictures(
    Result,
    analysis="direction_pictures",
    summary="pictures of what positions of a kernel, and weight factors, look for",
):
    """A picture of each direction that the result `examples` asks for."""

    pictured: int = value("directions that have a picture")
    dead: int = value("of these, directions that no start excites")
    differing: int = value("of these, pictures to which the network itself does not respond as was measured", default=0)
    settings: PictureSettings = value("of all pictures")
    remark: str = value("what a reader should know of how the network was run", default="")
    files: Mapping[str, bytes] = pictures("NAME.webp, by the direction's name")
    rows: Table = table(
        "one row a direction",
        name=text("the direction's name"),
        place=text("the layer it belongs to"),
        side=text("input or output of that layer"),
        activation=number("the direction's strongest response to its picture", missing=True),
        own=number("the same in the network's own forward pass; empty where it has none", missing=True),
        agrees=boolean("whether both are equal, up to rounding"),
        dead=boolean("whether no start excites it"),
        reseeded=integer("starts that were replaced"),
    )


RESULTS = (DirectionPictures,)
