"""Runs in which a number is undefined are left out of its mean."""

from __future__ import annotations

import math

from wbsite.analyses.information._runs import mean_over_runs


def test_a_mean_is_over_the_runs_in_which_the_number_is_defined() -> None:
    assert mean_over_runs([1.0, math.nan, 2.0, 4.0]) == mean_over_runs([1.0, 2.0, 4.0])
    assert mean_over_runs([math.nan, 3.0]).mean == 3
    assert mean_over_runs([math.nan]).mean is None
