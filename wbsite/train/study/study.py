"""What an information-plane study trains: configurations of one network, seeds, and the epochs that are recorded."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wbsite.core.errors import WbsiteError
from wbsite.core.naming import public
from wbsite.ops.information import estimator
from wbsite.ops.information.activation_limits import check_activation

if TYPE_CHECKING:
    from .stacked import Architecture

LONG, MANY = 10_000_000, 10_000
"""The most epochs and seeds a study may have."""

HUGE = 1e37
"""Numbers beyond this, or below its inverse, are none in float32."""

LABELS = {
    "activation": "activation",
    "widths": "layers",
    "batch_norm": "batch norm",
    "initialisation": "initialisation",
    "initial_bias": "initial bias",
    "optimiser": "optimiser",
    "rate": "learning rate",
    "batch": "batch",
    "max_norm": "max-norm",
    "max_norm_every": "max-norm every",
    "max_norm_layers": "max-norm on",
}
"""Parameter of a configuration → its name on pages."""


@dataclass(frozen=True)
class Configuration:
    """How one network is built and trained.

    Attributes:
        activation: of the hidden layers, see `ops.information.activations`.
        widths: units of the hidden layers.
        batch_norm: whether hidden pre-activations are normalised over the batch.
        initialisation: "truncated_normal" or "standard", see `stacked.initial`.
        initial_bias: of the hidden layers; None for the initialisation's own.
        optimiser: "adam" (Kingma and Ba 2015, β 0.9 and 0.999, ε 1e-8) or "sgd", without momentum.
        rate: learning rate.
        batch: samples of a step; the last of an epoch may have fewer.
        max_norm: largest Euclidean norm of a unit's incoming weights, biases left out; None for no limit.
        max_norm_every: when weights above it are scaled back, after every "step" or every "epoch".
        max_norm_layers: where, in the "hidden" layers or in "all".
    """

    activation: str = "tanh"
    widths: tuple[int, ...] = (10, 7, 5, 4, 3)
    batch_norm: bool = False
    initialisation: Literal["truncated_normal", "standard"] = "truncated_normal"
    initial_bias: float | None = None
    optimiser: Literal["adam", "sgd"] = "adam"
    rate: float = 4e-4
    batch: int = 256
    max_norm: float | None = None
    max_norm_every: Literal["step", "epoch"] = "step"
    max_norm_layers: Literal["hidden", "all"] = "hidden"

    def __post_init__(self) -> None:
        check_activation(self.activation)
        _at_least("widths", self.widths, all(width >= 1 for width in self.widths) and bool(self.widths))
        _at_least("batch", self.batch, self.batch >= 1)
        _positive("rate", self.rate)
        if self.max_norm is not None:
            _positive("max_norm", self.max_norm)
        if self.initial_bias is not None and not abs(self.initial_bias) < HUGE:
            raise WbsiteError(f"initial_bias is {self.initial_bias}.", f"Expected a number within ±{HUGE:g}.")

    def architecture(self, inputs: int, classes: int) -> Architecture:
        """The network's shape on such data."""
        from .stacked import Architecture

        return Architecture(inputs, self.widths, classes, self.batch_norm)


@dataclass(frozen=True)
class Study:
    """Configurations trained side by side, each with the same seeds.

    Attributes:
        configurations: at least one, no two alike.
        name: of a study that comes with wbsite, or of the file it was read from.
        dataset: see `wbsite.datasets.samples`.
        split: the data set's "published" split, a "random" one by the study's first seed, or "auto": the published one
            where there is one.
        epochs: passes over the training samples.
        records: how many epochs are recorded, at most; see `moments`.
        seeds: of the initial weights and of the order of samples.
        samples: how many are shown to the networks at a record, at most; all where there are fewer, else drawn with
            the first seed.
        estimators: tokens of `ops.information.estimator`; the first is the one figures show first.
    """

    configurations: tuple[Configuration, ...]
    name: str = "study"
    dataset: str = "harmonics"
    split: Literal["auto", "published", "random"] = "auto"
    epochs: int = 1500
    records: int = 75
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    samples: int = 4096
    estimators: tuple[str, ...] = ("binning:0.07",)

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= LONG:
            raise WbsiteError(f"epochs is {self.epochs}.", f"Expected a whole number from 1 to {LONG}.")
        if self.samples < 2:
            raise WbsiteError(f"samples is {self.samples}.", "Expected at least 2: one says nothing of a distribution.")
        object.__setattr__(self, "estimators", tuple(estimator(token).token for token in self.estimators))
        if self.records < 2:
            raise WbsiteError(f"records is {self.records}.", "Expected at least 2: the untrained network and the last.")
        for name in ("configurations", "seeds", "estimators"):
            values = getattr(self, name)
            if not values:
                raise WbsiteError(f"a study without {name} trains nothing.", "Give at least one.")
            if doubles := repeated(values):
                raise WbsiteError(f"{name} has {doubles[0]!r} twice.", "Give every one once.")
        for seed in (min(self.seeds), max(self.seeds)):
            if not 0 <= seed < 2**32:  # torch's generator has no more
                raise WbsiteError(f"seeds has {seed}.", "Expected whole numbers from 0 to 4294967295.")
        if len(self.seeds) > MANY:
            raise WbsiteError(f"there are {len(self.seeds)} seeds.", f"Expected {MANY} at most.")

    @property
    def data(self) -> str:
        """The data set's name, without the folders above its file."""
        kind, colon, place = self.dataset.partition(":")
        return public(f"{kind}{colon}{Path(place).name}")

    @property
    def runs(self) -> int:
        """How many networks are trained."""
        return len(self.configurations) * len(self.seeds)

    @cached_property
    def moments(self) -> tuple[int, ...]:
        """Epochs that are recorded: 0, the untrained network, the last, and between them every epoch at first and then
        ever fewer, in equal ratios."""
        if self.epochs + 1 <= self.records:
            return tuple(range(self.epochs + 1))
        if self.records == 2:
            return (0, self.epochs)

        def spread(count: int) -> set[int]:
            ratio = self.epochs ** (1 / (count - 2))
            return {0, self.epochs, *(round(ratio**step) for step in range(count - 1))}

        # Ratios below one epoch fall together, so that more are asked for than are left.
        least = range(self.records, 8 * self.records)
        return tuple(sorted(spread(least[bisect_right(least, self.records, key=lambda n: len(spread(n))) - 1])))

    @cached_property
    def differing(self) -> tuple[str, ...]:
        """The parameters in which the configurations differ."""
        return tuple(
            field.name
            for field in fields(Configuration)
            if len({getattr(configuration, field.name) for configuration in self.configurations}) > 1
        )

    def named(self) -> dict[str, Configuration]:
        """Name → configuration; named by what differs between them."""
        return {name_of(configuration, self.differing): configuration for configuration in self.configurations}

    def ensembles(self) -> Iterator[tuple[Configuration, ...]]:
        """Configurations that can be trained as one: of one architecture and batch, sorted by activation."""

        def shared(configuration: Configuration) -> tuple[Any, ...]:
            return configuration.widths, configuration.batch_norm, configuration.batch

        def rank(configuration: Configuration) -> tuple[Any, ...]:
            return *shared(configuration), configuration.activation, configuration.max_norm or math.inf

        for _, configurations in groupby(sorted(self.configurations, key=rank), key=shared):
            yield tuple(configurations)

    def facts(self) -> dict[str, Any]:
        """What decides the trained networks, as JSON values: part of a result's key."""
        return {
            "dataset": self.data,
            "split": self.split,
            "epochs": self.epochs,
            "moments": list(self.moments),
            "seeds": list(self.seeds),
            "samples": self.samples,
            "configurations": [settings(configuration) for configuration in self.configurations],
        }


def settings(configuration: Configuration) -> dict[str, Any]:
    """A configuration's parameters as JSON values."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(configuration).items()}


def name_of(configuration: Configuration, differing: tuple[str, ...]) -> str:
    """ "tanh-0.8" where activation and max-norm differ; fit for file names."""
    words = []
    for name in differing or ("activation",):
        value = getattr(configuration, name)
        if name == "batch_norm":
            words.append("norm" if value else "plain")
        elif name == "widths":
            words.append("x".join(map(str, value)))
        else:
            words.append("none" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value))
    return "-".join(words)


def title_of(configuration: Configuration, differing: tuple[str, ...]) -> str:
    """ "tanh, max-norm 0.8" where these differ, as figures title it."""
    return ", ".join(_setting_text(name, getattr(configuration, name)) for name in differing or ("activation",))


def _setting_text(name: str, value: Any) -> str:
    label = LABELS[name]
    if name == "activation":
        return str(value)
    if isinstance(value, bool):
        return label if value else f"no {label}"
    if value is None:
        return f"no {label}" if name == "max_norm" else f"{label} as initialised"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{label} {value:.15g}" if isinstance(value, float) else f"{label} {value}".replace("_", " ")


def product(choices: Mapping[str, tuple[Any, ...]]) -> tuple[Configuration, ...]:
    """Every combination of the values given for the parameters, the first parameter varying slowest."""
    names = tuple(choices)
    combinations = itertools.product(*choices.values())
    return tuple(Configuration(**dict(zip(names, values, strict=True))) for values in combinations)


def repeated(values: Iterable[Any]) -> list[Any]:
    """The values that come more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def _positive(name: str, value: float) -> None:
    if not 1 / HUGE < value < HUGE:  # float32 has no more
        raise WbsiteError(f"{name} is {value}.", f"Expected a number above 0, from {1 / HUGE:g} to {HUGE:g}.")


def _at_least(name: str, value: Any, holds: bool) -> None:
    if not holds:
        raise WbsiteError(f"{name} is {value}.", "Expected whole numbers, at least 1.")
