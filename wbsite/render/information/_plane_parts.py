"""Parts of several figures of training and estimators: configurations, means over seeds, a menu for all charts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.figure import Scene
from wbsite.results.site import Gap

from ._planes import alive, alive_text

if TYPE_CHECKING:
    import altair as alt

START = 0.5
"""Where epoch 0 stands on a logarithmic axis."""


def shown(scene: Scene, trajectories: Entry) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The configurations that the option `configurations` names, all where it names none, and the names that are not
    in the study."""
    every = {of["name"]: of for of in trajectories.values["configurations"]}
    given = str(scene.options.get("configurations") or "")
    asked = list(dict.fromkeys(filter(None, (name.strip() for name in given.split(",")))))
    return [of for name, of in every.items() if name in (asked or every)], [name for name in asked if name not in every]


def absent_text(missing: Sequence[str]) -> str:
    """A sentence naming configurations that the page asks for and the study has not; "" if there are none."""
    return f" Not in this study: {escape(', '.join(missing))}." if missing else ""


def nothing(missing: Sequence[str]) -> Gap:
    """Why there is nothing to draw of the configurations that a page asks for."""
    said = f"the study has no configuration {' or '.join(missing)}" if missing else "no run of the study lived"
    return Gap(said, failed=False)


def lived(trajectories: Entry, table: pd.DataFrame) -> pd.Series:
    """Which rows of a table are of runs that lived to the end."""
    runs = trajectories.table("runs")
    living = pd.MultiIndex.from_frame(runs.loc[runs["died"].isna(), ["configuration", "seed"]])
    return pd.Series(pd.MultiIndex.from_frame(table[["configuration", "seed"]]).isin(living), index=table.index)


def panel_title(of: Mapping[str, Any], trajectories: Entry) -> str:
    """ "tanh, max-norm 0.8: 18 of 20 runs lived", the runs where some died."""
    living, runs = alive(trajectories)[of["name"]]
    said = "" if living == runs else f": {alive_text(living, runs)}"
    return f"{of['title']}{said}"


def runs_text(chosen: Iterable[Mapping[str, Any]], trajectories: Entry) -> str:
    """ "20 runs", or "18 of 20 runs lived", of these configurations together."""
    counts = [alive(trajectories)[of["name"]] for of in chosen]
    return alive_text(sum(living for living, _ in counts), sum(runs for _, runs in counts))


def mean_interval(values: pd.Series | np.ndarray) -> tuple[float, float, float]:
    """Mean over seeds with its 95 % Student t interval; NaN bounds for one seed, all NaN for none."""
    from scipy.special import stdtrit  # scipy.stats asks torch whether it is there

    x = np.asarray(values, np.float64)
    if not len(x):
        return math.nan, math.nan, math.nan
    if len(x) == 1:
        return float(x[0]), math.nan, math.nan
    half = float(stdtrit(len(x) - 1, 0.975)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return float(x.mean()), float(x.mean()) - half, float(x.mean()) + half


def interval_text(values: tuple[float, float, float], percent: bool = False) -> str:
    """ "0.72 (0.11 to 1.34)" in bits, or percent with one decimal; a dash for none."""

    def text(value: float) -> str:
        return f"{100 * value:.1f}" if percent else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")

    mean, low, high = values
    unit = " %" if percent else ""
    if math.isnan(mean):
        return "–"
    return f"{text(mean)}{unit}" + ("" if math.isnan(low) else f" ({text(low)} to {text(high)})")


def thinned(epochs: Sequence[int], most: int) -> list[int]:
    """At most `most` of the recorded epochs, at least 2, evenly by record, with the first and the last."""
    places = np.linspace(0, len(epochs) - 1, min(len(epochs), max(most, 2)))
    return [epochs[place] for place in sorted({round(place) for place in places})]


def choice(parameter: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    """HTML of a menu that sets a parameter of every chart in its figure; "" where there is nothing to choose."""
    if len(options) < 2:
        return ""
    items = "".join(
        f'<option value="{escape(value, quote=True)}"{" selected" if value == chosen else ""}>{escape(title)}</option>'
        for value, title in options.items()
    )
    return (
        f'<p class="wb-choice"><label>{escape(label)} <select data-parameter="{parameter}" autocomplete="off">'
        f"{items}</select></label></p>"
    )


def width_of(panels: Sequence[Any]) -> Literal["wide", "full"]:
    """As wide as leaves no row of panels with a single one, where it can be: two in a row, or three."""
    return "wide" if len(panels) in (1, 2, 4) else "full"


def keys(colours: Mapping[str, str]) -> str:
    """HTML of what the colours stand for."""
    items = "".join(f'<span style="--wb-key:{colour}">{escape(name)}</span>' for name, colour in colours.items())
    return f'<p class="wb-keys" aria-hidden="true">{items}</p>'


def by_choice(parameter: str, values: Mapping[str, float | Sequence[float]]) -> alt.ExprRef:
    """A number, or several, that go by the value of a parameter, as for the end of an axis."""
    import altair as alt

    return alt.ExprRef(f"{json.dumps(dict(values))}[{parameter}]")


def epoch_axis(last: float) -> tuple[str, alt.X]:
    """Expression for `x` and the logarithmic axis of epochs, on which epoch 0 stands at `START`."""
    import altair as alt

    ticks = [START, *(10**power for power in range(int(math.log10(max(last, 1))) + 1))]
    axis = alt.Axis(values=ticks, labelExpr="datum.value < 1 ? '0' : format(datum.value, ',d')", grid=False)
    scale = alt.Scale(type="log", domain=[START, max(last, 1)], nice=False)
    return f"max(datum.epoch, {START})", alt.X("x:Q", title="epoch", scale=scale, axis=axis)


def estimator_titles(plane: Entry) -> dict[str, str]:
    """Token → title."""
    return {of["token"]: of["title"] for of in plane.values["estimators"]}


def chosen_estimator(scene: Scene, plane: Entry) -> str:
    """The token that the option `estimator` names where the study has it, else the study's first."""
    asked = str(scene.options.get("estimator") or "")
    return asked if asked in estimator_titles(plane) else str(plane.values["default"])


def fewer_text(plane: Entry) -> str:
    """A sentence on estimators that measure fewer seeds than were trained; "" where none does."""
    counts = {of["token"]: of["seeds"] for of in plane.values["estimators"]}
    most = max(counts.values())
    titles = estimator_titles(plane)
    few = [titles[token] for token, count in counts.items() if count < most]
    least = min(counts.values())
    return f" Of {least} seeds only, every fifth record: {escape('; '.join(few))}." if few else ""


def measured_text(trajectories: Entry) -> str:
    """ "harmonics, all 4096 samples measured"."""
    data = trajectories.values["data"]
    count = "all" if data["measured"] == data["samples"] else f"{data['measured']} of"
    return f"{escape(str(data['name']))}, {count} {data['samples']} samples measured"


def spread_out(places: Sequence[float], least: float) -> list[float]:
    """The places moved apart as little as it takes, so that labels at them do not overlap; in the order given.

    Args:
        places: along an axis.
        least: distance that neighbours keep.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    groups: list[tuple[float, list[int]]] = []  # centre and members of labels that touch
    for i in order:
        centre, members = places[i], [i]
        while groups and centre - groups[-1][0] < least * (len(members) + len(groups[-1][1])) / 2:
            other, before = groups.pop()
            members = before + members
            centre = (other * len(before) + centre * (len(members) - len(before))) / len(members)
        groups.append((centre, members))
    moved = [0.0] * len(places)
    for centre, members in groups:
        for place, i in enumerate(members):
            moved[i] = centre + (place - (len(members) - 1) / 2) * least
    return moved
