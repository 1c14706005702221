"""Compression that trainings share is told from noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.shared_compression import shared_compression


def test_a_fall_that_all_trainings_share_is_measured_in_full() -> None:
    rise = np.array([0.0, 4.0, 3.0, 2.5])
    courses = np.stack([rise, rise + 1, rise * 2])
    np.testing.assert_allclose(shared_compression(courses), [1.5, 1.5, 3.0])


def test_noise_gives_nothing_on_average_where_the_largest_minus_the_last_gives_much() -> None:
    noise = np.random.default_rng(0).normal(size=(400, 75))
    assert (noise.max(1) - noise[:, -1]).mean() > 2
    assert abs(shared_compression(noise).mean()) < 0.2


def test_it_is_never_more_than_the_trainings_own_fall() -> None:
    walks = np.random.default_rng(1).normal(size=(30, 40)).cumsum(1)
    assert (shared_compression(walks) <= walks.max(1) - walks[:, -1] + 1e-12).all()


def test_one_training_has_no_others_and_none_gives_none() -> None:
    assert math.isnan(shared_compression(np.ones((1, 5)))[0])
    assert shared_compression(np.ones((0, 5))).shape == (0,)
    assert shared_compression(np.ones((3, 1))).tolist() == [0, 0, 0]
    with pytest.raises(WbsiteError, match=r"\(5,\)"):
        shared_compression(np.ones(5))
