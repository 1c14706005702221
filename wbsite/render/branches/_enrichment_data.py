"""The `enrichment` result as figures need it: the groups that are shown, names of indices and categories, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from html import escape
from typing import Any

import pandas as pd

from wbsite.core.errors import unknown
from wbsite.core.store import Entry
from wbsite.render.figure import Scene
from wbsite.render.text import number_text
from wbsite.results.site import Gap

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
    """Of the scene's model, restricted to what the options group and kind name.

    Attributes:
        rows, effects, stages: the result's tables.
        values: its values.
    """

    def __init__(self, scene: Scene, entry: Entry) -> None:
        assert scene.model is not None
        self.model, self.values = scene.model, entry.values
        tables = {name: entry.table(name) for name in ("rows", "effects", "stages")}
        for option in ("group", "kind"):
            wanted = scene.options.get(option)
            known = list(dict.fromkeys(name for table in tables.values() for name in table[option]))
            if wanted and wanted not in known:
                raise unknown(f"{option} of branches of {scene.model.id} that was tested:", str(wanted), known)
            if wanted:
                tables = {name: table[table[option] == wanted] for name, table in tables.items()}
        self.rows, self.effects, self.stages = tables["rows"], tables["effects"], tables["stages"]
        self.labelled = str(entry.about.get("categories", {}).get("name", ""))

    @classmethod
    def of(cls, scene: Scene) -> Enriched | Gap:
        """The gap says why there is nothing to show.

        Raises:
            WbsiteError: an option names no group or kind that was tested.
        """
        entry = scene.entry_or_gap("enrichment")
        if isinstance(entry, Gap):
            return entry
        assert scene.model is not None
        if not entry.values["tests"]["effects"] and not entry.values["tests"]["rows"]:
            found = scene.model.entry("branches")
            return Gap((found and found.values["none"]) or "no units of two branches were measured", failed=False)
        return cls(scene, entry)

    @cached_property
    def _known(self) -> Mapping[str, Any]:
        entry = self.model.entry("tuning")
        return entry.values if entry else {"indices": {}, "categories": {}}

    def index(self, name: str, source: str) -> str:
        """What an index is called."""
        if source == "weights":
            return FILTER_TITLES.get(name, name)
        return str(self._known["indices"].get(name, {}).get("title", name))

    def category(self, name: str, source: str) -> tuple[str, str]:
        """What a category is called, and its rule; plain text."""
        if source == "yours":
            return name, f"from {self.labelled}"
        found = self._known["categories"].get(name, {})
        return str(found.get("title", name)), str(found.get("rule", "")) if source == "stimuli" else ""

    @property
    def copies_text(self) -> str:
        """Sentences on untrained copies: what they are, and how often they show what is not there."""
        untrained = self.values["untrained"]
        if not untrained["copies"]:
            reason = f": {escape(untrained['reason'])}" if untrained["reason"] else "."
            return f" The network was not compared with untrained copies of itself{reason}"
        groups = ", ".join(f"<code>{escape(name)}</code>" for name in untrained["groups"])
        text = (
            " p and q take units to be dealt to branches by lot. But units of a branch share inputs and kernel size, so"
            f" that branches of untrained networks differ too: of {untrained['copies']} copies with random weights,"
            f" shown the same stimuli ({groups}),"
        )
        of = (("rows", "tests of categories"), ("effects", "tests of indices"), ("stages", "tests of blocks"))
        found = [
            f"{untrained[name]['share']:.1%} of {number_text(untrained[name]['tests'])} {what}"
            for name, what in of
            if untrained[name]["tests"]
        ]
        return text + f" {' and '.join(found)} had p ≤ 0.05."


def marked(value: float) -> bool:
    """Whether a p or q is small enough to be marked; NaN is not."""
    return bool(value <= ALPHA)


def p_text(value: float) -> str:
    """A p or q for a table: three decimals, or a power of ten."""
    if pd.isna(value):
        return "–"
    return number_text(float(value)) if value < 0.9995 else "1"


def two_text(value: float) -> str:
    """Two decimals with a proper minus sign, a dash for none."""
    return "–" if pd.isna(value) else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
