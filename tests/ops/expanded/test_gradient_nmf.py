"""Typical cases: readers are shown a few patterns in place of many gradients; they must be those that were there."""

from __future__ import annotations

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.expanded.gradient_nmf import gradient_nmf


def made_up(pictures: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients that are one of two patterns, in varying strength; the patterns; which."""
    generator = torch.Generator().manual_seed(5)
    patterns = torch.randn(2, 6, 3, 3, generator=generator)
    which = torch.arange(pictures) % 3 // 2  # two thirds of the first
    strength = 0.8 + 0.4 * torch.rand(pictures, generator=generator)
    return patterns[which] * strength[:, None, None, None], patterns, which


def test_two_cases_are_told_apart_though_they_cancel_on_average() -> None:
    gradients, patterns, which = made_up()
    found = gradient_nmf(gradients, cases=2)
    for case, pattern in enumerate(patterns):
        cosine = torch.nn.functional.cosine_similarity(found.patterns[case].flatten(), pattern.flatten(), 0)
        assert cosine > 0.99
    assert torch.equal(found.strongest, which)
    assert float(found.share.sum()) == pytest.approx(1)
    assert found.share[0] > 0.55
    assert found.explained[1] > 0.999
    assert found.explained[0] < 0.9
    assert found.beyond_mean[0] < 0.5


def test_the_same_gradients_give_the_same_cases() -> None:
    gradients, _, _ = made_up()
    one, other = gradient_nmf(gradients), gradient_nmf(gradients)
    assert torch.equal(one.patterns, other.patterns)
    assert torch.equal(one.weights, other.weights)


def test_a_case_is_as_large_as_the_gradients_it_stands_for() -> None:
    gradients, patterns, _ = made_up()
    found = gradient_nmf(gradients, cases=2)
    assert found.patterns[0].norm() == pytest.approx(float(patterns[0].norm()), rel=0.05)


def test_pictures_with_one_gradient_have_one_case() -> None:
    same = torch.randn(1, 3, 3, 3).expand(10, -1, -1, -1)
    found = gradient_nmf(same, cases=1, most=1)
    assert found.explained[0] == pytest.approx(1)
    assert found.beyond_mean.isnan().all()


def test_no_more_cases_than_pictures() -> None:
    gradients, _, _ = made_up(2)
    assert len(gradient_nmf(gradients, cases=3).patterns) == 2


@pytest.mark.parametrize(
    ("gradients", "cases", "said"),
    [
        (torch.zeros(4, 2, 3, 3), 2, "all zero"),
        (torch.full((4, 2, 3, 3), torch.nan), 2, "not finite"),
        (torch.ones(0, 2, 3, 3), 2, "cannot be factored"),
        (torch.ones(4, 2, 3, 3), 0, "cannot be factored"),
    ],
)
def test_what_cannot_be_factored_is_a_message(gradients: torch.Tensor, cases: int, said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        gradient_nmf(gradients, cases)
