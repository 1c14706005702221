"""Compression that trainings share is told from noise, and claims are decided where intervals are certain."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.plane_claims import CLAIMS, Claim, chosen_layers, linked
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


@pytest.mark.parametrize(
    ("at_least", "above", "holds"),
    [
        (0, [False, False], True),
        (0, [False, True, None], False),
        (0, [False, None], None),
        (0, [], None),
        (1, [None, True], True),
        (1, [None, False], None),
        (1, [False, False], False),
        (2, [True, None, False], None),
        (2, [True, True, None], True),
        (2, [True, False, False], False),
        (2, [], None),
    ],
)
def test_a_claim_is_decided_by_the_layers_that_are_certain(
    at_least: int, above: list[bool | None], holds: bool | None
) -> None:
    assert Claim("of", "compression", "tanh", None, 0.1, at_least=at_least).holds(above) is holds


def test_layers_of_a_claim() -> None:
    names = ["layer 1", "layer 2", "output"]
    found = {of: chosen_layers(names, of) for of in ("last hidden", "earlier hidden", "hidden", "output")}
    assert found == {
        "last hidden": ["layer 2"],
        "earlier hidden": ["layer 1"],
        "hidden": ["layer 1", "layer 2"],
        "output": ["output"],
    }


def test_a_link_is_corrected_for_how_many_configurations_were_tested() -> None:
    nan = math.nan
    assert linked([{"rho": 0.8, "p": 0.02}, {"rho": nan, "p": nan}]) is True
    assert linked([{"rho": -0.8, "p": 0.02}, {"rho": 0.1, "p": 0.9}]) is False
    assert linked([{"rho": 0.8, "p": 0.03}, {"rho": 0.1, "p": 0.9}]) is None
    assert linked([{"rho": 0.8, "p": 0.01}, {"rho": -0.8, "p": 0.01}]) is None
    assert linked([]) is None


def test_claims_have_names_of_their_own() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
