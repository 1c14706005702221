"""The `connectivity` result as figures need it, and filters of the first layer as pictures that link to their units."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.figure import Scene
from wbsite.render.kernels import unit_number
from wbsite.render.page import slug
from wbsite.render.text import fixed_text, listing
from wbsite.results.branches.connectivity import Connectivity
from wbsite.results.network.filters import Filters
from wbsite.results.site import Gap, Model

from ._filter_sheet import FilterSheet, grid

PROPERTIES: Mapping[str, str] = {
    "chroma": "chroma",
    "frequency": "spatial frequency",
    "frequency_without_chroma": "frequency, chroma taken out",
    "chroma_without_frequency": "chroma, frequency taken out",
    "orientation_selectivity": "orientation selectivity",
}
"""What factors are held against → its words."""


class Connected:
    """The result of the scene's model, and its filters as pictures."""

    def __init__(self, scene: Scene, model: Model, result: Connectivity) -> None:
        self.scene, self.model, self.result = scene, model, result

    @classmethod
    def of(cls, scene: Scene) -> Connected | Gap:
        """The gap says why there is no result."""
        assert scene.model is not None
        result = fit(scene.model)
        return result if isinstance(result, Gap) else cls(scene, scene.model, result)

    @cached_property
    def readers(self) -> str:
        """The convolutions that read the first one, set as code."""
        return html("{}", listing(html("<code>{}</code>", reader.layer) for reader in self.result.readers))

    def correlation(self, factor: int, name: str) -> Mapping[str, Any]:
        """The row of a factor and a property."""
        rows = self.result.rows
        return rows[(rows["factor"] == factor) & (rows["property"] == name)].iloc[0].to_dict()

    @cached_property
    def _sheet(self) -> FilterSheet | None:
        filters = self.model.result(Filters, self.result.first)
        return None if filters is None else FilterSheet(self.model, self.result.first, filters.pictures)

    @property
    def files(self) -> dict[str, bytes]:
        """The files that go beside a page that shows filters."""
        return {} if self._sheet is None else self._sheet.files

    def grid(self, file: str, units: np.ndarray, alt: str) -> tuple[bytes, str]:
        """Filters of these units in a file, and its HTML; without pictures their numbers."""
        if self._sheet is None:
            return b"", ", ".join(str(unit_number(self.model, self.result.first, int(unit))) for unit in units)
        return grid(file, self._sheet.pictures[units], alt)

    def filter(self, unit: int, description: str, style: str = "") -> Markup:
        """A unit's own filter as a picture, or its number where there are none, linked to the unit's place.

        Args:
            description: plain text, for who points at it or cannot see it.
            style: CSS of the link.
        """
        first = self.result.first
        number = unit_number(self.model, first, unit)
        href = f"{self.scene.up}models/{slug(self.model.id)}/{slug(first)}/#unit-{number}"
        text = f"unit {number}: {description}"
        picture = html("<b>{}</b>", number) if self._sheet is None else self._sheet.cut(unit, 28)
        style = html(' style="{}"', style) if style else ""
        return html('<a class="wb-filter" href="{}" title="{}"{}>{}</a>', href, text, style, picture)


def fit(model: Model) -> Connectivity | Gap:
    """The result of a network whose first two convolutions can be looked at, or why there is none."""
    result = model.result_or_gap(Connectivity)
    return result if isinstance(result, Gap) or result.fit else Gap(result.reason, failed=False)


def rho_text(row: Mapping[str, Any]) -> str:
    """ "0.82 (0.66 to 0.91)"."""
    return f"{fixed_text(row['rho'])} ({fixed_text(row['low'])} to {fixed_text(row['high'])})"


def tuning_text(row: Mapping[str, Any]) -> str:
    """ "chroma 0.91, 0.12 cycles a pixel" of a unit, and what it lacks."""
    if pd.isna(row["chroma"]):
        return "a filter of zeros"
    dead = ", dead" if row["dead"] else ""
    return f"chroma {fixed_text(row['chroma'])}, {fixed_text(row['frequency'])} cycles a pixel{dead}"
