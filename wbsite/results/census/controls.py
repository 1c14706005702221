"""The controls of the census: small networks trained to tell apart the task, the pooled axis, the map and the data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, boolean, integer, number, table, text, value
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import SettingFacts

SETTING = text("name of the setting: data set and preset")
EXPERIMENT = text("name of the control")
TITLE = text("its title")
ORDER = integer("its place in the suite")
SHARE, BOTH = "0 to 1", "−1 to 1"


class Contrast(Record):
    """What two controls say together of a question that `claims/census/controls.py` asks.

    Attributes:
        effect: in the direction that the question puts: above 0 for it. Its interval is Welch's, over seeds.
        seeds: runs of the control that has fewer.
        skill: of the control that has less, see `Control`; None where it cannot be said.
    """

    effect: Estimate
    seeds: int
    skill: float | None


class Control(Record):
    """One control over its seeds.

    Attributes:
        title, group, order, summary: as the suite gives them.
        parameters: how its words lie (`words`), what its head averages away (`pooled`), and its `pictures`' shape.
        seeds: number of runs.
        accuracy: share of a test picture's labels that are right, mean with its interval over seeds.
        accuracy_low, accuracy_high: of the worst and the best run.
        chance: share of the commonest label among all of the test pictures.
        skill: (accuracy − chance) / (1 − chance), of the mean accuracy.
        last, before: H, with chance at 0, of the last 3×3 convolution and of the one before it, over seeds.
        last_layer, before_layer: their names.
        weights: number of the network's parameters.
    """

    title: str
    group: str
    order: int
    summary: str
    parameters: dict[str, str]
    seeds: int
    accuracy: Estimate
    accuracy_low: float
    accuracy_high: float
    chance: float
    skill: float
    last: Estimate
    before: Estimate
    last_layer: str
    before_layer: str
    weights: int | None


class Setting(Record):
    """The controls of a setting by name, what they share, and what pairs of them say.

    Attributes:
        contrasts: by question; one is there where both of its controls are.
    """

    facts: SettingFacts
    controls: dict[str, Control]
    contrasts: dict[str, Contrast]


class Controls(
    Result,
    analysis="controls",
    summary="small networks trained to tell apart what bands follow: H of their layers, accuracy, intervals over seeds",
):
    """Every run of the controls. Intervals over seeds cover 95 %: Student's t for a mean, Welch's for a contrast."""

    settings: dict[str, Setting] = value("controls by setting")
    runs: Table = table(
        setting=SETTING, experiment=EXPERIMENT, title=TITLE, order=ORDER,
        seed=integer("seed of the run"),
        accuracy=number("share of the test pictures' labels that are right", SHARE),
        layer=text("name of the 3×3 convolution"),
        depth=integer("number of the layer in execution order, from 0"),
        last=boolean("whether it is the last"),
        units=integer("units of the layer"),
        row_share=number("R", SHARE, missing=True),
        column_share=number("C", SHARE, missing=True),
        index=number("H, which is 0 at chance for square kernels", BOTH, missing=True),
        low=number("lower end of the bootstrap interval of H over units", missing=True),
        high=number("upper end of it", missing=True),
    )  # fmt: skip
    summary: Table = table(
        setting=SETTING, experiment=EXPERIMENT, title=TITLE, order=ORDER,
        seeds=integer("number of runs"),
        accuracy=number("mean share of the test pictures' labels that are right", SHARE),
        accuracy_low=number("of the worst run", SHARE),
        accuracy_high=number("of the best run", SHARE),
        chance=number("share of the commonest label", SHARE),
        last_layer=text("name of the last 3×3 convolution"),
        last_index=number("mean H of it", BOTH, missing=True),
        last_low=number("lower end of its interval over seeds", missing=True),
        last_high=number("upper end of it", missing=True),
        before_layer=text("name of the 3×3 convolution before it"),
        before_index=number("mean H of it", BOTH, missing=True),
        before_low=number("lower end of its interval over seeds", missing=True),
        before_high=number("upper end of it", missing=True),
    )  # fmt: skip
    pictures: Mapping[str, NDArray[np.uint8]] = arrays(
        "unit", "row", "column", "factor", about="SETTING/EXPERIMENT → NMF pictures of the last layer", unit="0 to 255"
    )

    @property
    def first(self) -> Setting:
        """The setting that figures and articles speak of where none is named: the first by name."""
        return self.settings[min(self.settings)]


RESULTS = (Controls,)
