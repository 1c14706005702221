"""Activations through training: histograms of a run's layers, and of its units, a column a record."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.results.site import Gap

from ._heatmaps import controls, legend, panel, sheet
from ._planes import found

UNITS = 16
"""Units of a layer that have pictures of their own, at most."""


def draw(scene: Scene) -> Drawing | Gap:
    """Options: configuration, the one shown first (the study's first that lived if left out)."""
    trajectories, patterns = found(scene, "trajectories"), found(scene, "activation_patterns")
    if isinstance(trajectories, Gap):
        return trajectories
    if isinstance(patterns, Gap):
        return patterns
    every = {of["name"]: of for of in trajectories.values["configurations"]}
    living = [name for name in every if patterns.values["shown"][name] is not None]
    asked = str(scene.options.get("configuration") or next(iter(living), next(iter(every))))
    if asked not in every:
        return Gap(f"the study has no configuration {asked}", failed=False)
    names = [*living, *([] if asked in living else [asked])]
    epochs = trajectories.values["epochs"]
    facts, files = {}, {}
    for name in names:
        facts[name], files[f"activations-{name}.png"] = _of(every[name], trajectories, patterns)
    mine = facts[asked]
    shape = (len(epochs), patterns.values["bins"])
    panels = [
        panel(
            f"<strong>{escape(layer['name'])}</strong> {layer['units']} unit{'s' if layer['units'] > 1 else ''}",
            f"activations-{asked}.png", layer["place"], shape, mine["pictures"], (layer["low"], layer["high"]),
            f"Histograms of {layer['name']} through training, activations from {layer['low']} to {layer['high']}",
            epochs,
        )
        for layer in mine["layers"]
    ]  # fmt: skip
    titles = {name: every[name]["title"] for name in names}
    told = {"bins": shape[1], "records": shape[0], "configurations": facts}
    table = count_rows(trajectories, patterns, names)
    body = (
        f'<div class="wb-heatmaps">{controls(titles, asked, [of["name"] for of in mine["layers"]], told)}{legend()}'
        f'<p class="wb-heatmaps-said" aria-live="polite">{escape(titles[asked])}, seed {mine["seed"]}</p>'
        f'<div class="wb-heatmaps-grid">{"".join(panels)}</div></div>'
    )
    unbounded = [titles[name] for name in names if not patterns.values["whole"][name]]
    caption = (
        f"Activations on {trajectories.values['data']['measured']} samples through training: each column is the histogram of"
        f" one recorded epoch in {shape[1]} bins, epochs written below, 0 being the untrained network. One run of each"
        " configuration, the first seed that lived, named above; others are in the store. Colours go by the cube root of a"
        " bin's share of the column. The range of the bins is that of the activation function"
        + (
            f", or, where that has no bounds ({escape('; '.join(unbounded))}), from the smallest to the largest activation of"
            " all recorded epochs of all runs that lived"
            if unbounded
            else ""
        )
        + f". Single units, the first {UNITS} of a layer at most, by the menu. The file has the counts of the layers."
    )
    alt = f"Heatmaps of activations through training of {titles[asked]}. {_said(patterns, asked, mine)}"
    return Drawing(caption, alt, table, body=body, files=files, width="full")


def _of(of: dict[str, Any], trajectories: Entry, patterns: Entry) -> tuple[dict[str, Any], bytes]:
    """What the script needs of a configuration, and its sheet: pictures of all layers, then of their units."""
    name, seeds = of["name"], trajectories.values["seeds"]
    seed = patterns.values["shown"][name]
    counts = patterns.arrays[f"layers/{name}"][0 if seed is None else seeds.index(seed)]  # (records, layers, bins)
    pictures = [counts[:, layer] for layer in range(counts.shape[1])]
    layers = []
    widths = [*of["widths"], len(trajectories.values["data"]["classes"])]
    for place, (layer, units) in enumerate(zip(of["layers"], widths, strict=True)):
        low, high = (f"{end:.3g}".replace("-", "−") for end in patterns.values["ranges"][name][layer])
        array = patterns.arrays.get(f"units/{name}/{layer}")
        own = [] if array is None else [array[:, unit] for unit in range(min(UNITS, array.shape[1]))]
        layers.append(
            {
                "name": layer, "units": units, "place": place, "low": low, "high": high,
                "first": len(pictures), "shown": len(own),
            }
        )  # fmt: skip
        pictures += own
    facts = {
        "layers": layers,
        "pictures": len(pictures),
        "title": of["title"],
        "seed": seeds[0] if seed is None else seed,
    }
    return facts, sheet(pictures)


def count_rows(trajectories: Entry, patterns: Entry, names: list[str]) -> pd.DataFrame:
    """One row a picture's column: configuration, layer, epoch, low and high of the bins, and the counts of the bins."""
    seeds, epochs = trajectories.values["seeds"], trajectories.values["epochs"]
    parts = []
    for name in names:
        seed = patterns.values["shown"][name]
        counts = patterns.arrays[f"layers/{name}"][0 if seed is None else seeds.index(seed)]
        for place, (layer, (low, high)) in enumerate(patterns.values["ranges"][name].items()):
            bins = pd.DataFrame(np.asarray(counts[:, place], np.int64)).rename(columns=lambda bin: f"bin {bin + 1}")
            about = pd.DataFrame({"configuration": name, "layer": layer, "epoch": epochs})
            parts.append(pd.concat([about.assign(low=round(low, 4), high=round(high, 4)), bins], axis=1))
    return pd.concat(parts, ignore_index=True)


def _said(patterns: Entry, name: str, mine: dict[str, Any]) -> str:
    """How many of each layer's activations are saturated at the end."""
    table = patterns.table("saturation").query("configuration == @name and seed == @mine['seed']")
    last = table[table["epoch"] == table["epoch"].max()].dropna(subset=["saturated"])
    told = [f"{row.layer} {100 * row.saturated:.0f} %" for row in last.itertuples()]
    return (
        f"Saturated at the end: {', '.join(told)}." if told else "Nothing to say of the end, which the run did not see."
    )


FIGURES = (
    Figure(
        "activation-heatmap", draw, "activations through training", of="site", options=("configuration",)
    ),
)  # fmt: skip
