"""What is measured of the controls' networks: the banding index of every layer, and pictures of the last."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from .measure_banding import BandingMeasures
from .runs import Run

KEPT = 16
"""Units of the last layer whose kernels a record keeps."""


class ControlMeasures(BandingMeasures):
    """Measures of a control's planar layers, which are its 3×3 convolutions."""

    def record(self, module: nn.Module) -> dict[str, Any]:
        """The name of the last planar layer, and all layers' indices; their order is the history's."""
        return {"last": self.planar[-1].name, "layers": self.final_indices(module)}

    def kept_kernels(self, module: nn.Module) -> dict[str, np.ndarray]:
        """The kernels of the last planar layer's first units."""
        last = self.planar[-1].name
        return {last: self.kernels(module, last)[:KEPT].numpy()}


def describe(run: Run) -> str:
    """H of the last planar layer of a finished run, as a text."""
    index = run.record["layers"][run.record["last"]]["index"]
    return f"H({run.record['last']}) {'none' if index is None else format(index, '.3f')}"
