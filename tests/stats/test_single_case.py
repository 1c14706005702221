"""A measurement against a few references: the error rate is the one it says, however few there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from wbsite.stats.single_case import single_case_p


@pytest.mark.parametrize("count", [3, 6, 20])
@pytest.mark.parametrize("upper", [False, True])
def test_the_rate_of_false_alarms_is_nominal(count: int, upper: bool) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(3, 2, (count + 1, 20_000))
    p = single_case_p(drawn[0], drawn[1:], upper)
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.006)


def test_it_is_the_t_test_of_one_against_many() -> None:
    references = np.array([0.1, 0.4, 0.35, 0.2])
    expected = ttest_ind([0.9], references).pvalue
    assert single_case_p(np.array([0.9]), references[:, None])[0] == pytest.approx(expected)
    with_gap = np.append(references, np.nan)[:, None]
    assert single_case_p(np.array([0.9]), with_gap)[0] == pytest.approx(expected)
    assert single_case_p(np.array([0.9]), references[:, None], upper=True)[0] == pytest.approx(expected / 2)


def test_without_scatter_or_with_too_few_there_is_no_p() -> None:
    references = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, np.nan, 3.0]])
    p = single_case_p(np.array([2.0, 2.0, np.nan]), references)
    assert np.isnan(p).all()
