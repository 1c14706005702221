"""Shares of variance and of information that a grouping explains, against cases known by hand and a slow version."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import homogeneity_score

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.eta_squared import eta_squared, eta_squared_of_unit, uncertainty_coefficient


def slowly(values: np.ndarray, groups: np.ndarray) -> float:
    between = sum(
        (groups == g).sum() * np.square(values[groups == g].mean(0) - values.mean(0)).sum() for g in np.unique(groups)
    )
    return float(between / np.square(values - values.mean(0)).sum())


def test_it_agrees_with_the_slow_version() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 5, 300)
    values = rng.normal(size=(200, 300, 3)).astype(np.float32) + 0.5 * groups[None, :, None].astype(np.float32) + 100
    found = eta_squared(torch.from_numpy(values), torch.from_numpy(groups))
    assert found == pytest.approx([slowly(each.astype(np.float64), groups) for each in values], abs=1e-3)


def test_functions_of_the_group_are_explained_and_constants_are_undefined() -> None:
    groups = np.arange(60) % 3
    assert eta_squared_of_unit(np.cos(groups), groups) == pytest.approx(1)
    assert eta_squared_of_unit(np.arange(60) // 3, groups) == pytest.approx(0)
    assert math.isnan(eta_squared_of_unit(np.full(60, 0.1, np.float32), groups))
    assert math.isnan(eta_squared_of_unit(np.zeros(0), np.zeros(0, np.int64)))
    with pytest.raises(WbsiteError, match="one group for every sample"):
        eta_squared(torch.zeros(1, 3, 1), torch.zeros(2, dtype=torch.int64))


def test_one_unit_is_a_layer_of_one() -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=300), rng.integers(-4, 5, 300)
    layer = eta_squared(torch.from_numpy(values[None, :, None]), torch.from_numpy(groups + 4))
    assert eta_squared_of_unit(values, groups) == pytest.approx(layer[0])


def test_what_one_grouping_tells_of_another() -> None:
    four = np.arange(80) % 4
    assert uncertainty_coefficient(four % 2, four) == pytest.approx(1)
    assert uncertainty_coefficient(four, four % 2) == pytest.approx(0.5)
    assert uncertainty_coefficient(four, np.arange(80) // 4 % 2) == pytest.approx(0, abs=1e-12)
    assert math.isnan(uncertainty_coefficient(np.zeros(5, np.int64), np.arange(5)))
    rng = np.random.default_rng(0)
    labels = rng.integers(-3, 4, 200)
    groups = np.where(rng.random(200) < 0.5, labels, rng.integers(5, 9, 200))
    assert uncertainty_coefficient(labels, groups) == pytest.approx(homogeneity_score(labels, groups))
