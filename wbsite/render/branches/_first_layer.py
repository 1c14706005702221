"""The `connectivity` result as figures need it, and filters of the first layer as pictures that link to their units."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from html import escape
from typing import Any

import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.figure import Scene
from wbsite.render.kernels import unit_number
from wbsite.render.page import slug
from wbsite.results.network.filters import Filters
from wbsite.results.site import Gap, Model

from ._filter_sheet import FilterSheet

PROPERTIES: Mapping[str, str] = {
    "chroma": "chroma",
    "frequency": "spatial frequency",
    "frequency_without_chroma": "frequency, chroma taken out",
    "chroma_without_frequency": "chroma, frequency taken out",
    "orientation_selectivity": "orientation selectivity",
}
"""What factors are held against → its words."""


class Connected:
    """Of the scene's model."""

    def __init__(self, scene: Scene, entry: Entry) -> None:
        assert scene.model is not None
        self.scene, self.model, self.entry, self.values = scene, scene.model, entry, entry.values

    @classmethod
    def of(cls, scene: Scene) -> Connected | Gap:
        """Or why there is no result."""
        assert scene.model is not None
        entry = fit(scene.model)
        return entry if isinstance(entry, Gap) else cls(scene, entry)

    @property
    def first(self) -> str:
        """Name of the first convolution."""
        return str(self.values["first"])

    @cached_property
    def readers(self) -> str:
        """The convolutions that read it, as HTML."""
        names = [f"<code>{escape(one['layer'])}</code>" for one in self.values["readers"]]
        return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)

    def correlation(self, factor: int, name: str) -> Mapping[str, Any]:
        """The row of a factor and a property."""
        rows = self.entry.table("rows")
        return rows[(rows["factor"] == factor) & (rows["property"] == name)].iloc[0].to_dict()

    @cached_property
    def _sheet(self) -> FilterSheet | None:
        filters = self.model.result(Filters, self.first)
        return None if filters is None else FilterSheet(self.model, self.first, filters.pictures)

    @property
    def files(self) -> dict[str, bytes]:
        """What goes beside a page that shows filters."""
        return {} if self._sheet is None else self._sheet.files

    def filter(self, unit: int, said: str, style: str = "") -> str:
        """A unit's own filter as a picture, or its number where there are none, linked to the unit's place.

        Args:
            said: of the unit, plain text, for who points at it or cannot see it.
            style: CSS of the link.
        """
        number = unit_number(self.model, self.first, unit)
        href = f"{self.scene.up}models/{slug(self.model.id)}/{slug(self.first)}/#unit-{number}"
        text = escape(f"unit {number}: {said}", quote=True)
        shown = f"<b>{number}</b>" if self._sheet is None else self._sheet.cut(unit, 28)
        style = f' style="{style}"' if style else ""
        return f'<a class="wb-filter" href="{href}" title="{text}"{style}>{shown}</a>'


def fit(model: Model) -> Entry | Gap:
    """The result of a network whose first two convolutions can be looked at, or why there is none."""
    entry = model.found("connectivity")
    if isinstance(entry, Gap) or not entry.values["reason"]:
        return entry
    return Gap(str(entry.values["reason"]), failed=False)


def rho_text(row: Mapping[str, Any]) -> str:
    """ "0.82 (0.66 to 0.91)"."""
    return f"{two_text(row['rho'])} ({two_text(row['low'])} to {two_text(row['high'])})"


def tuning_text(row: Mapping[str, Any]) -> str:
    """ "chroma 0.91, 0.12 cycles a pixel" of a unit, and what it lacks."""
    if pd.isna(row["chroma"]):
        return "a filter of zeros"
    dead = ", dead" if row["dead"] else ""
    return f"chroma {two_text(row['chroma'])}, {two_text(row['frequency'])} cycles a pixel{dead}"


def two_text(value: float) -> str:
    """Two decimals, a proper minus sign, a dash for none."""
    return "–" if pd.isna(value) else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
