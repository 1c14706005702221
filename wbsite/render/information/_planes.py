"""What figures of the information plane share: the study's results, the colours of layers, titles, runs that lived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from wbsite.render.figure import Scene
from wbsite.results.base import Result
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import ConfigurationRecord, RunCount, Trajectories
from wbsite.results.site import Gap

R = TypeVar("R", bound=Result)

SUITE = "information-plane"

COLOURS = ("#8d55c9", "#4f74cf", "#1c8f94", "#3f9a4c", "#93a321")
"""From the first layer, dark violet, to the output, yellow-green: a contrast of at least 2.7 to 1 on white and on the
dark ground. Lightness rises with depth, so that the order is seen in grey too."""


def study_result(scene: Scene, analysis: type[R]) -> R | Gap:
    """A result of the study, or why there is none."""
    return scene.site.suite(SUITE).result_or_gap(analysis)


def measured(scene: Scene) -> tuple[Trajectories, InformationPlane] | Gap:
    """What was trained and its places in the plane, or why these are not there."""
    trajectories, plane = study_result(scene, Trajectories), study_result(scene, InformationPlane)
    if isinstance(trajectories, Gap):
        return trajectories
    return plane if isinstance(plane, Gap) else (trajectories, plane)


def layer_colours(count: int) -> list[str]:
    """Colours of a network's layers from first to output, as #rrggbb: points of `COLOURS` at equal distances."""
    stops = [tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5)) for colour in COLOURS]
    colours = []
    for layer in range(count):
        position = layer / max(count - 1, 1) * (len(stops) - 1)
        below = min(int(position), len(stops) - 2)
        pairs = zip(stops[below], stops[below + 1], strict=True)
        colours.append("#" + "".join(f"{round(a + (b - a) * (position - below)):02x}" for a, b in pairs))
    return colours


def colours_by_layer(configurations: Sequence[ConfigurationRecord]) -> dict[str, str]:
    """Layer → colour, for the layers of the deepest configuration, from first to output."""
    layers = max((configuration.layers for configuration in configurations), key=len)
    return dict(zip(layers, layer_colours(len(layers)), strict=True))


def runs_that_lived(count: RunCount) -> str:
    """ "18 of 20 runs lived", or "20 runs" where all did."""
    plural = "s" if count.runs != 1 else ""
    if count.lived == count.runs:
        return f"{count.runs} run{plural}"
    return f"{count.lived} of {count.runs} run{plural} lived"
