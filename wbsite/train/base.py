"""What decides a training run: recipes, experiments, and suites of experiments with their presets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from wbsite.core.errors import unknown
from wbsite.models.base import Preprocess

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from .runs import Run


@dataclass(frozen=True)
class Recipe:
    """Optimisation and augmentation of one run: AdamW under a one-cycle learning rate, cross-entropy.

    Attributes:
        epochs: passes over the training pictures.
        batch: pictures per step.
        rate: highest learning rate.
        decay: AdamW's weight decay.
        smoothing: label smoothing.
        shift: random translation by up to this many pixels, reflected at the border.
        flip: random left–right flips.
        vertical_flip: random flips upside down.
        turn: quarter turns counter-clockwise of every picture, test pictures included.
        sway: every picture is rotated by an angle drawn uniformly from ±`sway` degrees, anew in each epoch; a test
            picture always by the same angle.
        colours: "kept"; "removed", every pixel the mean of its channels; or "permuted", the channels of each picture in
            a random order, anew in each epoch, so that there is as much colour as before and hues carry no
            information. Test pictures are changed likewise, each always in the same way.
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
    """A training run whose weights are a model of wbsite, reproduced by `wbsite train NAME`.

    Attributes:
        name: public name.
        model: name of the model that is trained, as in `--models`.
        recipe: how it is trained.
        dataset: default data set.
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
        dataset: default data set.
        preprocess: size and normalisation of the pictures.
        widths, pools: of the suite's small network, see `Simplified` and `Divided` in `models.networks`.
        recipe: what an experiment's recipe is changed from.
        moments: epochs at which the suite's measures are taken, fractions allowed, 0 the untrained network.
        full_width: whether common architectures are trained at their published width.
    """

    name: str
    dataset: str
    preprocess: Preprocess
    widths: tuple[tuple[int, ...], ...]
    pools: int
    recipe: Recipe
    moments: tuple[float, ...]
    full_width: bool = False

    @property
    def size(self) -> int:
        """Height and width of the pictures in pixels."""
        return self.preprocess.height


@dataclass(frozen=True)
class Trial:
    """One experiment of a suite: what is changed against its baseline.

    Attributes:
        name: public name.
        title: its name in figures and tables.
        group: part of the article it belongs to.
        build: (preset, number of classes) → network with fresh parameters.
        summary: a remark for readers, kept in the run's record.
        network: name of the network.
        recipe_changes: changes to the preset's recipe, by field.
        dataset: its own data set, for experiments that need another than the preset's.
        parameters: what it varies, for figures that draw a quantity against it.
        seed_offset: added to the seed, so that a repetition is another training run.
        baseline: name of the experiment it is compared with; a baseline's own name.
    """

    name: str
    title: str
    group: str
    build: Callable[[Preset, int], nn.Module]
    summary: str = ""
    network: str = "simplified"
    recipe_changes: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed_offset: int = 0
    baseline: str = "baseline"

    def recipe(self, preset: Preset, epochs: int | None = None) -> Recipe:
        """The preset's recipe with this experiment's changes, and `epochs` where given."""
        changes = dict(self.recipe_changes) | ({} if epochs is None else {"epochs": epochs})
        return replace(preset.recipe, **changes)


class Measures(Protocol):
    """What a suite measures on a network, made for a network and the shape of its input."""

    def history_rows(self, module: nn.Module) -> list[dict[str, Any]]:
        """Rows of the history, taken at the preset's moments."""

    def record(self, module: nn.Module) -> dict[str, Any]:
        """Further entries of the trained network's record."""

    def kept_kernels(self, module: nn.Module) -> dict[str, np.ndarray]:
        """Kernels of the trained network that are stored with the record: layer → (units, channels, kh, kw)."""


@dataclass(frozen=True)
class Suite:
    """Experiments that answer one question together, run by `wbsite train NAME`.

    A suite is listed without torch, so it names what builds and measures networks with `models.base.lazily`.

    Attributes:
        name: public name.
        summary: one line for `wbsite list experiments`.
        trials: the experiments, in the order in which figures show them.
        presets: scales, the default first.
        article: the article drawn from its results.
        measure: (network, (channels, height, width)) → its measures.
        describe: a finished run → a line for the terminal, besides its accuracy.
    """

    name: str
    summary: str
    trials: tuple[Trial, ...]
    presets: tuple[Preset, ...]
    article: str
    measure: Callable[[nn.Module, tuple[int, int, int]], Measures]
    describe: Callable[[Run], str]

    def select(self, names: tuple[str, ...]) -> list[tuple[int, Trial]]:
        """(index in the suite, experiment) of the experiments of these names, in the suite's order; () selects all.

        Raises:
            WbsiteError: there is none of that name.
        """
        known = [trial.name for trial in self.trials]
        for name in names:
            if name not in known:
                raise unknown(f"experiment of the suite {self.name}", name, known)
        return [(index, trial) for index, trial in enumerate(self.trials) if not names or trial.name in names]

    def preset(self, name: str | None) -> Preset:
        """The preset of this name; None is the default.

        Raises:
            WbsiteError: there is none of that name.
        """
        for preset in self.presets:
            if name in (None, preset.name):
                return preset
        raise unknown(f"preset of the suite {self.name}", str(name), [preset.name for preset in self.presets])
