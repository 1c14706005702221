"""What figures of the information plane share: the study's results, the colours of layers, titles, runs that lived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wbsite.core.store import Entry
from wbsite.render.figure import Scene
from wbsite.results.site import Gap

SUITE = "information-plane"

COLOURS = ("#8d55c9", "#4f74cf", "#1c8f94", "#3f9a4c", "#93a321")
"""From the first layer, dark violet, to the output, yellow-green: a contrast of at least 2.7 to 1 on white and on the
dark ground. Lightness rises with depth, so that the order is seen in grey too."""


def found(scene: Scene, analysis: str) -> Entry | Gap:
    """A result of the study, or why there is none."""
    return scene.site.suite(SUITE).found(analysis)


def measured(scene: Scene) -> tuple[Entry, Entry] | Gap:
    """What was trained and where it lies in the plane: `trajectories` and `information_plane`, or why not."""
    trajectories, plane = found(scene, "trajectories"), found(scene, "information_plane")
    if isinstance(trajectories, Gap):
        return trajectories
    return plane if isinstance(plane, Gap) else (trajectories, plane)


def layer_colours(count: int) -> list[str]:
    """Colours of a network's layers from first to output, as #rrggbb: points of `COLOURS` at equal distances."""
    stops = [tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in COLOURS]
    found = []
    for layer in range(count):
        place = layer / max(count - 1, 1) * (len(stops) - 1)
        below = min(int(place), len(stops) - 2)
        pairs = zip(stops[below], stops[below + 1], strict=True)
        found.append("#" + "".join(f"{round(a + (b - a) * (place - below)):02x}" for a, b in pairs))
    return found


def configuration_titles(trajectories: Entry) -> dict[str, str]:
    """Name → title of every configuration, in the study's order; a title says in what configurations differ."""
    return {of["name"]: of["title"] for of in trajectories.values["configurations"]}


def alive(trajectories: Entry) -> dict[str, tuple[int, int]]:
    """Name → how many runs of the configuration lived to the end, and how many there were."""
    runs = trajectories.table("runs")
    groups = {name: table["died"] for name, table in runs.groupby("configuration", sort=False)}
    return {name: (int(groups[name].isna().sum()), len(groups[name])) for name in configuration_titles(trajectories)}


def alive_text(living: int, runs: int) -> str:
    """ "18 of 20 runs lived", or "20 runs" where all did."""
    if living == runs:
        return f"{runs} run{'s' if runs != 1 else ''}"
    return f"{living} of {runs} run{'s' if runs != 1 else ''} lived"


def layers_of(configurations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Layers of the deepest configuration, from first to output: the key of the colours where depths differ."""
    return max((list(of["layers"]) for of in configurations), key=len)
