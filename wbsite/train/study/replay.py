"""Shows samples again to the networks of a study, as they were at every recorded epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from .ensemble import outputs
from .study import Study

if TYPE_CHECKING:
    from wbsite.datasets.base import Samples


LARGE = 1e30
"""Activations from here on count as infinite: bins of a width of 0.07 have no numbers left."""


class Replay:
    """The networks of a study and the samples they are measured on.

    Args:
        study: what was trained.
        samples: the data.
        parameters: configuration → the parameters of its runs at every record, float32 (seeds, records, P).
        device: where to compute.

    Attributes:
        indices: int64 (N,), which samples.
        inputs: float32 (N, features).
        labels: int64 (N,).
        configurations: name → configuration.
    """

    def __init__(
        self, study: Study, samples: Samples, parameters: Mapping[str, np.ndarray], device: torch.device
    ) -> None:
        self.study, self.device = study, device
        self.indices = measured(study, samples)
        self.inputs, self.labels = samples.inputs[self.indices], samples.labels[self.indices]
        self.configurations = study.named()
        self._classes = len(samples.classes)
        self._columns = torch.from_numpy(self.inputs.T.copy()).to(device)
        self._parameters = parameters

    def parameters(self, name: str, seed: int) -> torch.Tensor:
        """The parameters of one run at every record, float32 (records, P)."""
        rows = self._parameters[name][self.study.seeds.index(seed)]
        return torch.from_numpy(np.array(rows))

    def finite(self, name: str, seed: int) -> tuple[int, list[tuple[str, torch.Tensor]]]:
        """How many of the records, from the first, have parameters and outputs that are finite, and not so large that
        no bins can be told apart; and each layer's name and output at these records, as `layers` gives them."""
        usable = self.parameters(name, seed).isfinite().all(1)
        layers = list(self.layers(name, seed))
        for _, values in layers:
            by_unit = values.mT.flatten(1)
            usable &= ((by_unit.amin(1) > -LARGE) & (by_unit.amax(1) < LARGE)).cpu()
        count = int(usable.cumprod(0).sum())
        return count, [(layer, values[:count]) for layer, values in layers]

    def layers(self, name: str, seed: int, records: slice = slice(None)) -> Iterator[tuple[str, torch.Tensor]]:
        """Each layer's name and its output at the records: float32 (records, N, units), on the device, the readout's
        after the softmax."""
        configuration = self.configurations[name]
        shape = configuration.architecture(self.inputs.shape[1], self._classes)
        rows = self.parameters(name, seed)[records, None].to(self.device)
        stacks = outputs(shape, rows, [configuration.activation], self._columns)  # (records, 1, units, N) each
        for layer, values in zip(shape.layers, stacks, strict=True):
            yield layer, values[:, 0].transpose(1, 2)


def measured(study: Study, samples: Samples) -> np.ndarray:
    """Indices of the samples that are shown to the networks at a record."""
    count = len(samples.labels)
    if count <= study.samples:
        return np.arange(count)
    return np.sort(np.random.default_rng(study.seeds[0]).choice(count, study.samples, replace=False))


def split_of(study: Study, samples: Samples) -> Literal["published", "random"]:
    """The split that a study trains and tests on."""
    if study.split == "auto":
        return "random" if samples.split is None else "published"
    return study.split
