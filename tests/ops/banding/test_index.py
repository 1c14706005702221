"""The banding index: without it the site's central claim, which layers are banded, has no number."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wbsite.core.errors import WbsiteError
from wbsite.ops.banding.index import article_verdict, banding_index, banding_shares, verdict


def slow_shares(kernels: np.ndarray) -> tuple[float, float]:
    """R and C by the definition, one kernel at a time."""
    row = column = total = 0.0
    for unit in kernels.astype(np.float64):
        for kernel in unit:
            kernel = kernel - kernel.mean()
            kh, kw = kernel.shape
            total += (kernel**2).sum()
            row += kw * sum(kernel[i].mean() ** 2 for i in range(kh))
            column += kh * sum(kernel[:, j].mean() ** 2 for j in range(kw))
    return row / total, column / total


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (2, 1, 5, 5), (3, 2, 2, 7), (1, 4, 3, 2)])
def test_agrees_with_the_definition_written_out(shape: tuple[int, ...]) -> None:
    kernels = normal(*shape).numpy()
    found = banding_index(kernels, resamples=10)
    assert (found.row_share, found.column_share) == pytest.approx(slow_shares(kernels), abs=1e-12)
    assert found.index == pytest.approx(found.row_share - found.column_share)
    for unit, h in zip(kernels, found.per_unit, strict=True):
        r, c = slow_shares(unit[None])
        assert h.item() == pytest.approx(r - c, abs=1e-12)


@pytest.mark.parametrize("dead", [False, True])
def test_shares_alone_are_those_of_the_index(dead: bool) -> None:
    kernels = normal(6, 4, 3, 3)
    kernels[:5] *= not dead
    kernels[5] = 2
    alone, found = banding_shares(kernels), banding_index(kernels, resamples=1)
    assert math.isnan(alone.index) == dead
    for name in ("row_share", "column_share", "index"):
        assert getattr(alone, name) == pytest.approx(getattr(found, name), nan_ok=True)
    with pytest.raises(WbsiteError, match="at least 2×2"):
        banding_shares(normal(2, 1, 1, 3))


def test_pure_bands_have_index_one_and_turn_with_the_kernel() -> None:
    stripes = normal(6, 4, 3, 1).expand(6, 4, 3, 3)
    horizontal, vertical = banding_index(stripes), banding_index(stripes.transpose(2, 3))
    assert (horizontal.index, horizontal.column_share) == pytest.approx((1.0, 0.0))
    assert vertical.index == pytest.approx(-1.0)
    assert (verdict(horizontal), verdict(vertical)) == ("horizontal", "vertical")
    assert horizontal.low == pytest.approx(1.0)
    assert horizontal.high == pytest.approx(1.0)


@pytest.mark.parametrize(("kh", "kw"), [(3, 3), (5, 5), (3, 5)])
def test_independent_weights_have_the_null_shares(kh: int, kw: int) -> None:
    found = banding_index(normal(400, 16, kh, kw))
    assert found.row_share == pytest.approx(found.null_row_share, abs=0.01)
    assert found.column_share == pytest.approx(found.null_column_share, abs=0.01)
    assert found.sign_flip_p > 0.01  # a rectangle's own shape is no preference


def test_sign_flip_sees_a_faint_preference() -> None:
    kernels = normal(400, 16, 3, 3) + 0.3 * normal(400, 16, 3, 1, seed=1)
    found = banding_index(kernels)
    assert found.sign_flip_p == pytest.approx(1 / 1001)
    assert verdict(found) == "none"


def test_interval_covers_the_index_and_shrinks_with_units() -> None:
    few, many = banding_index(normal(20, 4, 3, 3)), banding_index(normal(500, 4, 3, 3))
    for found in (few, many):
        assert found.low <= found.index <= found.high
    assert many.high - many.low < few.high - few.low
    narrow = banding_index(normal(20, 4, 3, 3), level=0.5)
    assert few.low < narrow.low
    assert narrow.high < few.high


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.integers(2, 5), st.integers(2, 5))
def test_bounds_and_invariance(seed: int, scale: float, kh: int, kw: int) -> None:
    kernels = normal(5, 3, kh, kw, seed=seed).double()
    found = banding_index(kernels, resamples=5)
    assert found.row_share >= -1e-9
    assert found.row_share + found.column_share <= 1 + 1e-9
    offsets = normal(5, 3, 1, 1, seed=seed + 1)
    moved = banding_index((kernels * -scale + offsets * scale).flip(0), resamples=5)
    assert moved.index == pytest.approx(found.index, abs=1e-9)
    torch.testing.assert_close(moved.per_unit.flip(0), found.per_unit)


def test_same_seed_same_interval() -> None:
    kernels = normal(30, 4, 3, 3)
    a, b, c = (banding_index(kernels, seed=seed) for seed in (1, 1, 2))
    assert (a.low, a.high, a.sign_flip_p) == (b.low, b.high, b.sign_flip_p)
    assert (a.low, a.high) != (c.low, c.high)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3])
def test_constant_kernels_have_no_index(value: float) -> None:
    found = banding_index(torch.full((4, 3, 3, 3), value))
    assert all(map(math.isnan, (found.row_share, found.column_share, found.index, found.low, found.high)))
    assert math.isnan(found.sign_flip_p)
    assert found.per_unit.isnan().all()
    assert verdict(found) == article_verdict(found) == "undefined"


def test_dead_unit_is_nan_alone_and_changes_nothing_else() -> None:
    kernels = normal(5, 3, 3, 3)
    padded = torch.cat((kernels, torch.zeros(1, 3, 3, 3)))
    found = banding_index(padded)
    assert found.per_unit[-1].isnan()
    assert found.per_unit[:-1].isfinite().all()
    assert found.index == pytest.approx(banding_index(kernels).index)
    assert found.forms.counts["zero"] == 1


def test_large_layer_in_chunks_and_low_precision_types() -> None:
    kernels = normal(512, 512, 3, 3).half()
    found = banding_index(kernels, resamples=2)
    assert found.index == pytest.approx(banding_index(kernels[:300], resamples=2).index, abs=0.01)
    assert banding_index((normal(4, 3, 3, 3) * 50).to(torch.int8), resamples=2).units == 4


def test_words_for_the_index() -> None:
    assert [verdict(h) for h in (0.1, -0.3, 0.57, 0.61, -0.9)] == [
        "none",
        "intermediate",
        "intermediate",
        "horizontal",
        "vertical",
    ]
    assert [article_verdict(h) for h in (0.1, 0.55, 0.57, -0.9)] == ["none", "none", "horizontal", "vertical"]


@pytest.mark.parametrize(
    ("kernels", "said"),
    [
        (torch.ones(3, 3, 3), "(3, 3, 3)"),
        (torch.ones(0, 3, 3, 3), "(0, 3, 3, 3)"),
        (torch.ones(2, 3, 1, 7), "1×7"),
        (torch.full((2, 3, 3, 3), torch.nan), "NaN"),
    ],
)
def test_refuses_what_has_no_bands(kernels: torch.Tensor, said: str) -> None:
    with pytest.raises(WbsiteError) as caught:
        banding_index(kernels)
    assert said in caught.value.message
    assert caught.value.hint


def test_refuses_options_out_of_range() -> None:
    with pytest.raises(WbsiteError, match="level 1"):
        banding_index(normal(2, 2, 3, 3), level=1.5)


def test_published_shares_of_googlenet(shared_data) -> None:
    weights = np.load(shared_data("weights/googlenet_bvlc_fp16.npz"), allow_pickle=False)
    for layer, row, column in (("5b/3x3", 0.864, 0.111), ("5b/5x5", 0.793, 0.163), ("3a/3x3", 0.373, 0.382)):
        found = banding_index(weights[f"inception_{layer}.weight"])
        assert found.row_share == pytest.approx(row, abs=0.002)
        assert found.column_share == pytest.approx(column, abs=0.002)


def test_agrees_with_the_article_on_its_published_pictures(shared_data) -> None:
    pictures = np.load(shared_data("distill-weight-banding/reduced_weights.npz"), allow_pickle=False)
    labels = json.loads(shared_data("distill-weight-banding/labels.json").read_text())
    found = {name: banding_index(pictures[name].transpose(0, 3, 1, 2)) for name in labels}
    assert {name: article_verdict(index) for name, index in found.items()} == {
        name: label["label"] for name, label in labels.items()
    }
