"""What a training run is: the network, the data, and every number that decides the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from wbsite.core.errors import WbsiteError, unknown
from wbsite.models.base import Preprocess

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from .runs import Run


@dataclass(frozen=True)
class Recipe:
    """Optimisation of one run: AdamW under a one-cycle learning rate, cross-entropy.

    Attributes:
        epochs: passes over the training pictures.
        batch: pictures per step.
        rate: highest learning rate.
        decay: AdamW's weight decay.
        smoothing: label smoothing.
        shift: random translation by up to this many pixels (reflected at the border).
        flip: random left–right flips.
        vertical_flip: random flips upside down.
        turn: quarter turns counter-clockwise of every picture, those of the test too.
        sway: each picture is rotated by an angle drawn evenly from ±`sway` degrees, at every
            epoch anew; test pictures by angles that stay the same.
        colours: "kept"; "removed", every pixel the mean of its channels; or "permuted", the channels of each picture
            in a random order, at every epoch anew, so that there is as much colour as before and hues say nothing.
            Test pictures too.
    """

    epochs: int
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.05
    shift: int = 4
    flip: bool = True
    vertical_flip: bool = False
    turn: int = 0
    sway: float = 0.0
    colours: Literal["kept", "removed", "permuted"] = "kept"


@dataclass(frozen=True)
class Experiment:
    """A named training run, as `wbsite train NAME` reproduces it.

    Attributes:
        name: public name.
        model: name of the model that is trained, as in `--models`.
        recipe: how.
        dataset: data set it is meant for.
        summary: one line for `wbsite list experiments`.
    """

    name: str
    model: str
    recipe: Recipe
    dataset: str = "cifar10"
    summary: str = ""


@dataclass(frozen=True)
class Preset:
    """The scale at which a suite's experiments are run.

    Attributes:
        name: as in `--preset`.
        dataset: data set it is meant for.
        preprocess: size and normalisation of its pictures.
        widths, pools: of the suite's small network, see `Simplified` and `Divided` in `models.networks`.
        recipe: what the experiments start from.
        moments: epochs at which the suite's measures are taken, fractions allowed, 0 the untrained network.
        full: whether common architectures are trained at their published width.
    """

    name: str
    dataset: str
    preprocess: Preprocess
    widths: tuple[tuple[int, ...], ...]
    pools: int
    recipe: Recipe
    moments: tuple[float, ...]
    full: bool = False

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return self.preprocess.crop


@dataclass(frozen=True)
class Trial:
    """One experiment of a suite: what is changed against its baseline.

    Attributes:
        name: public name.
        title: as figures and tables call it.
        group: which part of the story it belongs to.
        summary: one line for `wbsite list experiments`.
        build: (preset, number of classes) → network with fresh parameters.
        network: what the network is called.
        recipe: changes of the preset's recipe, by field.
        dataset: its own data set, for experiments that need another than the preset's.
        parameters: what it varies, for figures that draw a quantity against it.
        seed_offset: added to the seed, so that a repetition is another training.
        baseline: the experiment it is compared with; its own name for a baseline.
    """

    name: str
    title: str
    group: str
    build: Callable[[Preset, int], nn.Module]
    summary: str = ""
    network: str = "simplified"
    recipe: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed_offset: int = 0
    baseline: str = "baseline"

    def recipe_at(self, preset: Preset, epochs: int | None = None) -> Recipe:
        """The preset's recipe with this experiment's changes."""
        changes = dict(self.recipe) | ({} if epochs is None else {"epochs": epochs})
        return replace(preset.recipe, **changes)


class Look(Protocol):
    """What a suite measures on its networks, made from a network and the shape of its input."""

    def moment(self, module: nn.Module) -> list[dict[str, Any]]:
        """Rows of the history, taken at the preset's moments."""

    def record(self, module: nn.Module) -> dict[str, Any]:
        """What the trained network's record has besides."""

    def kept(self, module: nn.Module) -> dict[str, np.ndarray]:
        """Kernels of the trained network that travel with the record: layer → (units, channels, kh, kw)."""


@dataclass(frozen=True)
class Suite:
    """Experiments that answer one question together, as `wbsite train NAME` runs them.

    Attributes:
        name: public name.
        summary: one line for `wbsite list experiments`.
        trials: in the order figures show them.
        presets: scales, the default first.
        article: the article drawn from its results.
        look: what is measured, from the network and (channels, height, width).
        shown: a finished run → what `wbsite train` says of it besides its accuracy.
    """

    name: str
    summary: str
    trials: tuple[Trial, ...]
    presets: tuple[Preset, ...]
    article: str
    look: Callable[[nn.Module, tuple[int, int, int]], Look]
    shown: Callable[[Run], str]

    def chosen(self, only: tuple[str, ...]) -> list[tuple[int, Trial]]:
        """The experiments of these names, all where none is named, with their places in the suite.

        Raises:
            WbsiteError: there is none of that name.
        """
        known = {trial.name: (place, trial) for place, trial in enumerate(self.trials)}
        for name in only:
            if name not in known:
                raise unknown(f"experiment of the suite {self.name}", name, known)
        return [known[name] for name in known if not only or name in only]

    def preset(self, name: str | None) -> Preset:
        """A preset by name, the default where none is given.

        Raises:
            WbsiteError: there is none of that name.
        """
        for preset in self.presets:
            if name in (None, preset.name):
                return preset
        raise unknown(f"preset of the suite {self.name}", str(name), [preset.name for preset in self.presets])


def check_epochs(epochs: int | None) -> None:
    """Refuses a number of epochs that is none.

    Raises:
        WbsiteError: it is less than 1.
    """
    if epochs is not None and epochs < 1:
        raise WbsiteError(f"epochs is {epochs}.", "Expected a whole number, at least 1.")
