"""What figures of the banding laboratory share: the runs of one setting, their headings, colours and scales."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from wbsite.claims.banding import persistence
from wbsite.core.markup import Markup, html
from wbsite.render.charts import BEFORE, LAST, literal
from wbsite.render.figure import Scene
from wbsite.results.banding.experiments import Experiment, Experiments
from wbsite.results.site import Gap

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SUITE = "banding"

HEADINGS = {
    "main": "Main experiments",
    "proposed": "Proposed in the article, run here",
    "persisted": persistence.HEADING,
    "dose": "Rotation by random angles",
    "data": "Other data",
    "depth": "Size of the last map and of kernels",
    "architecture": "Common architectures",
}
"""Group of experiments → its heading; a group not listed is its own heading."""

PLACES = {"last": "last convolution", "before": "the convolution before it"}
"""The two layers that are kept of every run → what figures call them."""


@dataclass(frozen=True)
class Laboratory:
    """The runs of one setting.

    Attributes:
        setting: its name.
        result: of all settings.
    """

    setting: str
    result: Experiments

    @classmethod
    def open(cls, scene: Scene, settings: Collection[str] | None = None) -> Laboratory | Gap:
        """The setting that the page asks for, the first where it names none; or why there are no runs of it.

        Args:
            settings: that a figure can be drawn of; all if left out.
        """
        result = scene.site.suite(SUITE).result_or_gap(Experiments)
        if isinstance(result, Gap):
            return result
        settings = result.settings if settings is None else settings
        setting = scene.options.get("setting") or min(settings, default="")
        if setting in settings:
            return cls(setting, result)
        available = f" (there are: {', '.join(settings)})" if settings else ""
        return Gap(f"no run of the setting {setting or SUITE} is there{available}", failed=False)

    @property
    def experiments(self) -> Mapping[str, Experiment]:
        """By name."""
        return self.result.settings[self.setting].experiments

    @property
    def ordered(self) -> list[str]:
        """Names of the experiments, in the order of the suite."""
        return sorted(self.experiments, key=lambda name: self.experiments[name].order)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row an experiment and layer."""
        return self.rows(self.result.summary)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run and layer."""
        return self.rows(self.result.runs)

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The setting's rows of a table."""
        return table[table["setting"] == self.setting].reset_index(drop=True)

    def banding(self, name: str, place: str) -> Literal["", "lost", "turned"]:
        """What became of the baseline's banding in an experiment's layer: "lost", as the result says, or "turned" where
        it is lost and at least the share that counts as banding kept is there with the other sign. An H that is barely
        but certainly negative is no turned band."""
        layer = self.experiments[name].layer(place)
        if not layer.lost:
            return ""
        baseline = self.experiments[self.experiments[name].baseline].layer(place).index.mean or 0.0
        turned = layer.index.negative and -(layer.index.mean or 0.0) >= self.result.lost_below * baseline
        return "turned" if turned else "lost"

    @property
    def setup_text(self) -> Markup:
        """What the networks were trained on, as captions say it (HTML)."""
        facts = self.result.settings[self.setting].facts
        epochs = " or ".join(map(str, facts.epochs))
        return html("trained on {} for {} epoch{}", facts.dataset, epochs, "" if epochs == "1" else "s")


def absent_text(table: pd.DataFrame, experiments: Iterable[str]) -> str:
    """A sentence naming the experiments that a figure is about and that have not been run; "" if there are none."""
    absent = [name for name in experiments if name not in set(table["experiment"])]
    return f" Not run: {', '.join(absent)}." if absent else ""


def written(table: pd.DataFrame) -> pd.DataFrame:
    """The table as its file has it, with more decimals than any page or tooltip shows, so that rounding these is no
    rounding of what was rounded before."""
    return table.round(9)


def span(table: pd.DataFrame) -> tuple[float, float]:
    """The range of H that a chart shows: its values, intervals and zero, rounded outwards; H cannot leave [−1, 1]."""
    least, most = table[["index", "low"]].min().min(), table[["index", "high"]].max().max()
    if math.isnan(least):
        return -1.0, 1.0
    return max(-1.0, min(0.0, least // 0.2 * 0.2)), min(1.0, max(0.2, -(-most // 0.2) * 0.2))


def place_colour(table: pd.DataFrame) -> alt.Color:
    """Colour of the last layer and of the one before, the same in every figure of the laboratory."""
    import altair as alt

    return alt.Color("place:N", scale=alt.Scale(domain=list(PLACES), range=[LAST, BEFORE]), legend=_legend(table))


def place_shape(table: pd.DataFrame) -> alt.Shape:
    """Mark of the last layer and of the one before."""
    import altair as alt

    return alt.Shape(
        "place:N", scale=alt.Scale(domain=list(PLACES), range=["circle", "diamond"]), legend=_legend(table)
    )


def layer_names(table: pd.DataFrame) -> dict[str, str]:
    """Place → the layer's name, where it has one name in the whole table."""
    names = {place: set(table.loc[table["place"] == place, "layer"]) for place in PLACES}
    return {place: str(*layers) for place, layers in names.items() if len(layers) == 1}


def _legend(table: pd.DataFrame) -> alt.Legend:
    import altair as alt

    names = layer_names(table)
    texts = {place: f"{text}, {names[place]}" if place in names else text for place, text in PLACES.items()}
    return alt.Legend(
        title=None, orient="top", symbolSize=90, symbolOpacity=1, labelExpr=f"{literal(texts)}[datum.value]"
    )
