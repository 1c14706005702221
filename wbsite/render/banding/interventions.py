"""Kernels of experiments beside those of their baseline: single interventions, and the common architectures."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.suite_tables import interval_text
from wbsite.render.text import listing
from wbsite.results.site import Gap

from ._laboratory import SUITE, Laboratory, absent_text, written
from ._outcomes import before_text, finding
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

METHOD = (
    "Each picture has {count} units, an even sample of the units of all seeds in order of similarity. One square is one unit:"
    " one-sided NMF of its kernel with three factors, shown as red, green and blue, which mean something else in every unit."
    " Under it H of the full weights with its 95 % Student t interval over seeds, and the same of the pictures. On the scale"
    " from −1 (vertical) to 1 (horizontal), small dots are single seeds, the bar is the interval and the ring the mean of the"
    " baseline."
)

TRIAL = Markup(
    '<div class="wb-trial"><p><strong>{title}</strong> {accuracy}</p><div class="wb-pair">{cells}</div></div>'
)


def requested(scene: Scene) -> list[str]:
    """The experiments that the page names; none where it leaves the choice to the figure.

    Raises:
        WbsiteError: they are not given as text.
    """
    names = scene.options.get("experiments", scene.options.get("experiment", ""))
    if not isinstance(names, str):
        raise WbsiteError(
            f"figure 'intervention' takes the names of experiments, not {names!r}.",
            'Write experiment="rotated", or experiments="rotated, fc_only".',
        )
    return list(dict.fromkeys(filter(None, (name.strip() for name in names.split(",")))))


def untrained(scene: Scene, panels: Panels, names: Sequence[str]) -> list[str]:
    """Those of the experiments that have no run.

    Raises:
        WbsiteError: the suite has no experiment of that name.
    """
    known = {*panels.laboratory.experiments, *scene.site.suite(SUITE).facts.get("experiments", ())}
    for name in names:
        if name not in known:
            raise unknown(f"experiment of the suite {SUITE}", name, known)
    return [name for name in names if name not in panels.laboratory.experiments]


def intervention(scene: Scene) -> Drawing | Gap:
    """The last two layers of each experiment, its baseline first."""
    names = requested(scene)
    panels = Panels.open(scene)
    if isinstance(panels, Gap):
        return panels
    laboratory, experiments = panels.laboratory, panels.laboratory.experiments
    names = names or [name for name in laboratory.ordered if experiments[name].group == "main"]
    absent = untrained(scene, panels, names)
    trained = [name for name in names if name not in absent]
    if not trained:
        return Gap(f"no run of {' or '.join(absent)} is there; `wbsite train {SUITE}` makes them", failed=False)
    baselines = list(dict.fromkeys(experiments[name].baseline for name in trained))
    ordered = list(dict.fromkeys((*filter(experiments.__contains__, baselines), *trained)))
    count = panels.count(ordered, BOTH)
    parts, files, data = [], {}, []
    for name in ordered:
        cells = Markup()
        for place in BOTH:
            cell, file, png = panels.cell(name, place, count)
            cells, files[file] = cells + cell, png
        parts.append(TRIAL.format(title=experiments[name].title, accuracy=panels.accuracy(name), cells=cells))
        data.append(panels.numbers(name, BOTH))
    many = len(ordered) > ROWS_UP_TO
    networks = dict.fromkeys(experiments[name].network for name in ordered)
    compared = before_text(laboratory, ordered)
    caption = html("{}{}", compared, absent_text(laboratory.summary, [*baselines, *names])).strip()
    method = html(
        "{} of {}, {}."
        " {} No clear effect: the 95 % Welch interval of the difference from the baseline, over"
        " seeds, has 0 in it.",
        _layers(data),
        listing(NETWORKS.get(name, name) for name in networks),
        laboratory.setup_text,
        METHOD.format(count=count),
    )
    texts = [f"{row['title']}: {row['before']} {_h(row, 'before')}, {row['last']} {_h(row, 'last')}" for row in data]
    alt = f"Pictures of {count} units of the last two layers of each experiment. H on full weights, {'; '.join(texts)}."
    body = html('<div class="wb-trials{}">{}</div>', " wb-many" if many else "", joined(parts))
    return Drawing(
        caption, alt, written(pd.DataFrame(data)), body=body, files=files, width="full" if many else "wide",
        finding=finding(laboratory, ordered) or _baseline_finding(data), method=method,
    )  # fmt: skip


def _layers(data: Sequence[dict[str, object]]) -> Markup:
    pairs = dict.fromkeys(Markup("<code>{before}</code> and <code>{last}</code>").format(**row) for row in data)
    return html("The last two convolutions, {},", joined(pairs, " or "))


def _baseline_finding(data: Sequence[dict[str, object]]) -> str:
    """What is seen where there is no change to judge."""
    rows = (Markup("H of <code>{last}</code> is {h}").format(h=_h(row, "last"), **row) for row in data)
    return html("{}.", listing(rows))


def _h(row: dict[str, object], place: str) -> str:
    numbers = {name: row[f"{place}_{name}"] for name in ("index", "low", "high")}
    return interval_text(numbers)  # type: ignore[arg-type]


def architectures(scene: Scene) -> Drawing | Gap:
    """The last layer of each architecture as it is, with turned pictures, and without pooling."""
    panels = Panels.open(scene)
    if isinstance(panels, Gap):
        return panels
    names = [f"{name}_{variant}" for name in ARCHITECTURES for variant in VARIANTS]
    trained = [name for name in names if name in panels.laboratory.experiments]
    if not trained:
        return Gap("no run of a common architecture is there; `wbsite train banding` makes them", failed=False)
    count, columns = panels.count(trained, ("last",)), COLUMNS * 3 // 4
    parts, files, data = [], {}, []
    for name, title in ARCHITECTURES.items():
        for variant, text in VARIANTS.items():
            experiment = f"{name}_{variant}"
            head = html("<p><strong>{}</strong> {}", title, text)
            if experiment not in trained:
                parts.append(
                    html('<div class="wb-trial">{}</p><p class="wb-untrained">no run is there</p></div>', head)
                )
                continue
            cell, file, png = panels.cell(experiment, "last", count, columns)
            parts.append(html('<div class="wb-trial">{}<br>{}</p>{}</div>', head, panels.accuracy(experiment), cell))
            files[file] = png
            data.append(panels.numbers(experiment, ("last",)))
    caption = (
        "Last convolutions of three architectures at reduced width: as they are, with pictures turned, without pooling."
    )
    method = html(
        "The last convolution with rows and columns of networks {}. {}",
        panels.laboratory.setup_text,
        METHOD.format(count=count),
    )
    texts = "; ".join(f"{row['title']} {_h(row, 'last')}" for row in data)
    alt = f"Pictures of {count} units of the last layer of {len(data)} trainings of common architectures. H on full weights: {texts}."
    body = html('<div class="wb-trials wb-three">{}</div>', joined(parts))
    return Drawing(
        caption, alt, written(pd.DataFrame(data)), body=body, files=files, width="full",
        finding=_architectures_finding(panels.laboratory), method=method,
    )  # fmt: skip


def _architectures_finding(laboratory: Laboratory) -> str:
    """In which architectures bands turn with the pictures, and in which they weaken without the pooling."""
    experiments = laboratory.experiments
    parts = []
    for variant, verb in (("rotated", "turn with the pictures"), ("positions", "weaken without the pooling")):
        titles, tested = [], 0
        for name, title in ARCHITECTURES.items():
            pair = experiments.get(f"{name}_baseline"), experiments.get(f"{name}_{variant}")
            if pair[0] is None or pair[1] is None or pair[1].last.difference.excludes_zero is None:
                continue
            before, after = pair[0].last, pair[1].last
            shows = (
                before.index.positive and after.index.negative if variant == "rotated" else after.difference.negative
            )
            titles += [title] if shows else []
            tested += 1
        if tested:
            parts.append(f"{verb} in {len(titles)} of {tested}{f' ({listing(titles)})' if titles else ''}")
    return (
        f"Bands {listing(parts)}." if parts else "One training of an architecture does not say what changes its bands."
    )


FIGURES = (
    Figure(
        "intervention", intervention, "kernels of experiments beside their baseline", of="site",
        options=("experiment", "experiments", "setting"),
    ),
    Figure("common-architectures", architectures, "kernels of three common architectures", of="site", options=("setting",)),
)  # fmt: skip
