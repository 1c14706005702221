"""Kernels of experiments beside those of their baseline: single interventions, and the common architectures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from wbsite.core.errors import WbsiteError, unknown
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import SUITE, absent_text, interval_text, setup_text
from wbsite.results.site import Gap

from ._panels import COLUMNS, Panels

BOTH = ("before", "last")
ROWS_UP_TO = 4
"""So many panels stand one under the other, with their layers in columns; more stand side by side."""

NETWORKS = {
    "simplified": "the simplified network",
    "inceptionv1": "InceptionV1",
    "resnet50": "ResNet50",
    "vgg19": "VGG19",
}
"""What a run calls its network → what captions call it."""

ARCHITECTURES = {name: title for name, title in NETWORKS.items() if name != "simplified"}
VARIANTS = {"baseline": "as it is", "rotated": "input rotated by 90°", "positions": "no pooling before the head"}

READING = (
    "Under each picture H of the full weights with its 95 % Student t interval over seeds, and the same of the pictures;"
    " on the scale from −1 (vertical) to 1 (horizontal), small dots are single seeds"
)
PICTURES = (
    "One square is one unit: one-sided NMF of its kernel with three factors, shown as red, green and blue, which mean"
    " something else in every unit"
)


def asked(scene: Scene) -> list[str]:
    """The experiments that the page names; none where it leaves the choice to the figure.

    Raises:
        WbsiteError: they are not given as text.
    """
    given = scene.options.get("experiments", scene.options.get("experiment", ""))
    if not isinstance(given, str):
        raise WbsiteError(
            f"figure 'intervention' takes the names of experiments, not {given!r}.",
            'Write experiment="rotated", or experiments="rotated, fc_only".',
        )
    return list(dict.fromkeys(filter(None, (name.strip() for name in given.split(",")))))


def untrained(scene: Scene, panels: Panels, names: Sequence[str]) -> list[str]:
    """Those of the experiments that have no run.

    Raises:
        WbsiteError: the suite has no experiment of that name.
    """
    known = {*panels.about, *scene.site.suite(SUITE).facts.get("experiments", ())}
    for name in names:
        if name not in known:
            raise unknown(f"experiment of the suite {SUITE}", name, known)
    return [name for name in names if name not in panels.about]


def intervention(scene: Scene) -> Drawing | Gap:
    """The last two layers of each experiment, its baseline first."""
    names = asked(scene)
    panels = Panels.of(scene)
    if isinstance(panels, Gap):
        return panels
    ordered = sorted(panels.about, key=lambda name: panels.about[name]["order"])
    names = names or [name for name in ordered if panels.about[name]["group"] == "main"]
    absent = untrained(scene, panels, names)
    shown = [name for name in names if name not in absent]
    if not shown:
        return Gap(f"no run of {' or '.join(absent)} is there; `wbsite train {SUITE}` makes them", failed=False)
    baselines = list(dict.fromkeys(map(panels.baseline, shown)))
    ordered = list(dict.fromkeys((*filter(panels.about.__contains__, baselines), *shown)))
    count = panels.count(ordered, BOTH)
    html, files, data = [], {}, []
    for name in ordered:
        cells = ""
        for place in BOTH:
            cell, file, png = panels.cell(name, place, count)
            cells, files[file] = cells + cell, png
        head = f"<strong>{escape(panels.about[name]['title'])}</strong> {panels.accuracy(name)}"
        html.append(f'<div class="wb-trial"><p>{head}</p><div class="wb-pair">{cells}</div></div>')
        data.append(panels.numbers(name, BOTH))
    many = len(ordered) > ROWS_UP_TO
    named = dict.fromkeys(str(panels.about[name]["network"]) for name in ordered)
    networks = " and ".join(NETWORKS.get(name, escape(name)) for name in named)
    caption = (
        f"{_layers(data)} of {networks}, {setup_text(scene, panels.setting)}. {PICTURES}; each picture has {count} units, an even sample of the units of all"
        f" seeds in order of similarity. {READING}, the bar is the interval and the ring the mean of the baseline."
        + absent_text(panels.summary, [*baselines, *names])
    )
    told = [f"{row['title']}: {row['before']} {_h(row, 'before')}, {row['last']} {_h(row, 'last')}" for row in data]
    alt = f"Pictures of {count} units of the last two layers of each experiment. H on full weights, {'; '.join(told)}."
    body = f'<div class="wb-trials{" wb-many" if many else ""}">{"".join(html)}</div>'
    return Drawing(caption, alt, pd.DataFrame(data), body=body, files=files, width="full" if many else "wide")


def _layers(data: Sequence[dict[str, object]]) -> str:
    named = dict.fromkeys(
        f"<code>{escape(str(row['before']))}</code> and <code>{escape(str(row['last']))}</code>" for row in data
    )
    return f"The last two convolutions, {' or '.join(named)}"


def _h(row: dict[str, object], place: str) -> str:
    numbers = {name: row[f"{place}_{name}"] for name in ("index", "low", "high")}
    return interval_text(numbers)  # type: ignore[arg-type]


def architectures(scene: Scene) -> Drawing | Gap:
    """The last layer of each architecture as it is, with turned pictures, and without pooling."""
    panels = Panels.of(scene)
    if isinstance(panels, Gap):
        return panels
    there = [
        f"{name}_{variant}" for name in ARCHITECTURES for variant in VARIANTS if f"{name}_{variant}" in panels.about
    ]
    if not there:
        return Gap("no run of a common architecture is there; `wbsite train banding` makes them", failed=False)
    count, columns = panels.count(there, ("last",)), COLUMNS * 3 // 4
    html, files, data = [], {}, []
    for name, title in ARCHITECTURES.items():
        for variant, said in VARIANTS.items():
            experiment = f"{name}_{variant}"
            head = f"<p><strong>{title}</strong> {said}"
            if experiment not in there:
                html.append(f'<div class="wb-trial">{head}</p><p class="wb-untrained">no run is there</p></div>')
                continue
            cell, file, png = panels.cell(experiment, "last", count, columns)
            html.append(f'<div class="wb-trial">{head}<br>{panels.accuracy(experiment)}</p>{cell}</div>')
            files[file] = png
            data.append(panels.numbers(experiment, ("last",)))
    caption = (
        f"The last convolution with rows and columns of three common architectures at reduced width, {setup_text(scene, panels.setting)}, each as"
        f" it is, with rotated input, and with a head that reads every position. {PICTURES}; each picture has {count} units, an"
        f" even sample of the units of all seeds in order of similarity. {READING}, the bar is the interval and the ring the"
        " mean of the same architecture's baseline."
    )
    told = "; ".join(f"{row['title']} {_h(row, 'last')}" for row in data)
    alt = f"Pictures of {count} units of the last layer of {len(data)} trainings of common architectures. H on full weights: {told}."
    body = f'<div class="wb-trials wb-three">{"".join(html)}</div>'
    return Drawing(caption, alt, pd.DataFrame(data), body=body, files=files, width="full")


FIGURES = (
    Figure(
        "intervention", intervention, "kernels of experiments beside their baseline", of="site",
        options=("experiment", "experiments", "setting"),
    ),
    Figure("common-architectures", architectures, "kernels of three common architectures", of="site", options=("setting",)),
)  # fmt: skip
