"""Parts of several figures of training and estimators: configurations, axes, texts of captions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wbsite.core.markup import Markup, html
from wbsite.render.charts import literal
from wbsite.render.figure import Scene
from wbsite.render.text import fixed_text, percent_text
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.results.site import Gap
from wbsite.stats.intervals import Interval

from ._planes import runs_that_lived

if TYPE_CHECKING:
    import altair as alt

START = 0.5
"""Where epoch 0 is on a logarithmic axis."""


def chosen_configurations(scene: Scene, trajectories: Trajectories) -> tuple[list[ConfigurationRecord], list[str]]:
    """The configurations that the option `configurations` names, or as many of the first as it says; all where it is
    left out; and the names that are not in the study."""
    option = scene.options.get("configurations") or ""
    if isinstance(option, int):
        return trajectories.configurations[: max(option, 1)], []
    names = list(dict.fromkeys(filter(None, (name.strip() for name in str(option).split(",")))))
    chosen = [each for each in trajectories.configurations if not names or each.name in names]
    return chosen, [name for name in names if name not in trajectories.titles]


def absent_text(missing: Sequence[str]) -> str:
    """A sentence naming configurations that the page asks for and the study has not; "" if there are none."""
    return html(" Not in this study: {}.", ", ".join(missing)) if missing else Markup()


def nothing_to_draw(missing: Sequence[str]) -> Gap:
    """Why there is nothing to draw of the configurations that a page asks for."""
    reason = f"the study has no configuration {' or '.join(missing)}" if missing else "no run of the study lived"
    return Gap(reason, failed=False)


def panel_title(configuration: ConfigurationRecord, trajectories: Trajectories) -> str:
    """ "tanh, max-norm 0.8: 18 of 20 runs lived", the runs where some died."""
    count = trajectories.run_counts[configuration.name]
    return configuration.title + ("" if count.lived == count.runs else f": {runs_that_lived(count)}")


def runs_text(configurations: Iterable[ConfigurationRecord], trajectories: Trajectories) -> str:
    """ "5 runs of each network", or "2 to 3 runs of each network, of 3 that were trained", by how many lived."""
    counts = [trajectories.run_counts[configuration.name] for configuration in configurations]
    lived = sorted({count.lived for count in counts})
    runs = " to ".join(str(count) for count in (lived[0], lived[-1])[: len(lived)])
    each = " of each network" if len(counts) > 1 else ""
    trained = max(count.runs for count in counts)
    text = f"{runs} run{'s' if lived[-1] != 1 else ''}{each}"
    return text if lived == [trained] else f"{text}, of {trained} that were trained: only those that lived to the end"


def percent_mean(mean: Interval) -> str:
    """ "97.2 % (95.0 to 99.0)" of shares; a dash for none."""
    bounds = "" if math.isnan(mean.low) else f" ({fixed_text(100 * mean.low, 1)} to {fixed_text(100 * mean.high, 1)})"
    return percent_text(mean.mean, 1) + bounds


def thinned(epochs: Sequence[int], most: int) -> list[int]:
    """At most `most` of the recorded epochs, at least 2, evenly by record, with the first and the last."""
    records = np.linspace(0, len(epochs) - 1, min(len(epochs), max(most, 2)))
    return [epochs[record] for record in sorted({round(record) for record in records})]


def width_of(panels: Sequence[Any]) -> Literal["wide", "full"]:
    """As wide as leaves no row of panels with a single one, where it can be: two in a row, or three."""
    return "wide" if len(panels) in (1, 2, 4) else "full"


def by_choice(parameter: str, values: Mapping[str, float | Sequence[float]]) -> alt.ExprRef:
    """A number, or several, that go by the value of a parameter, as for the end of an axis."""
    import altair as alt

    return alt.ExprRef(f"{literal(dict(values))}[{parameter}]")


def epoch_axis(last: float) -> tuple[str, alt.X]:
    """Expression for `x` and the logarithmic axis of epochs, on which epoch 0 is at `START`."""
    import altair as alt

    ticks = [START, *(10**power for power in range(int(math.log10(max(last, 1))) + 1))]
    axis = alt.Axis(values=ticks, labelExpr="datum.value < 1 ? '0' : format(datum.value, ',d')", grid=False)
    scale = alt.Scale(type="log", domain=[START, max(last, 1)], nice=False)
    return f"max(datum.epoch, {START})", alt.X("x:Q", title="epoch", scale=scale, axis=axis)


def layer_colour(configuration: ConfigurationRecord, colours: Mapping[str, str]) -> alt.Color:
    """The colour of a mark by its `layer`, one of this configuration's."""
    import altair as alt

    layers = configuration.layers
    scale = alt.Scale(domain=layers, range=[colours[layer] for layer in layers])
    return alt.Color("layer:N", scale=scale, legend=None)


def chosen_estimator(scene: Scene, plane: InformationPlane) -> str:
    """The token that the option `estimator` names where the study has it, else the study's first."""
    token = str(scene.options.get("estimator") or "")
    return token if token in plane.titles else plane.default


def fewer_seeds_text(plane: InformationPlane) -> str:
    """A sentence on estimators that measure fewer seeds than were trained; "" where none does."""
    counts = [estimator.seeds for estimator in plane.estimators]
    titles = [estimator.title for estimator in plane.estimators if estimator.seeds < max(counts)]
    return html(" Of {} seeds only, every fifth record: {}.", min(counts), "; ".join(titles)) if titles else Markup()


def measured_text(trajectories: Trajectories) -> Markup:
    """ "harmonics, all 4096 samples measured"."""
    data = trajectories.data
    count = "all" if data.measured == data.samples else f"{data.measured} of"
    return html("{}, {} {} samples measured", data.name, count, data.samples)


def spread_out(positions: Sequence[float], least: float) -> list[float]:
    """The positions moved apart as little as it takes, so that labels at them do not overlap; in their order.

    Args:
        positions: along an axis.
        least: distance that neighbours keep.
    """
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    groups: list[tuple[float, list[int]]] = []  # centre and members of labels that touch
    for i in order:
        centre, members = positions[i], [i]
        while groups and centre - groups[-1][0] < least * (len(members) + len(groups[-1][1])) / 2:
            other, before = groups.pop()
            members = before + members
            centre = (other * len(before) + centre * (len(members) - len(before))) / len(members)
        groups.append((centre, members))
    moved = [0.0] * len(positions)
    for centre, members in groups:
        for rank, i in enumerate(members):
            moved[i] = centre + (rank - (len(members) - 1) / 2) * least
    return moved
