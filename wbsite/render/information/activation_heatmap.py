"""Activations through training: histograms of a run's layers, and of its units, a column a record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.claims.information.base import quoted
from wbsite.core.markup import html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import percent_text
from wbsite.results.information.activation_patterns import ActivationPatterns
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.results.site import Gap

from ._heatmaps import controls, legend, panel, sheet
from ._html import findings
from ._planes import study_result

UNITS = 16
"""Units of a layer that have pictures of their own, at most."""


def draw(scene: Scene) -> Drawing | Gap:
    """Options: configuration, the one shown first (the study's first that lived if left out)."""
    trajectories, patterns = study_result(scene, Trajectories), study_result(scene, ActivationPatterns)
    if isinstance(trajectories, Gap):
        return trajectories
    if isinstance(patterns, Gap):
        return patterns
    configurations = {each.name: each for each in trajectories.configurations}
    living = [name for name in configurations if patterns.example_seed[name] is not None]
    first = str(scene.options.get("configuration") or next(iter(living), next(iter(configurations))))
    if first not in configurations:
        return Gap(f"the study has no configuration {first}", failed=False)
    names = [*living, *([] if first in living else [first])]
    facts, files = {}, {}
    for name in names:
        facts[name], files[f"activations-{name}.png"] = _pictures(configurations[name], trajectories, patterns)
    epochs, first_facts = trajectories.epochs, facts[first]
    shape = (len(epochs), patterns.bins)
    panels = [
        panel(
            html("<strong>{}</strong> {} unit{}", layer['name'], layer['units'], 's' if layer['units'] > 1 else ''),
            f"activations-{first}.png", layer["place"], shape, first_facts["pictures"], (layer["low"], layer["high"]),
            f"Histograms of {layer['name']} through training, activations from {layer['low']} to {layer['high']}",
            epochs,
        )
        for layer in first_facts["layers"]
    ]  # fmt: skip
    titles = {name: trajectories.titles[name] for name in names}
    content = {"bins": shape[1], "records": shape[0], "configurations": facts}
    table = count_rows(trajectories, patterns, names)
    body = html(
        '<div class="wb-heatmaps">{}{}'
        '<p class="wb-heatmaps-said" aria-live="polite">{}, seed {}</p>'
        '<div class="wb-heatmaps-grid">{}</div></div>',
        controls(titles, first, configurations[first].layers, content),
        legend(),
        titles[first],
        first_facts["seed"],
        joined(panels),
    )
    unbounded = [titles[name] for name in names if not patterns.bounded[name]]
    method = (
        f"{trajectories.data.measured} samples are shown to one run of each network, the first seed that lived, which is"
        f" named above; other runs are in the store. Each column is a histogram in {shape[1]} bins, of the epoch written"
        " below; 0 is the untrained network. Colours go by the cube root of a bin's share of the column. The range of the bins"
        " is that of the activation function"
        + (
            html(
                ", or, where that has no bounds ({}), from the smallest to the largest activation of"
                " all recorded epochs of all runs that lived",
                "; ".join(unbounded),
            )
            if unbounded
            else ""
        )
        + html(
            ". Of a layer, the first {} units at most. Saturated is what lies {}. The file has the"
            " counts of the layers.",
            UNITS,
            patterns.rule,
        )
    )
    found = {name: _finding(patterns, trajectories, name) for name in names}
    body += findings(found)
    alt = f"Heatmaps of activations through training of {titles[first]}. {_saturated_text(patterns, first, first_facts['seed'])}"
    caption = "Histograms of activations, a column a recorded epoch, bright where many are; one run. The menus have other networks and single units."
    return Drawing(caption, alt, table, body=body, files=files, width="full", finding=found[first], method=method)


def _pictures(
    configuration: ConfigurationRecord, trajectories: Trajectories, patterns: ActivationPatterns
) -> tuple[dict[str, Any], bytes]:
    """What the page's script needs of a configuration, and its sheet: pictures of all layers, then of their units."""
    name = configuration.name
    seed = _example_seed(trajectories, patterns, name)
    counts = patterns.layers[name][trajectories.seeds.index(seed)]  # (records, layers, bins)
    pictures = [counts[:, layer] for layer in range(counts.shape[1])]
    layers = []
    widths = [*configuration.widths, len(trajectories.data.classes)]
    for depth, (layer, units) in enumerate(zip(configuration.layers, widths, strict=True)):
        low, high = (f"{end:.3g}".replace("-", "−") for end in patterns.ranges[name][layer])
        array = patterns.units.get(f"{name}/{layer}")
        of_units = [] if array is None else [array[:, unit] for unit in range(min(UNITS, array.shape[1]))]
        layers.append(
            {
                "name": layer, "units": units, "place": depth, "low": low, "high": high,
                "first": len(pictures), "shown": len(of_units),
            }
        )  # fmt: skip
        pictures += of_units
    facts = {"layers": layers, "pictures": len(pictures), "title": configuration.title, "seed": seed}
    return facts, sheet(pictures)


def _example_seed(trajectories: Trajectories, patterns: ActivationPatterns, name: str) -> int:
    """Seed of the run that is shown of a configuration: the first that lived, or the first."""
    seed = patterns.example_seed[name]
    return trajectories.seeds[0] if seed is None else seed


def count_rows(trajectories: Trajectories, patterns: ActivationPatterns, names: Sequence[str]) -> pd.DataFrame:
    """One row a picture's column: configuration, layer, epoch, low and high of the bins, and the counts of the bins."""
    parts = []
    for name in names:
        counts = patterns.layers[name][trajectories.seeds.index(_example_seed(trajectories, patterns, name))]
        for depth, (layer, (low, high)) in enumerate(patterns.ranges[name].items()):
            bins = pd.DataFrame(np.asarray(counts[:, depth], np.int64)).rename(columns=lambda bin: f"bin {bin + 1}")
            about = pd.DataFrame({"configuration": name, "layer": layer, "epoch": trajectories.epochs})
            parts.append(pd.concat([about.assign(low=round(low, 4), high=round(high, 4)), bins], axis=1))
    return pd.concat(parts, ignore_index=True)


def _finding(patterns: ActivationPatterns, trajectories: Trajectories, name: str) -> str:
    """Which hidden layer of the run that is shown has most saturated activations at the end."""
    shares = _saturated_at_end(patterns, name, _example_seed(trajectories, patterns, name)).drop(
        "output", errors="ignore"
    )
    title = quoted(trajectories.titles[name])
    if shares.empty:
        flat = patterns.flat_ends[name]
        return f"In {title}, {'the run that is shown did not see the end' if flat else 'no activation can saturate'}."
    most = f"{percent_text(shares.max())} of {shares.idxmax()}'s activations"
    return f"At the end of training, {most} are saturated in {title}, the most of its hidden layers."


def _saturated_at_end(patterns: ActivationPatterns, name: str, seed: int) -> pd.Series:
    """By layer, the share of a run's activations that are saturated at the end; empty where none can be."""
    table = patterns.saturation.query("configuration == @name and seed == @seed")
    return table[table["epoch"] == table["epoch"].max()].set_index("layer")["saturated"].dropna()


def _saturated_text(patterns: ActivationPatterns, name: str, seed: int) -> str:
    """How many of each layer's activations are saturated at the end."""
    shares = [f"{layer} {percent_text(share)}" for layer, share in _saturated_at_end(patterns, name, seed).items()]
    if not shares:
        return "Nothing to say of the end, which the run did not see."
    return f"Saturated at the end: {', '.join(shares)}."


FIGURES = (
    Figure(
        "activation-heatmap", draw, "activations through training", of="site", options=("configuration",)
    ),
)  # fmt: skip
