"""What every estimator of mutual information keeps, whoever adds it: picked up from the registry."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.ops.information import Estimator, by_estimator, estimator, mutual_informations

EXAMPLES = [example for token in registry.entries("estimators") for example in token.example.split(" or ")]
RECORDS, SAMPLES, UNITS = 3, 96, 4

PLUGIN = """
from dataclasses import dataclass
import numpy as np
from wbsite.ops.information.estimators.base import Estimator, Token

@dataclass(frozen=True)
class Signs(Estimator):
    token = "signs"
    title = "signs of units"

    def informations(self, stack, labels, device):
        return np.ones((len(stack), 2))

ESTIMATORS = (Token("signs", Signs, example="signs"),)
"""


@pytest.fixture(scope="module")
def stack() -> np.ndarray:
    """(records, samples, units), saturating more and more."""
    values = np.random.default_rng(0).normal(size=(SAMPLES, UNITS))
    return np.stack([np.tanh(scale * values) for scale in (0.1, 1.0, 10.0)]).astype(np.float32)


LABELS = np.arange(SAMPLES) % 2


@pytest.mark.parametrize("token", EXAMPLES)
def test_it_is_made_from_its_token_again(token: str) -> None:
    made = estimator(token)
    assert isinstance(made, Estimator)
    assert made.token == token
    assert estimator(made.token) == made
    assert made.title


@pytest.mark.parametrize("token", EXAMPLES)
def test_bits_have_their_shape_and_range(token: str, stack: np.ndarray) -> None:
    bits = mutual_informations(stack, LABELS, estimator(token))
    assert bits.shape == (RECORDS, 2)
    assert bits.dtype == np.float64
    assert (bits >= 0).all()
    assert (bits <= math.log2(SAMPLES) + 1e-9).all()


@pytest.mark.parametrize("token", EXAMPLES)
def test_it_gives_the_same_every_time_of_an_array_or_a_tensor(token: str, stack: np.ndarray) -> None:
    made = estimator(token)
    bits = mutual_informations(stack, LABELS, made)
    np.testing.assert_array_equal(bits, mutual_informations(stack, LABELS, made))
    np.testing.assert_array_equal(bits, mutual_informations(torch.from_numpy(stack), torch.from_numpy(LABELS), made))


@pytest.mark.parametrize("token", EXAMPLES)
def test_records_do_not_depend_on_each_other_nor_on_the_order_of_samples(token: str, stack: np.ndarray) -> None:
    made = estimator(token)
    bits = mutual_informations(stack, LABELS, made)
    order = np.random.default_rng(1).permutation(SAMPLES)
    np.testing.assert_allclose(mutual_informations(stack[1:, order], LABELS[order], made), bits[1:], atol=1e-9)


@pytest.mark.parametrize("token", EXAMPLES)
def test_one_sample_and_constant_activations_hold_no_information(token: str) -> None:
    assert mutual_informations(np.ones((1, 1, 2)), np.array([5]), estimator(token)).tolist() == [[0, 0]]
    constant = mutual_informations(np.ones((1, 20, 2)), np.arange(20) % 2, estimator(token))
    np.testing.assert_allclose(constant, 0, atol=1e-9)


@pytest.mark.parametrize("token", EXAMPLES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_activations_that_are_not_finite_are_refused(token: str, value: float, stack: np.ndarray) -> None:
    broken = stack.copy()
    broken[1, 7, 2] = value
    with pytest.raises(WbsiteError, match="record 1, sample 7, unit 2"):
        mutual_informations(broken, LABELS, estimator(token))


def test_several_together_give_what_each_gives(stack: np.ndarray) -> None:
    every = [estimator(token) for token in EXAMPLES]
    together = by_estimator(stack, LABELS, every)
    for made, bits in zip(every, together, strict=True):
        np.testing.assert_array_equal(bits, mutual_informations(stack, LABELS, made))


@pytest.fixture
def installed(plug_in: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that provides the estimator `signs`."""
    points = "[wbsite.estimators]\nsigns = signs_plugin:ESTIMATORS\n"
    monkeypatch.syspath_prepend(str(plug_in(tmp_path, "signs_plugin", points, PLUGIN)))
    registry.entries.cache_clear()
    yield
    registry.entries.cache_clear()


def test_an_installed_package_can_add_one(installed: None, stack: np.ndarray) -> None:
    assert mutual_informations(stack, LABELS, estimator("signs")).tolist() == [[1, 1]] * RECORDS
