"""How well pictures excite their units: seven thousand dots would say less than a bar for each layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wbsite.core.store import Store
from wbsite.render.figure import Drawing, Scene
from wbsite.render.network import picture_quality
from wbsite.results.network.unit_pictures import PictureSettings, QuickPictures, UnitPictures
from wbsite.results.photographs import PhotographSet


class Network:
    """Two layers: "a" with pictures of its first two units, and both with small ones of ten."""

    id, title = "net", "Net"

    class _Layer:
        def __init__(self, name: str) -> None:
            self.name, self.units = name, range(100, 110)

    def __init__(self, results: dict[str, UnitPictures]) -> None:
        self.results = results

    def having(self, analysis: str) -> list[Any]:
        return [self._Layer(name) for name in self.results]

    def layer(self, name: str) -> Any:
        return self._Layer(name)

    def result(self, schema: Any, name: str) -> UnitPictures:
        return self.results[name]


def pictures(large: int, ratios: list[float]) -> UnitPictures:
    settings = PictureSettings(height=96, width=96, steps=128, parameterisation="fourier", seed=0)
    small = PictureSettings(height=32, width=32, steps=8, parameterisation="fourier", seed=0)
    rows = pd.DataFrame(
        {
            "unit": range(len(ratios)),
            "activation": 2.0 * np.array(ratios),
            "photo_max": 2.0,
            "ratio": ratios,
            "own": np.nan,
            "agrees": True,
            "dead": [ratio < 0 for ratio in ratios],
            "reseeded": 0,
            "quick": [unit >= large for unit in range(len(ratios))],
        }
    )
    return UnitPictures(
        units=len(ratios),
        shown=len(ratios),
        settings=settings,
        quick=QuickPictures(settings=small, count=len(ratios), checked=2, per_sheet=128, columns=16),
        photographs=PhotographSet(name="made up", count=9, what="9 crops of a made-up photograph"),
        rows=rows,
    )


def test_units_with_large_pictures_are_dots_and_the_others_a_bar_for_each_layer(tmp_path: Path) -> None:
    first = [5.0, 6.0, *[2.0] * 7, np.nan]
    second = [-1.0, *[0.5] * 4, *[3.0] * 5]
    network: Any = Network({"a": pictures(2, first), "b": pictures(0, second)})
    site: Any = Store(tmp_path)
    drawing = picture_quality.draw(Scene(site, network, None))
    assert isinstance(drawing, Drawing)
    table = drawing.data.set_index("layer")
    assert table.loc[table["unit"].notna(), "unit"].tolist() == [100, 101], "as the site counts units"
    bars = table[table["unit"].isna()]
    assert bars["units"].tolist() == [7, 10], "those that can be compared"
    assert bars.loc["a", "median"] == 2.0 and bars.loc["b", "median"] == pytest.approx(1.75)
    assert bars["tenth"].min() == pytest.approx(0.455), "quantiles are of ratios of at least what the axis begins with"
    for words in (
        "Dots: pictures of 2 units (96 pixels, 128 steps); 2 of 2 are above 1, and their median is 5.500.",
        "Bars: small pictures of 18 units in a short search (32 pixels, 8 steps)",
        "12 of 17 are above 1, and their median is 2",
        "Not drawn: 1 more unit that none of these photographs excites.",
        "For 1 the short search found nothing that excites them more than the noise it began with.",
    ):
        assert words in drawing.method, drawing.method
    assert drawing.finding == "2 of 2 pictures excite their unit more than any of the photographs does."
