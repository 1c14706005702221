"""What a training run is: the network, the data, and every number that decides the result."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    epochs: int
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.05
    shift: int = 4
    flip: bool = True


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
