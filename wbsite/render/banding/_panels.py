"""Kernels of an experiment's layer as a picture, with the banding index on a scale that all panels share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import BEFORE, LAST
from wbsite.render.figure import Scene
from wbsite.render.sprites import sheet
from wbsite.render.suite_tables import interval_text
from wbsite.render.text import counted, share_text
from wbsite.results.banding.lab_pictures import LabPictures
from wbsite.results.site import Gap

from ._laboratory import SUITE, Laboratory

COLUMNS, SHOWN = 16, 48
"""Units in a row of a panel's picture, and in the picture."""

COLOURS = {"last": LAST, "before": BEFORE}

CELL = Markup(
    '<div class="wb-kernels"><img class="wb-sprite" src="{file}" alt="{alt}" width="{width}" height="{height}">{strip}'
    "<span><strong>{layer}</strong> H = {index}<br>on pictures {pictures}</span></div>"
)


@dataclass(frozen=True)
class Panels:
    """What panels of one setting are made from.

    Attributes:
        laboratory: its runs, with H on the full weights.
        pictured: the summary of `lab_pictures`, with H on the pictures.
        pictures: EXPERIMENT/PLACE → (units, kh, kw, 3) uint8, in order of similarity.
    """

    laboratory: Laboratory
    pictured: pd.DataFrame
    pictures: Mapping[str, np.ndarray]

    @classmethod
    def open(cls, scene: Scene) -> Panels | Gap:
        """Those of the scene's setting, or why there are none."""
        laboratory = Laboratory.open(scene)
        if isinstance(laboratory, Gap):
            return laboratory
        drawn = scene.site.suite(SUITE).result_or_gap(LabPictures)
        if isinstance(drawn, Gap):
            return drawn
        begin = f"{laboratory.setting}/"
        pictures = {name.removeprefix(begin): stack for name, stack in drawn.pictures.items() if name.startswith(begin)}
        return cls(laboratory, laboratory.rows(drawn.summary), pictures)

    def row(self, table: pd.DataFrame, experiment: str, place: str) -> dict[str, Any]:
        """A table's row of an experiment's layer."""
        return table[(table["experiment"] == experiment) & (table["place"] == place)].iloc[0].to_dict()

    def count(self, experiments: list[str], places: tuple[str, ...]) -> int:
        """How many units every one of the panels can show."""
        return min(SHOWN, *(len(self.pictures[f"{name}/{place}"]) for name in experiments for place in places))

    def sample(self, experiment: str, place: str, count: int) -> np.ndarray:
        """At most `count` pictures (units, kh, kw, 3) of a layer, 0 to 1, spread evenly over the order of similarity."""
        stack = self.pictures[f"{experiment}/{place}"]
        count = min(count, len(stack))
        return stack[(2 * np.arange(count) + 1) * len(stack) // (2 * count)].astype(np.float32) / 255

    def cell(self, experiment: str, place: str, count: int, columns: int = COLUMNS) -> tuple[Markup, str, bytes]:
        """HTML of a layer's picture and index, the picture's file name, and its bytes."""
        pictures = self.sample(experiment, place, count)
        # All that decides the picture is in its name: several figures of a page may show an experiment.
        file = f"{self.laboratory.setting}-{experiment}-{place}-{count}-{columns}.png"
        png, columns = sheet(pictures, columns, gap=1)
        _, kh, kw, _ = pictures.shape
        weights = self.row(self.laboratory.summary, experiment, place)
        cell = CELL.format(
            file=file,
            alt=f"{count} units of {weights['layer']} of {weights['title']}, H = {share_text(weights['index'])}",
            width=columns * (kw + 1) - 1,
            height=math.ceil(count / columns) * (kh + 1) - 1,
            strip=self.strip(experiment, place),
            layer=weights["layer"],
            index=interval_text(weights),
            pictures=interval_text(self.row(self.pictured, experiment, place)),
        )
        return cell, file, png

    def strip(self, experiment: str, place: str) -> Markup:
        """H from −1 to 1: every seed, the mean, its interval, and the baseline's mean."""
        runs, experiments = self.laboratory.runs, self.laboratory.experiments
        index = experiments[experiment].layer(place).index
        baseline = experiments[experiment].baseline
        seeds = runs[(runs["experiment"] == experiment) & (runs["place"] == place)]["index"].dropna()
        marks = [html('<i style="left:{}"></i>', _percent(value)) for value in seeds]
        if index.low is not None and index.high is not None:
            low, high = max(-1.0, index.low), min(1.0, index.high)
            marks.append(html('<s style="left:{};right:{}"></s>', _percent(low), _percent(-high)))
        if index.mean is not None:
            marks.append(html('<b style="left:{}"></b>', _percent(index.mean)))
        if baseline != experiment and baseline in experiments:
            mean = experiments[baseline].layer(place).index.mean
            marks.append(html('<u style="left:{}"></u>', _percent(mean)) if mean is not None else Markup())
        return Markup('<div class="wb-strip" style="--wb-mark:{}" aria-hidden="true">{}</div>').format(
            COLOURS[place], joined(marks)
        )

    def accuracy(self, experiment: str) -> str:
        """Test accuracy in per cent with its interval, and the number of seeds."""
        trial = self.laboratory.experiments[experiment]
        mean, low, high = trial.accuracy.mean, trial.accuracy.low, trial.accuracy.high
        bounds = "" if low is None or high is None else f" ({100 * low:.1f} to {100 * high:.1f})"
        return f"accuracy {100 * (mean or 0):.1f} %{bounds}, {counted(trial.seeds, 'seed')}"

    def numbers(self, experiment: str, places: tuple[str, ...]) -> dict[str, Any]:
        """One row of the figure's data: everything a panel says."""
        row = self.row(self.laboratory.summary, experiment, "last")
        numbers = {
            name: row[name] for name in ("experiment", "title", "seeds", "accuracy", "accuracy_low", "accuracy_high")
        }
        for place in places:
            weights = self.row(self.laboratory.summary, experiment, place)
            pictures = self.row(self.pictured, experiment, place)
            numbers[place] = weights["layer"]
            numbers |= {f"{place}_{name}": weights[name] for name in ("index", "low", "high")}
            numbers |= {f"{place}_pictures_{name}": pictures[name] for name in ("index", "low", "high")}
        return numbers


def _percent(index: float) -> str:
    """Place of a value of H on the scale from −1 to 1."""
    return f"{50 * (index + 1):.1f}%"
