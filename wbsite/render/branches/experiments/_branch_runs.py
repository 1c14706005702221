"""What figures of the branch experiments share: its tables, and what experiments and data sets are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from wbsite.core.errors import unknown
from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import SERIES
from wbsite.render.figure import Scene
from wbsite.render.text import tally
from wbsite.results.branches.branch_experiments import BranchExperiments, Experiment
from wbsite.results.repeated_runs import SettingFacts
from wbsite.results.site import Gap

SUITE = "branches"

HEADINGS = {
    "kept": "Pictures as they are",
    "removed": "Pictures without colour",
    "permuted": "Hues permuted",
    "architecture": "Common architecture",
}
"""Group of experiments → its heading; a group not listed is its own heading."""

PROPERTIES = {
    "chroma": "colour",
    "frequency": "spatial frequency",
    "frequency beyond colour": "spatial frequency beyond what colour explains",
}
"""What branches may differ in → as captions say it."""

MEASURES = {
    "chroma": "chroma, the share of a filter's squared weights that is left when the mean of its three colour channels is"
    " taken away at each position",
    "frequency": "the frequency of the grating to which a filter responds most",
    "frequency beyond colour": "what a line through the ranks of chroma leaves of the ranks of frequency, the frequency"
    " of the grating to which a filter responds most",
}
"""The same → how it is measured."""

ETA = (
    "Rank eta squared, η² (Kruskal and Wallis 1952), is the share of the variance of ranks, over the filters of the first"
    " layer, that lies between branches: 0 where all branches have the same mix, 1 where the branch tells the rank."
)

DATASETS = [(SERIES[0], "circle"), (SERIES[3], "diamond"), (SERIES[6], "square"), (SERIES[4], "triangle-up")]
"""Colour and mark of data sets, in their order, the same in every figure of the experiments."""


@dataclass(frozen=True, eq=False)
class Lab:
    """The result of all runs, restricted to the settings that a figure shows.

    Attributes:
        result: of all settings.
        settings: names of those shown, in order.
    """

    result: BranchExperiments
    settings: tuple[str, ...]

    @classmethod
    def of(cls, scene: Scene) -> Lab | Gap:
        """The setting that the page names, or all of them, or why there is none."""
        result = scene.site.suite(SUITE).result_or_gap(BranchExperiments)
        if isinstance(result, Gap):
            return result
        known = tuple(result.settings)
        chosen = scene.options.get("setting") or ""
        if chosen and chosen not in known:
            return Gap(f"no run of the setting {chosen} is there (there are: {', '.join(known)})", failed=False)
        return cls(result, (str(chosen),) if chosen else known)

    def rows(self, table: pd.DataFrame, name: str = "") -> pd.DataFrame:
        """The rows of a table of the result that are of the settings shown, and of one property where it is named."""
        kept = table["setting"].isin(self.settings)
        return table[kept & (table["property"] == name) if name else kept].reset_index(drop=True)

    def facts(self, setting: str) -> SettingFacts:
        """What a setting's runs share."""
        return self.result.settings[setting].facts

    def experiments(self, setting: str) -> Mapping[str, Experiment]:
        """The experiments of a setting by name."""
        return self.result.settings[setting].experiments

    @property
    def datasets(self) -> dict[str, str]:
        """Setting → its data set, and the setting itself where two have the same."""
        names = {name: str(setting.facts.dataset) for name, setting in self.result.settings.items()}
        alike = [name for name in names.values() if list(names.values()).count(name) > 1]
        return {setting: setting if names[setting] in alike else names[setting] for setting in self.settings}

    @property
    def marks(self) -> dict[str, tuple[str, str]]:
        """Setting → its colour and mark."""
        every = {setting: DATASETS[i % len(DATASETS)] for i, setting in enumerate(self.result.settings)}
        return {setting: every[setting] for setting in self.settings}

    @property
    def setup(self) -> Markup:
        """What the networks were trained on, as captions say it (HTML)."""
        texts = []
        for setting, name in self.datasets.items():
            epochs = " or ".join(map(str, self.facts(setting).epochs))
            texts.append(html("{} for {} epoch{}", name, epochs, "" if epochs == "1" else "s"))
        return html("trained on {}", joined(texts, " or on "))

    def titles(self) -> dict[str, str]:
        """Experiment → its title, in the suite's order."""
        every = {name: e for setting in self.settings for name, e in self.experiments(setting).items()}
        return {name: e.title for name, e in sorted(every.items(), key=lambda item: item[1].order)}


def trainings(beyond: int, count: int) -> str:
    """In how many trainings something is so: "all three trainings", "two of three trainings"."""
    if count == 1:
        return "the one training" if beyond else "no training, of one"
    return f"{tally(beyond, count)} trainings"


def axis_of(table: pd.DataFrame, columns: Sequence[str]) -> tuple[float, list[float]]:
    """Where an axis of η² that begins at 0 ends, to hold these columns, and its ticks; η² cannot be above 1."""
    most = table[list(columns)].max().max()
    end = min(10, max(2, math.ceil(10 * most))) if most == most else 10
    step = 1 if end <= 5 else 2
    return end / 10, [tick / 10 for tick in range(0, end + 1, step)]


def property_of(scene: Scene) -> str:
    """The property that the page names, chroma where it names none.

    Raises:
        WbsiteError: there is no such property.
    """
    name = scene.options.get("property", "chroma")
    if name not in PROPERTIES:
        raise unknown("property that branches may differ in", str(name), PROPERTIES)
    return str(name)


def names_of(scene: Scene, option: str) -> list[str]:
    """The names that an option lists, separated by commas."""
    names = str(scene.options.get(option) or "").split(",")
    return list(dict.fromkeys(filter(None, (name.strip() for name in names))))


def absent(scene: Scene, lab: Lab, names: Sequence[str]) -> list[str]:
    """Those of the experiments that have no run.

    Raises:
        WbsiteError: the suite has no experiment of that name.
    """
    titles = lab.titles()
    known = {**titles, **dict.fromkeys(scene.site.suite(SUITE).facts.get("experiments", ()))}
    for name in names:
        if name not in known:
            raise unknown(f"experiment of the suite {SUITE}", name, known)
    return [name for name in names if name not in titles]
