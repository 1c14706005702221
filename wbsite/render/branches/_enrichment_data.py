"""The `enrichment` result as figures need it: the groups that are shown, names of indices and categories, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pandas as pd

from wbsite.core.errors import unknown
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Scene
from wbsite.render.text import number_text, percent_text
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.enrichment import Enrichment
from wbsite.results.branches.tuning import Tuning
from wbsite.results.site import Gap, Model

ALPHA = 0.05
"""At most this is marked."""

SOURCES = {"stimuli": "by responses to stimuli", "weights": "by weights", "yours": "by the user's own categories"}

FILTER_TITLES = {
    "chroma": "chroma",
    "frequency": "spatial frequency",
    "orientation_selectivity": "orientation selectivity",
    "phase_symmetry": "phase symmetry",
}
"""Of first-layer filters."""


class Enriched:
    """The result of the scene's model, restricted to what the options group and kind name.

    Attributes:
        model: the scene's.
        result: as it is stored.
        rows, effects, blocks: its tables, restricted.
    """

    def __init__(self, model: Model, result: Enrichment, options: Mapping[str, Any]) -> None:
        self.model, self.result = model, result
        tables = [result.rows, result.effects, result.blocks]
        for option in ("group", "kind"):
            wanted = options.get(option)
            known = list(dict.fromkeys(name for table in tables for name in table[option]))
            if wanted and wanted not in known:
                raise unknown(f"{option} of branches of {model.id} that was tested:", str(wanted), known)
            if wanted:
                tables = [table[table[option] == wanted] for table in tables]
        self.rows, self.effects, self.blocks = tables

    @classmethod
    def of(cls, scene: Scene) -> Enriched | Gap:
        """The gap says why there is nothing to show.

        Raises:
            WbsiteError: an option names no group or kind that was tested.
        """
        result = scene.result_or_gap(Enrichment)
        if isinstance(result, Gap):
            return result
        assert scene.model is not None
        if not result.tests.effects and not result.tests.rows:
            branches = scene.model.result(Branches)
            return Gap((branches and branches.none) or "no units of two branches were measured", failed=False)
        return cls(scene.model, result, scene.options)

    @cached_property
    def _tuning(self) -> Tuning | None:
        return self.model.result(Tuning)

    def index(self, name: str, source: str) -> str:
        """The title of an index; its name where it has none."""
        if source == "weights":
            return FILTER_TITLES.get(name, name)
        index = self._tuning.indices.get(name) if self._tuning else None
        return index.title if index else name

    def category(self, name: str, source: str) -> tuple[str, str]:
        """The title of a category, and its rule; plain text."""
        if source == "yours":
            return name, f"from {self.result.about.get('categories', {}).get('name', '')}"
        category = self._tuning.categories.get(name) if self._tuning else None
        if category is None:
            return name, ""
        return category.title, category.rule if source == "stimuli" else ""

    @property
    def copies_text(self) -> Markup:
        """Sentences on untrained copies: what they are, and how often they show what is not there."""
        untrained = self.result.untrained
        if not untrained.copies:
            reason = html(": {}", untrained.reason) if untrained.reason else "."
            return html(" The network was not compared with untrained copies of itself{}", reason)
        groups = joined((html("<code>{}</code>", name) for name in untrained.groups), ", ")
        text = html(
            " p and q treat the assignment of units to branches as random. But units of a branch share inputs and kernel size, so"
            " that branches of untrained networks differ too: of {} copies with random weights,"
            " shown the same stimuli ({}),",
            untrained.copies,
            groups,
        )
        alarms = {
            "tests of categories": untrained.rows,
            "tests of indices": untrained.effects,
            "tests of blocks": untrained.blocks,
        }
        shares = [
            f"{percent_text(alarm.share, 1)} of {number_text(alarm.tests)} {tests}"
            for tests, alarm in alarms.items()
            if alarm.tests
        ]
        return text + f" {' and '.join(shares)} had p ≤ 0.05."


def marked(value: float) -> bool:
    """Whether a p or q is small enough to be marked; NaN is not."""
    return bool(value <= ALPHA)


def p_text(value: float | None) -> str:
    """A p or q for a table: three decimals, or a power of ten."""
    if value is None or pd.isna(value):
        return "–"
    return number_text(float(value)) if value < 0.9995 else "1"
