"""How strongly photographs excite the units of a network's convolutions."""

from __future__ import annotations

from wbsite.results.base import Result, Table, integer, number, table, text, value
from wbsite.results.photographs import PhotographSet


class PhotographResponses(
    Result,
    analysis="photograph_responses",
    summary="the strongest response of each unit of the convolutions to the photographs",
):
    """Responses before the rectifier, of the units of all convolutions that calls lead to from the picture."""

    photographs: PhotographSet = value("what was shown")
    rows: Table = table(
        layer=text("convolution"),
        unit=integer("channel of the layer, from 0"),
        strongest=number(
            "strongest response over all photographs and positions, before the rectifier; empty where not finite",
            missing=True,
        ),
    )

    def strongest(self, layer: str) -> list[float]:
        """Of a layer's units, in order, NaN for one without a finite response; empty for a layer that has none."""
        return list(self.rows.loc[self.rows["layer"] == layer, "strongest"])


RESULTS = (PhotographResponses,)
