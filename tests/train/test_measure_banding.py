"""The banding index of a network in training: every planar layer, the units it reads, nothing else."""

from __future__ import annotations

import torch
from torch import nn

from wbsite.models.networks.simplified import Simplified
from wbsite.ops.banding.index import banding_index
from wbsite.train.measure_banding import BandingMeasures, rounded


def network(**options: object) -> Simplified:
    torch.manual_seed(0)
    return Simplified(((4,), (6,), (8, 8)), 1, 3, size=16, **options)


def test_every_planar_layer_is_measured_in_order() -> None:
    module = network()
    rows = BandingMeasures(module, (3, 16, 16)).history_rows(module)
    assert [row["layer"] for row in rows] == ["0a", "1a", "2a", "2b"]
    expected = banding_index(module.get_submodule("2b").weight.detach())
    assert rows[-1] == {
        "layer": "2b",
        "row_share": round(expected.row_share, 6),
        "column_share": round(expected.column_share, 6),
        "index": round(expected.index, 6),
    }


def test_the_end_has_units_and_an_interval_around_the_index() -> None:
    module = network()
    found = BandingMeasures(module, (3, 16, 16)).final_indices(module)
    assert {name: row["units"] for name, row in found.items()} == {"0a": 4, "1a": 6, "2a": 8, "2b": 8}
    assert all(row["low"] <= row["index"] <= row["high"] for row in found.values())


def test_channels_of_coordinates_are_left_out() -> None:
    """A ramp from top to bottom among the inputs would be banding that no unit learned."""
    plain, module = network(), network(coordinates=("2a",))
    with torch.no_grad():
        module.get_submodule("2a").weight[:, :6] = plain.get_submodule("2a").weight
        module.get_submodule("2a").weight[:, 6:] = torch.linspace(-9, 9, 5)[:, None]
    measures = BandingMeasures(module, (3, 16, 16))
    assert measures.kernels(module, "2a").shape == (8, 6, 5, 5)
    assert torch.equal(measures.kernels(module, "2a"), plain.get_submodule("2a").weight.detach())
    assert measures.history_rows(module)[2] == BandingMeasures(plain, (3, 16, 16)).history_rows(plain)[2]


def test_layers_without_rows_and_columns_are_left_out() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.Flatten(), nn.Linear(4 * 64, 2))
    assert [row["layer"] for row in BandingMeasures(module, (3, 8, 8)).history_rows(module)] == ["0"]


def test_weights_that_do_not_vary_have_no_index() -> None:
    module = network()
    with torch.no_grad():
        module.get_submodule("2b").weight.fill_(1.0)
    row = BandingMeasures(module, (3, 16, 16)).history_rows(module)[-1]
    assert row == {"layer": "2b", "row_share": None, "column_share": None, "index": None}
    assert rounded(float("nan")) is rounded(float("inf")) is None
    assert rounded(0.12345678) == 0.123457


def test_measuring_leaves_the_network_as_it_was() -> None:
    module = network()
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    measures = BandingMeasures(module, (3, 16, 16))
    measures.history_rows(module)
    measures.final_indices(module)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
