"""Where the banding index says nothing, it must say so; and a kernel's shape must not pass for banding."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.banding import banding_index, expected_shares
from wbsite.ops.banding.index import article_verdict, verdict
from wbsite.ops.banding.kernel_clusters import cluster_shapes, shape_features
from wbsite.ops.nmf import one_sided_nmf

NETWORKS = runpy.run_path(str(Path(__file__).parents[2] / "models" / "degenerate_networks.py"))
SHAPELESS = {"dense": ("middle", "flat", "zero"), "grouped": ("zero", "identity", "shift", "corner", "last")}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def networks() -> dict[str, torch.nn.Module]:
    with torch.random.fork_rng(devices=[]):
        return {name: NETWORKS[name]() for name in SHAPELESS}


@pytest.mark.parametrize("network", SHAPELESS)
def test_no_verdict_on_kernels_without_a_shape(networks: dict[str, torch.nn.Module], network: str) -> None:
    for layer, module in networks[network].named_modules():
        if not isinstance(module, torch.nn.Conv2d):
            continue
        found = banding_index(module.weight, resamples=20)
        if layer in SHAPELESS[network]:
            assert verdict(found) == article_verdict(found) == "undefined", layer
            numbers = (found.row_share, found.column_share, found.index, found.low, found.high, found.sign_flip_p)
            assert all(map(math.isnan, (*numbers, found.index_adjusted))), layer
            assert found.per_unit.isnan().all(), layer
        else:
            assert math.isfinite(found.index), layer
            assert verdict(found) in ("none", "horizontal"), layer


@pytest.mark.parametrize("network", SHAPELESS)
def test_pictures_of_kernels_without_a_shape_have_no_index(networks: dict[str, torch.nn.Module], network: str) -> None:
    for layer in SHAPELESS[network]:
        weight = networks[network].get_submodule(layer).weight.detach()
        pictures = one_sided_nmf(weight).spatial.permute(0, 3, 1, 2)
        assert math.isnan(banding_index(pictures, resamples=10, pictured=weight).index), layer


def test_a_picture_of_a_tap_a_colour_has_no_index() -> None:
    """Three taps and three factors: each factor takes a tap, and H of the picture is that of any three taps."""
    weight = torch.zeros(6, 8, 3, 3)
    weight[:, :, 1] = normal(6, 8, 3)
    pictures = one_sided_nmf(weight).spatial.permute(0, 3, 1, 2)
    assert math.isfinite(banding_index(weight, resamples=10).index)
    assert math.isnan(banding_index(pictures, resamples=10, pictured=weight).index)


def test_pictures_of_other_units_are_refused() -> None:
    with pytest.raises(WbsiteError, match="same units"):
        banding_index(normal(4, 3, 3, 3), pictured=normal(5, 8, 3, 3))


def test_units_without_a_shape_have_no_index_of_their_own() -> None:
    kernels = normal(6, 4, 3, 3)
    kernels[1] = 0
    kernels[2] = normal(4, 1, 1)
    kernels[3] *= torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]])
    found = banding_index(kernels)
    assert found.per_unit.isnan().tolist() == [False, True, True, True, False, False]
    assert found.forms.counts == {"zero": 1, "constant": 1, "middle": 1, "taps": 0}
    # A single tap is variance over space that is in no band: it belongs to the layer's shares, by definition.
    assert found.index == pytest.approx(banding_index(kernels[[0, 3, 4, 5]]).index)


@pytest.mark.parametrize("kernels", [normal(1, 8, 3, 3), torch.cat((normal(1, 4, 3, 5), torch.zeros(3, 4, 3, 5)))])
def test_one_unit_has_an_index_and_no_interval(kernels: torch.Tensor) -> None:
    found = banding_index(kernels)
    assert math.isfinite(found.index)
    assert all(map(math.isnan, (found.low, found.high, found.adjusted_low, found.sign_flip_p)))


def test_copies_make_no_interval_narrower() -> None:
    kernels = normal(24, 4, 3, 3)
    copied = torch.cat((kernels, -2 * kernels, kernels))
    once, thrice = banding_index(kernels), banding_index(copied)
    assert thrice.index == pytest.approx(once.index)
    assert (thrice.low, thrice.high, thrice.sign_flip_p) == pytest.approx((once.low, once.high, once.sign_flip_p))
    assert math.isnan(banding_index(kernels[:1].expand(8, 4, 3, 3)).low)


@pytest.mark.parametrize("network", SHAPELESS)
def test_kernels_without_a_shape_are_in_no_cluster(networks: dict[str, torch.nn.Module], network: str) -> None:
    for layer in SHAPELESS[network]:
        assert not shape_features(networks[network].get_submodule(layer).weight).any(), layer
    kernels = torch.cat((normal(20, 4, 3, 3), torch.zeros(2, 4, 3, 3), torch.ones(2, 4, 3, 3)))
    kernels[-4:-2, :, 1, 1] = 1
    assert (cluster_shapes(shape_features(kernels), [3])[3].labels < 0).tolist() == [False] * 20 + [True] * 4


def drawn(kind: str, kh: int, kw: int) -> torch.Tensor:
    """Independent weights of a kind, (units, channels of a group, kh, kw)."""
    kernels = normal(600, 24, kh, kw, seed=kh + kw)
    if kind == "grouped":
        return normal(4000, 3, kh, kw)
    if kind == "depthwise":
        return normal(12_000, 1, kh, kw)
    if kind == "pruned":  # zeros anywhere
        return (kernels + 0.5) * (normal(600, 24, kh, kw, seed=7) > 0.8)
    if kind == "masked":  # the taps before the middle one, in reading order, as of an autoregressive network
        mask = torch.arange(kh * kw).reshape(kh, kw) < kh * kw // 2
        return kernels * mask
    if kind == "skewed":
        return kernels.exp()
    return kernels


@pytest.mark.parametrize("kind", ["plain", "grouped", "depthwise", "pruned", "masked", "skewed"])
@pytest.mark.parametrize(("kh", "kw"), [(3, 3), (3, 9), (7, 2)])
def test_independent_weights_have_the_expected_shares(kind: str, kh: int, kw: int) -> None:
    found, (rows, columns) = banding_index(drawn(kind, kh, kw), resamples=2), expected_shares(kh, kw)
    assert (found.row_share, found.column_share) == pytest.approx((rows, columns), abs=0.008)
    assert found.index_null == pytest.approx((kh - kw) / (kh * kw - 1))
    assert found.index_adjusted == pytest.approx(0, abs=0.015)
    assert verdict(found) == "none"


def test_fixed_taps_shift_chance_where_weights_have_a_mean() -> None:
    """What the formula does not promise: a mask is a shape when its taps have a mean in common."""
    mask = torch.tensor([[1.0, 1, 1], [0, 0, 0], [0, 0, 0]])
    assert banding_index((normal(200, 8, 3, 3) + 5) * mask, resamples=2).index > 0.8


@pytest.mark.parametrize(("kh", "kw"), [(3, 39), (39, 3)])
def test_an_oblong_kernel_is_judged_against_chance(kh: int, kw: int) -> None:
    found = banding_index(normal(200, 8, kh, kw), resamples=200)
    sign = 1 if kh > kw else -1
    assert found.index_null == pytest.approx(sign * 36 / 116)
    assert found.index == pytest.approx(found.index_null, abs=0.02)
    assert verdict(found) == "none"  # H of -0.31 is chance here, and would be "intermediate" in a square kernel
    assert found.adjusted_low < found.index_adjusted < found.adjusted_high
    across = banding_index(normal(200, 8, kh, 1).expand(200, 8, kh, kw), resamples=2)
    assert (across.index, across.index_adjusted) == pytest.approx((1, 1))


def test_square_kernels_are_as_they_were() -> None:
    found = banding_index(normal(50, 8, 5, 5) + normal(50, 8, 5, 1, seed=1))
    assert found.index_null == 0
    assert (found.index_adjusted, found.adjusted_low, found.adjusted_high) == (found.index, found.low, found.high)
