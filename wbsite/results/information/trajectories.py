"""What an information-plane study trained: its data, its configurations, and every run through training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value

Setting: TypeAlias = bool | int | float | str | list[int] | None


class ConfigurationRecord(Record):
    """How one network of the study is built and trained.

    Attributes:
        name: fit for file names, made of what differs between the study's configurations.
        title: the same in words.
        layers: names of its layers, the output last.
        activation, …: as in `wbsite.train.study.study.Configuration`.
    """

    name: str
    title: str
    layers: list[str]
    activation: str
    widths: list[int]
    batch_norm: bool
    initialisation: str
    initial_bias: float | None
    optimiser: str
    rate: float
    batch: int
    max_norm: float | None
    max_norm_every: str
    max_norm_layers: str

    @property
    def hidden(self) -> list[str]:
        """Its layers without the output."""
        return self.layers[:-1]


class DataRecord(Record):
    """The data of a study.

    Attributes:
        name: of the data set, without the folders above its file.
        split: "published" or "random".
        samples: how many there are.
        features: numbers of a sample.
        classes: names of the labels.
        class_counts: samples of each.
        train, test: samples trained on, and tested on.
        measured: samples that the networks are shown when they are measured.
        label_entropy: of the labels of all samples, in bits.
    """

    name: str
    split: str
    samples: int
    features: int
    classes: list[str]
    class_counts: list[int]
    train: int
    test: int
    measured: int
    label_entropy: float

    @property
    def harmonics(self) -> bool:
        """Whether these are the data of Shwartz-Ziv and Tishby."""
        return self.name.startswith("harmonics")


class RunCount(NamedTuple):
    """Runs of a configuration that lived to the end of training, and all of them."""

    lived: int
    runs: int


class Trajectories(Result, analysis="trajectories"):
    """A study's networks at every recorded epoch."""

    study: str = value("name of the study")
    epochs: list[int] = value("epochs that were recorded, from 0, the untrained network, to the last")
    records: int = value("how many epochs were recorded")
    seeds: list[int] = value("of the runs of each configuration")
    layers: list[str] = value("layers of the first configuration, the output last")
    widths: list[int] = value("units of these layers")
    configurations: list[ConfigurationRecord] = value("networks of the study, in its order")
    common: dict[str, Setting] = value("what all configurations share, by the name that pages have for it")
    data: DataRecord = value("what was trained on")
    device: str = value("what trained it")
    parameters: Mapping[str, NDArray[np.float32]] = arrays(
        "seed", "record", "parameter", about="of every configuration, by its name"
    )
    course: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        epoch=integer("recorded epoch"),
        train_loss=number("cross-entropy on the training samples", "nats", missing=True),
        test_loss=number("cross-entropy on the test samples", "nats", missing=True),
        train_accuracy=number("on the training samples", "0 to 1"),
        test_accuracy=number("on the test samples", "0 to 1"),
    )
    gradients: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        epoch=integer("recorded epoch"),
        layer=text("whose weights"),
        mean=number("norm of the gradient's mean over the batches of an epoch", missing=True),
        deviation=number("norm of its standard deviation over them", missing=True),
        snr=number("ratio of the two", missing=True),
        weight_norm=number("norm of the weights", missing=True),
    )
    runs: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        died=number("recorded epoch from which on the run was dead; empty for one that lived", missing=True),
        reason=text('why it died: "constant output", "parameters not finite", or ""'),
        train_accuracy=number("at the end", "0 to 1"),
        test_accuracy=number("at the end", "0 to 1"),
    )

    @cached_property
    def titles(self) -> dict[str, str]:
        """Name → title of every configuration; a title says in what configurations differ."""
        return {configuration.name: configuration.title for configuration in self.configurations}

    @cached_property
    def living(self) -> pd.MultiIndex:
        """(configuration, seed) of the runs that lived to the end of training."""
        return pd.MultiIndex.from_frame(self.runs.loc[self.runs["died"].isna(), ["configuration", "seed"]])

    @cached_property
    def run_counts(self) -> dict[str, RunCount]:
        """Configuration → how many of its runs lived, in the study's order."""
        died = {name: rows["died"] for name, rows in self.runs.groupby("configuration")}
        return {name: RunCount(int(died[name].isna().sum()), len(died[name])) for name in self.titles}

    def lived(self, rows: pd.DataFrame) -> pd.Series[bool]:
        """Which rows of a table with `configuration` and `seed` are of runs that lived."""
        keys = pd.MultiIndex.from_frame(rows[["configuration", "seed"]])
        return pd.Series(keys.isin(self.living), index=rows.index)


RESULTS = (Trajectories,)
