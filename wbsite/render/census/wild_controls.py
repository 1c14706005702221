"""The controls: H of the last layer of small networks that differ in task, pooled axis, shape of the map or pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from wbsite.claims.base import NOTHING
from wbsite.claims.census.controls import CLAIMS
from wbsite.core.markup import Markup, html, joined
from wbsite.core.naming import CONTROLS
from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.sprites import sheet
from wbsite.render.suite_tables import INTERVAL, interval_expression, interval_text, seeds_text
from wbsite.render.text import fixed_text, number_text, percent_text
from wbsite.results.census.controls import Controls, Setting
from wbsite.results.site import Gap

if TYPE_CHECKING:
    import altair as alt

HEADINGS = {
    "sequence": "Readers: one axis averaged away",
    "presence": "Which letters: both averaged away",
    "detector": "Finders: nothing averaged away",
}
"""Group of controls → its heading; a group not listed is its own heading."""

POOLED = {"height": "height averaged away", "width": "width averaged away"}

ROW, HEADING, TOP = 40, 32, 6
"""Pixels of a control, of a group's heading above its first, and above all."""

NARROW, LABELS = 640, 290
"""Below this width titles stand above their marks; else to the left of them, in this many pixels."""

KERNELS, COLUMNS = 40, 10
"""Kernels that are shown of a control, and how many in a row."""

PANEL = Markup(
    '<div class="wb-kernels"><p><strong>{title}</strong> {pooled}</p>'
    '<img class="wb-sprite" src="{file}" alt="{alt}" width="{width}" height="{height}"><span>H = {index}</span></div>'
)


@dataclass(frozen=True)
class Trained:
    """The controls of one setting.

    Attributes:
        name: of the setting.
        result: of all settings.
    """

    name: str
    result: Controls

    @classmethod
    def open(cls, scene: Scene) -> Trained | Gap:
        """The setting that the page asks for, the first where it names none; or why there are no runs of it."""
        result = scene.site.suite(CONTROLS).result_or_gap(Controls)
        if isinstance(result, Gap):
            return result
        name = scene.options.get("setting") or min(result.settings)
        if name not in result.settings:
            return Gap(f"no run of the setting {name} is there (there are: {', '.join(result.settings)})", failed=False)
        return cls(name, result)

    @property
    def setting(self) -> Setting:
        """Its controls by name."""
        return self.result.settings[self.name]

    @property
    def setup(self) -> str:
        """What the networks are, as methods say it (HTML)."""
        facts = self.setting.facts
        weights = [control.weights for control in self.setting.controls.values() if control.weights]
        size = f" of about {number_text(round(sum(weights) / len(weights), -3))} weights" if weights else ""
        epochs = " or ".join(map(str, facts.epochs))
        pictures = number_text(facts.training_pictures)
        return (
            f"Networks{size} with five 3×3 convolutions, trained for {epochs} epochs on {pictures} pictures of letters that are"
            " drawn for it"
        )


def control_rows(trained: Trained) -> pd.DataFrame:
    """One row a mark: the mean of a control (`kind` "mean"), or one run ("seed"); `row` and `head` are in pixels."""
    controls = trained.setting.controls
    y: dict[str, int] = {}
    heads: dict[str, int] = {}
    top, group = TOP, None
    for name, control in sorted(controls.items(), key=lambda item: item[1].order):
        top += HEADING if control.group != group else 0
        group = control.group
        heads.setdefault(group, top)
        y[name] = top + ROW // 2
        top += ROW
    summary, runs = (table[table["setting"] == trained.name] for table in (trained.result.summary, trained.result.runs))
    means = summary.rename(columns={f"last_{name}": name for name in ("layer", "index", "low", "high")})
    means = means.assign(kind="mean").drop(columns=["accuracy_low", "accuracy_high"])
    singles = runs[runs["last"]].drop(columns=["low", "high"]).assign(kind="seed")
    table = pd.concat([means, singles], ignore_index=True)
    table["group"] = table["experiment"].map({name: control.group for name, control in controls.items()})
    table["heading"] = table["group"].map(lambda name: HEADINGS.get(name, name))
    table["row"], table["head"] = table["experiment"].map(y), table["group"].map(heads)
    columns = ["heading", "experiment", "title", "kind", "seed", "seeds", "layer", "index", "low", "high", "accuracy"]
    table = table.sort_values(["order", "kind", "seed"], ignore_index=True)[[*columns, "row", "head"]]
    return table.astype({"seed": "Int64", "seeds": "Int64"}).round(9)


def draw(scene: Scene) -> Drawing | Gap:
    """A row a control, grouped by task: a dot a run, the mean and its interval."""
    trained = Trained.open(scene)
    if isinstance(trained, Gap):
        return trained
    table = control_rows(trained)
    height = int(table["row"].max()) + ROW // 2
    means = table[table["kind"] == "mean"]
    texts = [f"{row['title']} {interval_text(row)}" for row in means.to_dict("records")]
    accuracies = [control.accuracy_low for control in trained.setting.controls.values()]
    method = html(
        "{}. H on full weights, 0 at chance. {} ({} a control). Accuracy is the share of a"
        " picture's labels that are right; the least of any run is {}. Long pictures have"
        " eight letters and square ones four; where rows are turned, their letters are, too. What they were asked was written down before any was trained.",
        trained.setup,
        INTERVAL,
        seeds_text(means),
        percent_text(min(accuracies), 1),
    )
    return Drawing(
        "Banding index H of the last 3×3 convolution; a dot is a trained network.",
        f"Dot plot of the banding index of {len(means)} controls: {'; '.join(texts)}.",
        table,
        specification(_chart(table, height), height),
        width="wide",
        height=height,
        finding=_finding(scene, trained),
        method=method,
    )


def _finding(scene: Scene, trained: Trained) -> str:
    """What the first claim on the controls came to; where it is not decided, the range of H."""
    decided = CLAIMS[0].decide(scene.site) if trained.name == min(trained.result.settings) else None
    if decided is not None and not isinstance(decided, Gap) and decided[0] != NOTHING:
        return CLAIMS[0].wording[decided[0]]
    means = [control.last.mean for control in trained.setting.controls.values() if control.last.mean is not None]
    if not means:
        return "None of these networks has a banding index."
    return (
        f"Mean H of the last layer lies from {fixed_text(min(means))} to {fixed_text(max(means))} over these controls."
    )


def _chart(table: pd.DataFrame, height: int) -> alt.LayerChart:
    import altair as alt

    most = float(np.nanmax(np.abs(table[["index", "low", "high"]].to_numpy(float)), initial=0.1))
    limit = min(1.0, np.ceil(10 * most + 0.2) / 10)
    narrow = f"width < {NARROW}"
    ends = alt.Scale(
        domain=[-limit, limit], nice=False, clamp=True,
        range=[alt.ExprRef(f"{narrow} ? 10 : {LABELS}"), alt.ExprRef("width - 10")],
    )  # fmt: skip
    title = "← vertical · banding index H · horizontal →"
    axis = alt.Axis(format=".1f", tickCount=5, orient="bottom", grid=False)
    x = alt.X("index:Q", title=title, scale=ends, axis=axis)
    plain, low = alt.X("index:Q", scale=ends, axis=None), alt.X("low:Q", scale=ends, axis=None)
    down = alt.Scale(domain=[0, height], reverse=True, nice=False, zero=False)
    y = alt.Y("row:Q", scale=down, axis=None)
    base = alt.Chart(data())
    means = base.transform_filter("datum.kind == 'mean'")
    zero = (
        means.transform_calculate(
            top=f"toNumber(datum.row) - {ROW // 2 - 18}", bottom=f"toNumber(datum.row) + {ROW // 2}"
        )
        .mark_rule(color=NEUTRAL, strokeWidth=1.2)
        .encode(x=alt.X(datum=0, scale=ends, axis=None), y=alt.Y("top:Q", scale=down, axis=None), y2=alt.Y2("bottom:Q"))
    )
    headings = (
        means.transform_aggregate(groupby=["heading", "head"])
        .mark_text(align="left", fontSize=12.5, fontWeight="bold", x=0, dy=-8)
        .encode(y=alt.Y("head:Q", scale=down, axis=None), text=alt.Text("heading:N"))
    )
    lines = (
        means.transform_aggregate(groupby=["head"])
        .mark_rule(color=NEUTRAL, opacity=0.45, x=0, x2="width")
        .encode(y=alt.Y("head:Q", scale=down, axis=None))
    )
    titles = (
        means.transform_aggregate(groupby=["title", "row"])
        .mark_text(align="left", fontSize=12, x=0, dy=alt.ExprRef(f"{narrow} ? -9 : 9"))
        .encode(y=y, text=alt.Text("title:N"))
    )
    accuracy, index = alt.Tooltip("accuracy:Q", format=".1%"), alt.Tooltip("index:Q", title="H", format=".3f")
    seeds = base.transform_filter("datum.kind == 'seed'").mark_circle(size=34, opacity=0.55, color=INDEX, yOffset=8).encode(
        x=plain, y=y, tooltip=[alt.Tooltip("title:N", title="control"), alt.Tooltip("seed:Q"), index, accuracy]
    )  # fmt: skip
    middle = means.transform_calculate(interval=interval_expression())
    whiskers = middle.mark_rule(strokeWidth=2, color=INDEX, yOffset=8).encode(x=low, x2=alt.X2("high:Q"), y=y)
    marks = middle.mark_tick(orient="vertical", size=15, thickness=3, color=INDEX, opacity=1, yOffset=8).encode(
        x=plain, y=y,
        tooltip=[alt.Tooltip("title:N", title="control"), alt.Tooltip("layer:N"), index, alt.Tooltip("interval:N"), alt.Tooltip("seeds:Q"), accuracy],
    )  # fmt: skip
    frame = means.mark_point(opacity=0).encode(x=x, y=y)
    return alt.layer(frame, zero, lines, headings, titles, whiskers, seeds, marks).resolve_axis(x="independent")


def kernels(scene: Scene) -> Drawing | Gap:
    """A panel a control: kernels of its last convolution as pictures."""
    trained = Trained.open(scene)
    if isinstance(trained, Gap):
        return trained
    panels, files, rows = [], {}, []
    for name, control in sorted(trained.setting.controls.items(), key=lambda item: item[1].order):
        pictures = trained.result.pictures[f"{trained.name}/{name}"]
        shown = pictures[np.linspace(0, len(pictures) - 1, min(KERNELS, len(pictures))).round().astype(int)]
        file = f"wild-controls-{trained.name}-{name}.png"
        files[file], _ = sheet(shown.astype(np.float32) / 255, COLUMNS, gap=1)
        kh, kw = shown.shape[1:3]
        panels.append(
            PANEL.format(
                title=control.title,
                pooled=POOLED.get(control.parameters.get("pooled", ""), ""),
                file=file,
                alt=f"{len(shown)} units of {control.last_layer}",
                width=COLUMNS * (kw + 1) - 1,
                height=-(-len(shown) // COLUMNS) * (kh + 1) - 1,
                index=fixed_text(control.last.mean),
            )
        )
        rows.append(
            {"control": control.title, "layer": control.last_layer, "shown": len(shown), "index": control.last.mean}
        )
    shown_controls = trained.setting.controls.values()
    texts = "; ".join(f"{control.title}: H {fixed_text(control.last.mean)}" for control in shown_controls)
    strongest = max(trained.setting.controls.values(), key=lambda control: abs(control.last.mean or 0.0))
    finding = html(
        "The strongest bands are those of “{}”, with a mean H of {}.", strongest.title, fixed_text(strongest.last.mean)
    )
    return Drawing(
        "Kernels of the last 3×3 convolution in three colours, with the mean H of their layer's full weights.",
        f"Kernels as pictures. {texts}.",
        pd.DataFrame(rows),
        body=html('<div class="wb-trials wb-three wb-large">{}</div>', joined(panels)),
        files=files,
        width="full",
        finding=finding,
        method=html(
            "{}. Each panel has {} units, an even sample in order of similarity of those that runs keep,"
            " of all seeds together; none is chosen by eye. The colours are the three factors of a one-sided NMF and mean"
            " something else in every unit.",
            trained.setup,
            KERNELS,
        ),
    )


FIGURES = (
    Figure("wild-controls", draw, "what bands follow in small networks", of="site", options=("setting",)),
    Figure("wild-control-kernels", kernels, "kernels of the controls", of="site", options=("setting",)),
)
