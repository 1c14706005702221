"""The tuning of units of several layers, from their responses to a battery of stimuli."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch

from .indices import INDICES, tuning
from .stimuli import Battery

SAME_ORDER = {"relative_frequency"}
"""Indices by which units of one group come in the same order as by another: all see the same stimuli."""

STIMULUS_INDICES = tuple(name for name in INDICES if name not in SAME_ORDER)


def unit_tuning(stimuli: Battery, responses: Mapping[str, torch.Tensor]) -> pd.DataFrame:
    """One row a unit, dead ones too: the columns of `indices.tuning`, layer, and unit from 0.

    Args:
        responses: layer → (stimuli, units) ≥ 0, finite, above the response to an empty field.
    """
    tables = []
    for layer, responded in responses.items():
        by_family = {family: values.numpy() for family, values in stimuli.split(responded).items()}
        table = tuning(stimuli.families, by_family)
        tables.append(table.assign(layer=layer, unit=range(len(table))))
    return pd.concat(tables, ignore_index=True)
