"""What networks know beyond the count: a network made to count is found to, one that was not is not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from counters import ALL_DEAD, DIED, ONE_SEED, STUDY, other_data, results

from wbsite.analyses.information.dips import summary
from wbsite.ops.information.counting import NOT_BINARY, binary_counts, count_decisions
from wbsite.results.base import Result
from wbsite.train.study.study import Study

NEW = ("activation_patterns", "counting", "dips", "activation_peaks", "saturation")


@pytest.fixture(scope="module")
def made() -> Any:
    return results()


def of(table: pd.DataFrame, name: str, seed: int, **at: object) -> pd.DataFrame:
    for column, value in {"configuration": name, "seed": seed, **at}.items():
        table = table[table[column] == value]
    return table.sort_values("epoch") if "epoch" in table else table


@pytest.mark.parametrize("name", list(STUDY.named()))
def test_a_network_made_to_count_only_counts(made: Any, name: str) -> None:
    counting = made["counting"]
    assert counting.baseline.accuracy == 0.875
    assert counting.baseline.information == pytest.approx(0.62764, abs=5e-6)
    course = of(counting.course, name, 0)
    assert course["accuracy"].to_numpy()[1:] == pytest.approx(0.875)
    assert course["agreement"].to_numpy()[1:] == pytest.approx(1)
    assert course["eta_output"].to_numpy()[1:] == pytest.approx(1, abs=1e-4)
    assert course["agreement"].iloc[0] < 0.99
    first = of(counting.rows, name, 0, layer="layer 1")
    assert first["eta_w"].to_numpy()[1:] == pytest.approx(1, abs=1e-4)
    assert first["h_given_w"].to_numpy()[1:] == pytest.approx(0, abs=0.3), "a count on a bin's edge may fall on both"
    assert first["i_tw"].to_numpy()[1:].max() <= counting.entropy + 1e-9
    assert counting.runs[name].alive == 2
    assert counting.runs[name].passed == 1, "the untrained one has not"


def test_a_network_that_died_has_no_numbers_after_it(made: Any) -> None:
    for table in ("rows", "course"):
        dead = getattr(made["counting"], table).query("seed == 2")
        after = dead[dead["epoch"] >= STUDY.moments[DIED]].drop(columns=["configuration", "seed", "epoch"])
        assert after.select_dtypes("number").isna().all(axis=None)
    assert (made["activation_patterns"].layers["tanh-none"][2, DIED:] == 0).all()
    assert made["activation_patterns"].saturation.query("seed == 2")["zero"].isna().sum() == 2 * 3 * 3
    assert set(made["saturation"].rows["seed"]) == {0, 1}
    assert set(made["activation_peaks"].rows["seed"]) == {0, 1}


def test_information_beyond_the_count_is_what_is_left_of_the_plane(made: Any) -> None:
    both = made["counting"].rows.merge(made["information_plane"].rows).dropna()
    assert (both["i_tw"] + both["h_given_w"]).to_numpy() == pytest.approx(both["i_xt"].to_numpy(), abs=1e-9)


def test_its_peaks_are_the_counts(made: Any) -> None:
    result = made["activation_peaks"]
    assert result.counts == list(range(13))
    assert result.visible == 9, "of 0, 1, 11 and 12 active inputs there are fewer than 5 % of 924"
    [unit] = of(result.rows, "tanh-none", 0, layer="layer 1", unit=0).to_dict("records")
    assert unit["peaks"] == 9
    assert unit["eta_w"] == pytest.approx(1, abs=1e-6)
    assert unit["peak_by_w"] == pytest.approx(1)
    assert unit["p"] <= 0.05
    assert unit["eta_untrained"] < 0.5
    [other] = of(result.rows, "tanh-none", 1, layer="layer 1", unit=0).to_dict("records")
    assert other["peak_by_w"] != other["peak_by_w"] or other["peak_by_w"] < 0.5
    [relu] = of(result.rows, "relu-0.8", 0, layer="layer 1", unit=0).to_dict("records")
    assert (relu["used"], relu["counts"]) == (4095, 12), "the activation of no active input is exactly 0"


def test_histograms_hold_every_activation(made: Any) -> None:
    result = made["activation_patterns"]
    layers = result.layers["relu-0.8"]
    assert layers.shape == (3, 6, 3, 30)
    assert (layers[:2].sum(3) == 4096 * np.array([4, 3, 2])).all()
    units = [result.units[f"relu-0.8/{layer}"] for layer in ("layer 1", "layer 2", "output")]
    assert all((each.sum(1) == layers[0, :, place]).all() for place, each in enumerate(units))
    assert result.ranges["tanh-none"] == {
        "layer 1": (-1, 1), "layer 2": (-1, 1), "output": (0, 1),
    }  # fmt: skip
    assert result.ranges["relu-0.8"]["layer 1"][0] == 0


def paired(seeds: int = 7) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Dips at epochs of their own, and courses that are largest exactly there."""
    epochs = np.array([1, 20, 40, 60, 80, 100, 120, 140, 160, 180, 400])
    agreement = pd.DataFrame({seed: np.where(epochs == 40 + 20 * seed, 0.99, 0.9) for seed in range(seeds)}, epochs)
    rows = [
        {
            "seed": seed, "depth": 1.0, "epoch": 40 + 20 * seed, "agreement_rank": 1.0, "eta_output_rank": 0.5,
            "agreement": 0.99, "accuracy": 0.88, "beyond": 0.005, "eta_output": 0.9, "eta_w": 0.9, "i_tw": 1.0,
            "h_given_w": 0.5,
        }
        for seed in range(seeds)
    ]  # fmt: skip
    level = pd.DataFrame({seed: np.full(len(epochs), 0.9) for seed in range(seeds)}, epochs)
    untrained = pd.DataFrame({seed: [0.5] for seed in range(seeds)}, [0])
    counted = {"agreement": pd.concat([untrained, agreement]), "eta_output": pd.concat([untrained, level])}
    return pd.DataFrame(rows), counted


def test_dips_that_go_with_counting_are_told_from_those_that_do_not() -> None:
    rows, counted = paired()
    dips = summary(rows, None, 10, counted)
    assert (dips.dips, dips.alive) == (7, 10)
    assert dips.agreement.excess > 0.05
    assert dips.agreement.p < 0.01
    assert dips.agreement.ratio == 1
    assert dips.agreement.ratio_p < 0.01
    assert dips.eta_output.excess == pytest.approx(0)
    assert dips.eta_output.p == 1
    assert dips.mean_depth is None


def test_saturation_and_compression_of_one_run() -> None:
    from wbsite.analyses.information.saturation import compare_run

    epochs = range(10)
    saturated = pd.DataFrame({0: np.linspace(0, 0.9, 10), 1: np.zeros(10)}, epochs)
    row = compare_run(pd.Series([1.0, *np.linspace(5, 1, 9)], epochs), saturated, 0)
    assert row["peak_epoch"] == 1
    assert row["compression"] == 4
    assert row["rise"] == pytest.approx(0.8)
    assert row["rho"] == pytest.approx(-1)
    assert np.isnan(row["rho_other"]), "the other run does not saturate at all"


def test_inputs_that_are_not_binary_are_not_counted() -> None:
    made: Any = results(other_data())
    for name in ("counting", "activation_peaks"):
        assert made[name].reason == NOT_BINARY
        assert len(made[name].rows) == 0
    assert made["counting"].baseline is None
    assert set(made["dips"].layers["tanh-none"]) == {"layer 1", "layer 2", "output"}
    for layer in made["dips"].layers["tanh-none"].values():
        assert layer.agreement.value.mean is None


def finite(made: dict[str, Result]) -> None:
    for name in NEW:
        contents = made[name].contents()
        json.dumps(contents.values, allow_nan=False)
        assert all(np.isfinite(array).all() for array in contents.arrays.values())


@pytest.mark.parametrize("study", [ALL_DEAD, ONE_SEED], ids=["all dead", "one seed"])
def test_too_little_to_measure_is_said_with_none(study: Study) -> None:
    finite(results(study=study))


def test_values_are_json_and_arrays_finite(made: Any) -> None:
    finite(made)


def test_counts_and_the_decisions_they_allow() -> None:
    inputs = np.array([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 0]], np.float32)
    assert binary_counts(inputs).tolist() == [1, 3, 0, 1]  # type: ignore[union-attr]
    assert binary_counts(inputs - 0.5).tolist() == [1, 3, 0, 1]  # type: ignore[union-attr]
    assert binary_counts(inputs * 2) is None
    assert count_decisions(np.array([1, 1, 1, 7, 7]), np.array([2, 0, 2, 1, 0])).tolist() == [2, 2, 2, 0, 0]
