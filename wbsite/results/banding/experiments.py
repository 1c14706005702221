"""All experiments of the banding laboratory: H of the last two layers over seeds, accuracy, time, depth, heads."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import Scalar, SettingFacts

SETTING = text("name of the setting: data set and preset")
EXPERIMENT = text("name of the experiment")
TITLE = text("its title")
GROUP = text("its group")
ORDER = integer("its place in the suite")
SEED = integer("seed of the run")
SEEDS = integer("number of runs")
PLACE = text("last or before: the last convolution, or the one before it")
LAYER = text("name of the layer")
EPOCH = number("epochs trained", "0 is the untrained network")


class Layer(Record):
    """One of an experiment's last two layers, on full weights, over seeds.

    Attributes:
        layer: its name.
        index: H.
        difference: of H from the baseline's; without a mean for a baseline, or where the baseline was not run.
        lost: whether the baseline's H is certainly positive, and this one certainly lower and below `lost_below` of
            it; None where that cannot be said.
        turned: whether it is lost and certainly negative; None where that cannot be said.
        half_epoch: epoch at which the mean H first reaches half of its final value; None where it was not followed.
    """

    layer: str
    index: Estimate
    difference: Estimate
    lost: bool | None
    turned: bool | None
    half_epoch: float | None


class Head(Record):
    """A head that reads every position: how its weights vary with them, over seeds.

    Attributes:
        row_share, column_share: shares of the variance over positions by vertical and horizontal position, 0 to 1.
        index: H = R − C.
        positions: of the map that it reads.
        seeds: runs with such a head.
    """

    row_share: float | None
    column_share: float | None
    index: Estimate
    positions: int
    seeds: int


class Experiment(Record):
    """One experiment over its seeds.

    Attributes:
        title, group, order, summary: as the suite gives them.
        network: name of its architecture.
        baseline: name of the experiment it is compared with; its own name for a baseline.
        parameters: what it varies.
        seeds: number of runs.
        accuracy, accuracy_difference: on the test pictures, 0 to 1, and minus the baseline's.
        dataset: name of its data.
        weights: number of its network's parameters.
        head: of a network whose head reads every position.
        last, before: its last convolution with rows and columns, and the one before it.
    """

    title: str
    group: str
    order: int
    summary: str
    network: str
    baseline: str
    parameters: dict[str, Scalar]
    seeds: int
    accuracy: Estimate
    accuracy_difference: Estimate
    dataset: str | None
    weights: int | None
    head: Head | None
    last: Layer
    before: Layer

    def layer(self, place: str) -> Layer:
        """The layer at "last" or "before"."""
        return self.last if place == "last" else self.before


class Setting(Record):
    """The experiments of a setting by name, and what they share."""

    facts: SettingFacts
    experiments: dict[str, Experiment]


class Experiments(
    Result,
    analysis="experiments",
    summary="every experiment of the banding laboratory: H of the last two layers, accuracy, intervals over seeds",
):
    """Every run of the banding laboratory. Intervals are over seeds and cover 95 %: Student's t for a mean, Welch's for
    the difference from the experiment's own baseline. A single seed has none."""

    settings: dict[str, Setting] = value("experiments by setting")
    lost_below: float = value("share of the baseline's H below which a layer's banding is lost")
    runs: Table = table(
        setting=SETTING, experiment=EXPERIMENT, title=TITLE, group=GROUP, order=ORDER, seed=SEED,
        accuracy=number("on the test pictures", "0 to 1"),
        place=PLACE, layer=LAYER,
        units=integer("units of the layer"),
        row_share=number("R", "0 to 1", missing=True),
        column_share=number("C", "0 to 1", missing=True),
        index=number("H", "−1 to 1", missing=True),
        low=number("lower end of the bootstrap interval of H over units", missing=True),
        high=number("upper end of it", missing=True),
    )  # fmt: skip
    summary: Table = table(
        setting=SETTING, experiment=EXPERIMENT, title=TITLE, group=GROUP, order=ORDER, place=PLACE, layer=LAYER,
        seeds=SEEDS,
        index=number("mean H", "−1 to 1", missing=True),
        low=number("lower end of its interval", missing=True),
        high=number("upper end of its interval", missing=True),
        row_share=number("mean R", "0 to 1", missing=True),
        column_share=number("mean C", "0 to 1", missing=True),
        accuracy=number("mean on the test pictures", "0 to 1", missing=True),
        accuracy_low=number("lower end of its interval", missing=True),
        accuracy_high=number("upper end of its interval", missing=True),
        difference=number("mean H minus the baseline's", missing=True),
        difference_low=number("lower end of its interval", missing=True),
        difference_high=number("upper end of its interval", missing=True),
    )  # fmt: skip
    history: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED, epoch=EPOCH, layer=LAYER,
        row_share=number("R", "0 to 1", missing=True),
        column_share=number("C", "0 to 1", missing=True),
        index=number("H", "−1 to 1", missing=True),
    )  # fmt: skip
    curve: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED, epoch=EPOCH,
        loss=number("mean training loss of the epoch", missing=True),
        accuracy=number("on the test pictures", "0 to 1", missing=True),
    )  # fmt: skip
    depth: Table = table(
        setting=SETTING, experiment=EXPERIMENT, layer=LAYER,
        depth=integer("number of the layer in execution order, from 0"),
        seeds=SEEDS,
        index=number("mean H", "−1 to 1", missing=True),
        low=number("lower end of its interval", missing=True),
        high=number("upper end of its interval", missing=True),
    )  # fmt: skip
    heads: Table = table(
        setting=SETTING, experiment=EXPERIMENT, seed=SEED,
        row_share=number("R of the head's weights", "0 to 1", missing=True),
        column_share=number("C of the head's weights", "0 to 1", missing=True),
        index=number("H of the head's weights", "−1 to 1", missing=True),
        low=number("lower end of its bootstrap interval over outputs", missing=True),
        high=number("upper end of it", missing=True),
        positions=integer("of the map that it reads"),
    )  # fmt: skip

    @property
    def first(self) -> Setting:
        """The setting that figures and articles speak of where none is named: the first by name."""
        return self.settings[min(self.settings)]


RESULTS = (Experiments,)
