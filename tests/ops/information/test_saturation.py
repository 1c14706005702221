"""Shares of saturated activations and histograms, against activations whose share is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wbsite.ops.information.activation_limits import SATURATION
from wbsite.ops.information.activations import ACTIVATIONS, activation
from wbsite.ops.information.saturation import flat_ends, histograms, saturated_share, zero_share


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("tanh", [-1.0, -0.91, 0.91, 1.0], [-0.89, 0.0, 0.89]),
        ("sigmoid", [0.0, 0.049, 0.951, 1.0], [0.051, 0.5]),
        ("relu", [0.0], [1e-6, 0.04, 3.0]),
        ("relu6", [0.0, 0.29, 5.71, 6.0], [0.31, 3.0]),
        ("elu", [-1.0, -0.951], [-0.949, 0.0, 5.0]),
        ("softplus", [0.0, 0.034], [0.036, 0.7]),
    ],
)
def test_what_lies_at_a_flat_end_is_saturated(name: str, inside: list[float], outside: list[float]) -> None:
    values = torch.tensor([[*inside, *outside]])[:, :, None]
    share = saturated_share(values, flat_ends(name))
    assert share.tolist() == pytest.approx([len(inside) / values.shape[1]])


def test_every_function_has_its_limits() -> None:
    assert list(ACTIVATIONS) == list(SATURATION)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_far_from_zero_a_function_is_saturated_where_it_is_flat(name: str) -> None:
    values = activation(name)(torch.tensor([-1000.0, 1000.0]))[None, :, None]
    ends = flat_ends(name)
    found = saturated_share(values, ends)[0].item()
    assert found == len(ends) / 2 if ends else np.isnan(found)


def test_relu_is_saturated_where_it_is_zero() -> None:
    values = torch.relu(torch.linspace(-3, 1, 41))[None, :, None]
    assert saturated_share(values, flat_ends("relu")).tolist() == zero_share(values).tolist()


def test_histograms_count_as_numpy_does() -> None:
    values = torch.from_numpy(np.random.default_rng(0).uniform(-1.2, 1.2, (3, 200, 4)).astype(np.float32))
    values[0, 0] = torch.tensor([-1.0, 1.0, 1.0, -1.0])  # both edges are in
    found = histograms(values, -1.0, 1.0, 30)
    for record in range(3):
        for unit in range(4):
            expected, _ = np.histogram(values[record, :, unit].double().numpy(), 30, (-1, 1))
            assert found[record, unit].tolist() == expected.tolist()
