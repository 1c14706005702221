"""When branches come to differ: every experiment through training, and what chance would give."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.charts import NEUTRAL, data, literal, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import seeds_text, side_by_side
from wbsite.render.text import share_text, tally
from wbsite.results.site import Gap

from ._branch_runs import ETA, MEASURES, PROPERTIES, Lab, absent, axis_of, names_of, property_of

HEIGHT = 220
NUMBERS = ["share", "expected", "limit"]


def time_rows(course: pd.DataFrame, history: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """One row a point: the mean of an experiment and data set (`kind` "mean"), or one run's value ("run")."""
    table = pd.concat([course.assign(kind="mean"), history.assign(kind="run")], ignore_index=True)
    table.insert(1, "dataset", table["setting"].map(labels))
    columns = ["setting", "dataset", "experiment", "property", "epoch", "kind", "seed", "seeds", *NUMBERS]
    return table[columns].round(dict.fromkeys(NUMBERS, 4)).astype({"seed": "Int64", "seeds": "Int64"})


def draw(scene: Scene) -> Drawing | Gap:
    """A chart an experiment, on one scale."""
    lab, name = Lab.of(scene), property_of(scene)
    if isinstance(lab, Gap):
        return lab
    course, history = lab.rows(lab.result.course, name), lab.rows(lab.result.history, name)
    titles = {key: title for key, title in lab.titles().items() if key in set(course["experiment"])}
    asked = names_of(scene, "experiments")
    missing = absent(scene, lab, asked)
    kept = {key for s in lab.settings for key, e in lab.experiments(s).items() if e.parameters.get("colours") == "kept"}
    chosen = [key for key in titles if key in (asked or kept & titles.keys() or titles)]
    if not chosen:
        return Gap(html("no run of {} is there", joined(asked, " or ") or "a network in branches"), failed=False)
    course, history = (table[table["experiment"].isin(chosen)] for table in (course, history))
    table = time_rows(course, history, lab.datasets)
    most, ticks = axis_of(table, ["share", "limit"])
    longest = float(table["epoch"].max())
    panels, specs, descriptions = [], {}, []
    for experiment in chosen:
        title, text = titles[experiment], _end_text(lab, experiment, name)
        file = f"branch-time-{name.replace(' ', '-')}-{experiment}.vl.json"
        panels.append((title, file, f"Difference in {PROPERTIES[name]} through training, {title}: {text}."))
        specs[file] = _chart(experiment, lab, most, ticks, longest)
        descriptions.append(f"{title}: {text}")
    legend = joined(
        (
            html('<span style="--wb-key:{}">{}</span>', colour, lab.datasets[setting])
            for setting, (colour, _) in lab.marks.items()
        )
    )
    body = html('<p class="wb-keys" aria-hidden="true">{}</p>', legend) if len(lab.settings) > 1 else ""
    caption = (
        "Thick lines are means, thin ones single trainings; within the grey lie 95 % of means by chance. The axis stretches the"
        " first epoch."
    )
    method = html(
        "{} The property is {}. Epoch 0 is the untrained network. Means are over"
        " {}; chance is what the same number of trainings give on average when the"
        " filters of each are permuted among its branches ({} permutations a training and moment). Networks"
        " {}.",
        ETA,
        MEASURES[name],
        seeds_text(table[table["kind"] == "mean"]),
        lab.result.draws,
        lab.setup,
    ) + (f" Not run: {', '.join(missing)}." if missing else "")
    files = {file: json.dumps(spec).encode() for file, spec in specs.items()}
    return Drawing(
        caption,
        f"Line charts of the difference in {PROPERTIES[name]} through training. {'; '.join(descriptions)}.",
        table,
        body=html("{}{}", body, side_by_side(panels, HEIGHT)),
        files=files,
        width="wide",
        finding=_finding(lab, chosen, name),
        method=method,
    )


def _finding(lab: Lab, chosen: list[str], name: str) -> str:
    """In how many cases, an experiment on a data set, the mean ends above chance, and since when."""
    experiments = [lab.experiments(setting).get(key) for setting in lab.settings for key in chosen]
    ends = [e.differences[name].above_from for e in experiments if e is not None and name in e.differences]
    since = sorted(epoch for epoch in ends if epoch is not None)
    if not since:
        return f"In none of these cases does the difference in {PROPERTIES[name]} end above chance."
    times = f"epoch {since[0]:g}" if since[0] == since[-1] else f"epochs {since[0]:g} to {since[-1]:g}"
    when = f"stays there from {times} on"
    return (
        f"In {tally(len(since), len(ends))} cases the difference in {PROPERTIES[name]} ends above chance, and {when}."
    )


def _end_text(lab: Lab, experiment: str, name: str) -> str:
    """What an experiment ends with, and since when it is above chance."""
    texts = []
    for setting in lab.settings:
        record = lab.experiments(setting).get(experiment)
        if record is None or name not in record.differences:
            continue
        difference = record.differences[name]
        since = difference.above_from
        when = "within chance at the end" if since is None else f"above chance from epoch {since:g} on"
        texts.append(f"{lab.datasets[setting]} ends at {share_text(difference.share.mean)}, {when}")
    return ", ".join(texts)


def _chart(experiment: str, lab: Lab, most: float, ticks: list[float], longest: float) -> dict[str, Any]:
    import altair as alt

    # Linear up to about a tenth of an epoch, logarithmic beyond.
    scale = alt.Scale(type="symlog", constant=0.1, domain=[0, longest], nice=False)
    axis = alt.Axis(values=[0, 0.1, 0.3, 1, 3, 10, 30, 90], format="~g", grid=False)
    x = alt.X("epoch:Q", title="epoch", scale=scale, axis=axis)
    height = alt.Scale(domain=[0, most], nice=False)
    y = alt.Y("share:Q", title="η²", scale=height, axis=alt.Axis(format=".1f", values=ticks))
    names, colours = [lab.datasets[setting] for setting in lab.settings], [mark for mark, _ in lab.marks.values()]
    colour = alt.Color("dataset:N", scale=alt.Scale(domain=names, range=colours), legend=None)
    dash = alt.StrokeDash(
        "dataset:N",
        scale=alt.Scale(domain=names, range=[[1, 0], [7, 3], [2, 2], [9, 2, 2, 2]][: len(names)]),
        legend=None,
    )
    base = alt.Chart(data()).transform_filter(f"datum.experiment == {literal(experiment)}")
    means = base.transform_filter("datum.kind == 'mean'")
    chance = means.mark_area(color=NEUTRAL, opacity=0.22).encode(
        x=x, y=alt.Y("limit:Q", scale=height), y2=alt.Y2Datum(0), detail=alt.Detail("dataset:N")
    )
    runs = base.transform_filter("datum.kind == 'run'").mark_line(strokeWidth=1, opacity=0.4)
    tips = [
        alt.Tooltip("dataset:N"), alt.Tooltip("epoch:Q"), alt.Tooltip("share:Q", title="η², mean", format=".3f"), alt.Tooltip("seeds:Q"),
        alt.Tooltip("limit:Q", title="chance up to", format=".3f"),
    ]  # fmt: skip
    return specification(
        alt.layer(
            chance,
            runs.encode(x=x, y=y, color=colour, detail=[alt.Detail("seed:N"), alt.Detail("dataset:N")]),
            means.mark_line(strokeWidth=2.6).encode(x=x, y=y, color=colour, strokeDash=dash),
            means.mark_point(filled=True, size=30, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips),
        ),
        HEIGHT,
    )


FIGURES = (
    Figure("branch-time", draw, "when branches come to differ", of="site", options=("property", "setting", "experiments")),
)  # fmt: skip
