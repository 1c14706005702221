"""Kernels of an experiment's layer as a picture, with the banding index on a scale that all panels share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from wbsite.render.charts import BEFORE, LAST
from wbsite.render.figure import Scene
from wbsite.render.sprites import sheet
from wbsite.render.suite_tables import SUITE, about, interval_text, rows
from wbsite.render.text import share_text
from wbsite.results.site import Gap

COLUMNS, SHOWN = 16, 48
"""Units in a row of a panel's picture, and in the picture."""

COLOURS = {"last": LAST, "before": BEFORE}


@dataclass(frozen=True)
class Panels:
    """What panels of one setting are made from.

    Attributes:
        setting: its name.
        summary, runs: tables of `experiments`, H on the full weights.
        pictured: table of `lab_pictures`, H on the pictures.
        pictures: EXPERIMENT/PLACE → (shown, kh, kw, 3) uint8, in order of similarity.
        about: experiment → its values in `experiments`.
    """

    setting: str
    summary: pd.DataFrame
    runs: pd.DataFrame
    pictured: pd.DataFrame
    pictures: Mapping[str, np.ndarray]
    about: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, scene: Scene) -> Panels | Gap:
        """Those of the scene's setting, or why there are none."""
        tables = [rows(scene, *source) for source in (("summary",), ("runs",), ("summary", "lab_pictures"))]
        for table in tables:
            if isinstance(table, Gap):
                return table
        summary, runs, pictured = (table for table in tables if isinstance(table, pd.DataFrame))
        setting = str(summary["setting"].iloc[0])
        drawn = scene.site.suite(SUITE).entry("lab_pictures")
        assert drawn is not None
        begin = f"{setting}/"
        pictures = {name.removeprefix(begin): stack for name, stack in drawn.arrays.items() if name.startswith(begin)}
        return cls(setting, summary, runs, pictured, pictures, about(scene, setting))

    def row(self, table: pd.DataFrame, experiment: str, place: str) -> dict[str, Any]:
        """A table's row of an experiment's layer."""
        return table[(table["experiment"] == experiment) & (table["place"] == place)].iloc[0].to_dict()

    def count(self, experiments: list[str], places: tuple[str, ...]) -> int:
        """How many units every one of the panels can show."""
        return min(SHOWN, *(len(self.pictures[f"{name}/{place}"]) for name in experiments for place in places))

    def cell(self, experiment: str, place: str, count: int, columns: int = COLUMNS) -> tuple[str, str, bytes]:
        """HTML of a layer's picture and index, the picture's file name, and its bytes."""
        stack = self.pictures[f"{experiment}/{place}"]
        stack = stack[(2 * np.arange(count) + 1) * len(stack) // (2 * count)]
        # All that decides the picture is in its name: several figures of a page may show an experiment.
        file = f"{self.setting}-{experiment}-{place}-{count}-{columns}.png"
        png, columns = sheet(stack.astype(np.float32) / 255, columns, gap=1)
        _, kh, kw, _ = stack.shape
        wide, tall = columns * (kw + 1) - 1, math.ceil(count / columns) * (kh + 1) - 1
        row, shown = self.row(self.summary, experiment, place), self.row(self.pictured, experiment, place)
        alt = f"{count} units of {row['layer']} of {row['title']}, H = {share_text(row['index'])}"
        html = (
            f'<div class="wb-kernels"><img class="wb-sprite" src="{file}" alt="{escape(alt, quote=True)}"'
            f' width="{wide}" height="{tall}">{self.strip(experiment, place)}<span>'
            f"<strong>{escape(str(row['layer']))}</strong> H = {interval_text(row)}<br>"
            f"on pictures {interval_text(shown)}</span></div>"
        )
        return html, file, png

    def strip(self, experiment: str, place: str) -> str:
        """H from −1 to 1: every seed, the mean, its interval, and the baseline's mean."""
        row = self.row(self.summary, experiment, place)
        seeds = self.runs[(self.runs["experiment"] == experiment) & (self.runs["place"] == place)]["index"]
        baseline = self.baseline(experiment)
        parts = [f'<i style="left:{_percent(index)}"></i>' for index in seeds if not math.isnan(index)]
        if not math.isnan(row["low"]):
            low, high = max(-1.0, row["low"]), min(1.0, row["high"])
            parts.append(f'<s style="left:{_percent(low)};right:{_percent(-high)}"></s>')
        if not math.isnan(row["index"]):
            parts.append(f'<b style="left:{_percent(row["index"])}"></b>')
        if baseline != experiment and baseline in self.about:
            parts.append(f'<u style="left:{_percent(self.row(self.summary, baseline, place)["index"])}"></u>')
        return f'<div class="wb-strip" style="--wb-mark:{COLOURS[place]}" aria-hidden="true">{"".join(parts)}</div>'

    def baseline(self, experiment: str) -> str:
        """The experiment that another is compared with."""
        return str(self.about[experiment].get("baseline") or "baseline")

    def accuracy(self, experiment: str) -> str:
        """Test accuracy in per cent with its interval, and the number of seeds."""
        row = self.row(self.summary, experiment, "last")
        seeds = f"{row['seeds']} seed{'s' if row['seeds'] > 1 else ''}"
        middle, low, high = (100 * row[name] for name in ("accuracy", "accuracy_low", "accuracy_high"))
        spread = "" if math.isnan(low) else f" ({low:.1f} to {high:.1f})"
        return f"accuracy {middle:.1f} %{spread}, {seeds}"

    def numbers(self, experiment: str, places: tuple[str, ...]) -> dict[str, Any]:
        """One row of the figure's data: everything a panel says."""
        row = self.row(self.summary, experiment, "last")
        told = {
            name: row[name] for name in ("experiment", "title", "seeds", "accuracy", "accuracy_low", "accuracy_high")
        }
        for place in places:
            weights, pictures = self.row(self.summary, experiment, place), self.row(self.pictured, experiment, place)
            told[place] = weights["layer"]
            told |= {f"{place}_{name}": weights[name] for name in ("index", "low", "high")}
            told |= {f"{place}_pictures_{name}": pictures[name] for name in ("index", "low", "high")}
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in told.items()}


def _percent(index: float) -> str:
    """Place of a value of H on the scale from −1 to 1."""
    return f"{50 * (index + 1):.1f}%"
