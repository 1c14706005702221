"""Bad input of the estimators of mutual information is named; tokens make the estimators they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.information import (
    EDGE,
    KDE,
    Binning,
    Estimator,
    FixedBins,
    QuantileBins,
    estimator,
    mutual_information,
    mutual_informations,
)

T = np.linspace(-1, 1, 20).reshape(10, 2)
LABELS = np.arange(10) % 2


def with_value(value: float) -> np.ndarray:
    changed = T.copy()
    changed[4, 1] = value
    return changed


@pytest.mark.parametrize(
    ("activations", "labels", "said"),
    [
        (with_value(np.nan), LABELS, "record 0, sample 4, unit 1 is nan"),
        (with_value(-np.inf), LABELS, "record 0, sample 4, unit 1 is -inf"),
        (torch.from_numpy(with_value(np.inf)), LABELS, "sample 4, unit 1 is inf"),
        (T, LABELS[:9], "9 labels for 10 samples"),
        (T, LABELS[:, None], r"labels have shape \(10, 1\)"),
        (T, LABELS / 2, "type float64"),
        (T, np.array(["a"] * 10), "type <U1"),
        (T[:, 0], LABELS, r"activations have shape \(10,\)"),
        (T[:0], LABELS[:0], r"activations have shape \(1, 0, 2\)"),
        (T[:, :0], LABELS, r"activations have shape \(1, 10, 0\)"),
    ],
)
@pytest.mark.parametrize("by", [Binning(0.1), KDE(0.1), EDGE()], ids=lambda e: e.token)
def test_bad_activations_and_labels_are_named(activations: Any, labels: np.ndarray, said: str, by: Estimator) -> None:
    with pytest.raises(WbsiteError, match=said):
        mutual_information(activations, labels, by)


def test_a_stack_without_records_or_with_a_bad_one_is_refused() -> None:
    with pytest.raises(WbsiteError, match=r"\(10, 2\)"):
        mutual_informations(T, LABELS, Binning(0.1))
    with pytest.raises(WbsiteError, match=r"\(0, 10, 2\)"):
        mutual_informations(T[None][:0], LABELS, Binning(0.1))
    with pytest.raises(WbsiteError, match="record 1, sample 4"):
        mutual_informations(np.stack((T, with_value(np.nan))), LABELS, Binning(0.1))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Binning(0), "0 wide"),
        (lambda: Binning(-0.5), "-0.5 wide"),
        (lambda: Binning(float("nan")), "nan wide"),
        (lambda: Binning(float("inf")), "inf wide"),
        (lambda: FixedBins(0), "number of bins is 0"),
        (lambda: FixedBins(1), "number of bins is 1"),
        (lambda: FixedBins(10**9), "number of bins is 1000000000"),
        (lambda: QuantileBins(2.5), "number of bins is 2.5"),  # type: ignore[arg-type]
        (lambda: FixedBins(30, 1, 1), "from 1 to 1"),
        (lambda: FixedBins(30, 0, float("nan")), "from 0 to nan"),
        (lambda: KDE(0), "variance 0"),
        (lambda: KDE(float("nan")), "variance nan"),
        (lambda: KDE(0.1, "middle"), "'middle'"),  # type: ignore[arg-type]
    ],
)
def test_estimators_refuse_what_makes_no_bins(make: Callable[[], Estimator], said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        make()


def test_bins_too_narrow_for_the_type_are_refused() -> None:
    with pytest.raises(WbsiteError, match="too many bins of 1e-39 for float32"):
        mutual_information((T * 1e3).astype(np.float32), LABELS, Binning(1e-39))
    with pytest.raises(WbsiteError, match="too many bins of 1e-60 for float32"):
        mutual_information(T.astype(np.float32) * 0, LABELS, Binning(1e-60))
    with pytest.raises(WbsiteError, match=r"reach 1e\+200"):
        mutual_information(T * 1e200, LABELS, EDGE())


def test_tokens_make_their_estimators() -> None:
    made: dict[str, Estimator] = {
        "binning:0.07": Binning(0.07),
        "fixed:30": FixedBins(30),
        "fixed:30:0:6": FixedBins(30, 0, 6),
        "quantile:30": QuantileBins(30),
        "kde-upper:0.001": KDE(0.001),
        "kde-lower:0.1": KDE(0.1, "lower"),
        "edge": EDGE(),
    }
    for token, expected in made.items():
        assert estimator(token) == expected
        assert expected.token == token
    assert estimator("binning:5e-2").token == "binning:0.05"
    assert [each.title for each in made.values()] == [
        "bins 0.07 wide", "30 bins over −1 to 1", "30 bins over 0 to 6", "30 quantile bins",
        "KDE upper bound, σ² = 0.001", "KDE lower bound, σ² = 0.1", "EDGE",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("knn:3", "no estimator 'knn:3'"),
        ("", "no estimator ''"),
        ("binning", "'binning' cannot be read"),
        ("binning:wide", "'binning:wide' cannot be read"),
        ("binning:0", "0.0 wide"),
        ("binning:nan", "nan wide"),
        ("fixed:30.5", "'fixed:30.5' cannot be read"),
        ("fixed:30:0:6:9", "cannot be read"),
        ("fixed:0", "number of bins is 0"),
        ("kde-upper:-1", "variance -1.0"),
        ("edge:1", "'edge:1' cannot be read"),
    ],
)
def test_other_tokens_are_refused(token: str, said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        estimator(token)
