"""One-sided NMF: what readers see of a layer are its pictures, and how much of the kernels they keep."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from wbsite.core.errors import WbsiteError
from wbsite.ops.hals import factorise
from wbsite.ops.nmf import Factors, one_sided_nmf, reconstruction_errors


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def smooth(units: int, channels: int, size: int, seed: int = 0) -> torch.Tensor:
    """Kernels with some structure, as trained ones have: few spatial patterns mixed over channels."""
    mixed = torch.einsum("ukc,kp->ucp", normal(units, 4, channels, seed=seed), normal(4, size * size, seed=seed + 1))
    return (mixed + 0.5 * normal(units, channels, size * size, seed=seed + 2)).reshape(units, channels, size, size)


def separable(units: int) -> torch.Tensor:
    """Patterns (units, 9, 3), each alone at one position, which makes their factorisation unique."""
    s = normal(units, 9, 3).abs()
    s[:, :3] = torch.eye(3) * (0.5 + s[:, :3])
    return s


def matrices(kernels: torch.Tensor) -> torch.Tensor:
    """(N, C, kh, kw) → (N, kh·kw, 2C) by the definition."""
    return torch.cat((kernels.clamp_min(0), (-kernels).clamp_min(0)), 1).flatten(2).mT


def rebuilt(factors: Factors, groups: int | None = None) -> torch.Tensor:
    """X from the published factors alone, (N, kh·kw, 2C)."""
    s = factors.spatial.flatten(1, 2) * factors.scale[:, None, None]
    f = factors.channels
    return s @ (f if groups is None else f.repeat_interleave(len(s) // groups, 0))


def relative_error(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (x - other).norm(dim=(1, 2)) / x.norm(dim=(1, 2))


@pytest.mark.parametrize(("units", "channels", "size"), [(24, 40, 3), (24, 12, 5), (8, 6, 7)])
def test_error_is_no_worse_than_sklearns(units: int, channels: int, size: int) -> None:
    kernels = smooth(units, channels, size)
    found = one_sided_nmf(kernels).error.mean().item()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = [
            NMF(3, init="nndsvda", random_state=0).fit(x).reconstruction_err_ / np.linalg.norm(x)
            for x in matrices(kernels).numpy()
        ]
    assert found <= np.mean(theirs) * 1.005


@pytest.mark.parametrize("mode", ["per-unit", "joint"])
def test_error_is_that_of_the_published_factors(mode: str) -> None:
    kernels = smooth(10, 8, 3)
    factors = one_sided_nmf(kernels, mode=mode, groups=2)
    again = relative_error(matrices(kernels), rebuilt(factors, None if mode == "per-unit" else 2))
    torch.testing.assert_close(factors.error, again, atol=1e-5, rtol=1e-4)


def test_picture_is_s_times_the_norms_of_f_over_the_maximum() -> None:
    factors = one_sided_nmf(smooth(10, 8, 3))
    assert factors.spatial.shape == (10, 3, 3, 3)
    assert factors.channels.shape == (10, 3, 16)
    assert factors.spatial.min() >= 0
    assert factors.channels.min() >= 0
    torch.testing.assert_close(factors.spatial.amax((1, 2, 3)), torch.ones(10))
    norms = factors.channels.norm(dim=2)
    assert ((norms - 1).abs().lt(1e-5) | (norms == 0)).all()


def test_exact_factors_are_recovered() -> None:
    """Three patterns, each seen by channels of its own, and nothing else: the only factorisation there is."""
    s, f = separable(5), normal(5, 3, 12).abs() * torch.eye(3).repeat_interleave(4, 1)
    kernels = (s @ f).mT.reshape(5, 12, 3, 3).double()
    factors = one_sided_nmf(kernels, tolerance=1e-9, max_iterations=2000)
    assert factors.error.max() < 1e-4
    expected = s * f.norm(dim=2)[:, None]
    pictures = factors.spatial.flatten(1, 2) * factors.scale[:, None, None]
    for mine, true in zip(pictures, expected.double(), strict=True):
        likeness = torch.nn.functional.normalize(mine, dim=0).mT @ torch.nn.functional.normalize(true, dim=0)
        torch.testing.assert_close(likeness.amax(0), torch.ones(3, dtype=torch.float64), atol=1e-4, rtol=0)


def test_joint_recovers_shared_channels_and_orders_them_by_strength() -> None:
    f = torch.eye(3).repeat_interleave(4, 1)
    s = separable(20) * torch.tensor([1.0, 9.0, 3.0])
    kernels = (s @ f).mT.reshape(20, 12, 3, 3).double()
    factors = one_sided_nmf(kernels, mode="joint", tolerance=1e-9, max_iterations=2000)
    assert factors.channels.shape == (1, 3, 24)
    assert factors.error.max() < 1e-3
    torch.testing.assert_close(factors.channels[0, :, :12], f[[1, 2, 0]].double() / 2, atol=1e-3, rtol=0)


def test_per_unit_colours_follow_the_joint_ones() -> None:
    """Every unit has the same three channel groups, at strengths in an order of its own."""
    f = torch.eye(3).repeat_interleave(4, 1)
    s = separable(12) * 2 ** normal(12, 1, 3, seed=1)
    kernels = (s @ f).mT.reshape(12, 12, 3, 3)
    joint = one_sided_nmf(kernels, mode="joint")
    factors = one_sided_nmf(kernels)
    likeness = torch.einsum("jc,ujc->uj", joint.channels[0], factors.channels)
    assert likeness.min() > 0.9
    given_joint = one_sided_nmf(kernels, reference=joint)
    torch.testing.assert_close(given_joint.spatial, factors.spatial, rtol=0, atol=0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1e-12, 1e-3, 1e6]))
def test_scale_and_order_of_units_do_not_matter(seed: int, scale: float) -> None:
    kernels = smooth(6, 5, 3, seed=seed).double()
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    joint = one_sided_nmf(kernels, mode="joint")
    one, other = (one_sided_nmf(k, reference=joint) for k in (kernels, kernels[order] * scale))
    torch.testing.assert_close(other.spatial, one.spatial[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(other.error, one.error[order])
    torch.testing.assert_close(other.scale, one.scale[order] * scale)


def test_a_unit_does_not_depend_on_its_neighbours_or_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = smooth(40, 8, 3)
    joint = one_sided_nmf(kernels, mode="joint")
    whole = one_sided_nmf(kernels, reference=joint)
    monkeypatch.setattr("wbsite.ops.nmf._CHUNK_BYTES", 3000)
    torch.testing.assert_close(one_sided_nmf(kernels, reference=joint).error, whole.error, atol=1e-4, rtol=0)


@pytest.mark.parametrize("mode", ["per-unit", "joint"])
def test_every_run_and_seed_gives_the_same(mode: str) -> None:
    kernels = smooth(10, 8, 3)
    first, second = (one_sided_nmf(kernels.numpy(), mode=mode, seed=seed) for seed in (0, 1))
    assert torch.equal(first.spatial, second.spatial)
    assert torch.equal(first.channels, second.channels)


@pytest.mark.parametrize("mode", ["per-unit", "joint"])
def test_dead_units_are_black_and_without_error(mode: str) -> None:
    kernels = smooth(6, 8, 3)
    kernels[2] = 0
    factors = one_sided_nmf(kernels, mode=mode)
    assert factors.spatial[2].abs().max() == 0
    assert factors.error[2] == 0
    assert factors.scale[2] == 0
    assert factors.spatial.isfinite().all()
    assert factors.channels.isfinite().all()
    dead = one_sided_nmf(torch.zeros(3, 4, 3, 3), mode=mode)
    assert dead.spatial.abs().max() == 0
    assert dead.error.abs().max() == 0


@pytest.mark.parametrize("mode", ["per-unit", "joint"])
def test_depthwise_kernels_are_exact_with_two_colours(mode: str) -> None:
    """One channel: the positive and the negative part are all there is."""
    kernels = normal(8, 1, 5, 5)
    factors = one_sided_nmf(kernels, mode=mode, groups=8)
    assert factors.error.max() < 1e-4
    assert factors.channels.shape == (8, 3, 2)
    torch.testing.assert_close(rebuilt(factors), matrices(kernels), atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", [(4, 6, 1, 7), (4, 6, 2, 1), (4, 3, 2, 2), (1, 1, 1, 2)])
def test_small_and_rectangular_kernels_with_more_components_than_rank(shape: tuple[int, ...]) -> None:
    kernels = normal(*shape)
    factors = one_sided_nmf(kernels, n_components=6)
    assert factors.spatial.shape == (shape[0], *shape[2:], 6)
    assert factors.spatial.isfinite().all()
    assert factors.error.max() < 0.2


def test_groups_share_no_colours() -> None:
    first, second = smooth(6, 8, 3, seed=1), smooth(6, 8, 3, seed=2)
    together = one_sided_nmf(torch.cat((first, second)), mode="joint", groups=2)
    alone = one_sided_nmf(second, mode="joint")
    assert together.channels.shape == (2, 3, 16)
    torch.testing.assert_close(together.channels[1], alone.channels[0], atol=1e-3, rtol=0)


@pytest.mark.parametrize("mode", ["per-unit", "joint"])
def test_more_components_leave_less_out(mode: str) -> None:
    errors = reconstruction_errors(smooth(10, 8, 3), mode=mode)
    means = [error.mean().item() for error in errors.values()]
    assert list(errors) == [1, 2, 3, 4, 5, 6]
    assert means == sorted(means, reverse=True)


def test_convergence_lowers_the_error_to_a_stationary_point() -> None:
    """At a solution, every positive entry of S and F has a gradient of zero and no other can fall."""
    x = matrices(smooth(4, 8, 3)).double() / 10
    s, f = factorise(x, 3, tolerance=0.0, max_iterations=3000)
    for entries, gradient in ((s, (s @ f - x) @ f.mT), (f, s.mT @ (s @ f - x))):
        assert (entries * gradient).abs().max() < 1e-5
        assert gradient.min() > -1e-5


def test_thread_setting_is_left_as_it_was() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        one_sided_nmf(normal(2, 2, 3, 3))
        with pytest.raises(WbsiteError):
            one_sided_nmf(normal(2, 2, 1, 1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("kernels", "options", "said"),
    [
        (torch.ones(3, 3, 3), {}, "(3, 3, 3)"),
        (torch.ones(3, 3, 1, 1), {}, "1×1"),
        (torch.full((2, 2, 3, 3), torch.nan), {}, "NaN"),
        (torch.ones(3, 3, 3, 3), {"groups": 2}, "groups 2"),
        (torch.ones(3, 3, 3, 3), {"n_components": 0}, "n_components is 0"),
        (torch.ones(3, 3, 3, 3), {"mode": "jiont"}, "'jiont'"),
    ],
)
def test_refuses_what_it_cannot_draw(kernels: torch.Tensor, options: dict[str, object], said: str) -> None:
    with pytest.raises(WbsiteError) as caught:
        one_sided_nmf(kernels, **options)
    assert said in caught.value.message
    assert caught.value.hint


def test_refuses_a_reference_of_other_kernels() -> None:
    joint = one_sided_nmf(normal(4, 3, 3, 3), mode="joint")
    with pytest.raises(WbsiteError, match=r"expected \(1, 3, 4\)"):
        one_sided_nmf(normal(4, 2, 3, 3), reference=joint)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_agrees_with_cpu() -> None:
    kernels = smooth(40, 16, 3)
    cpu, gpu = one_sided_nmf(kernels), one_sided_nmf(kernels.cuda())
    torch.testing.assert_close(gpu.error.cpu(), cpu.error, atol=1e-3, rtol=0)


def test_real_layer_is_within_half_a_percent_of_sklearn(shared_data) -> None:
    weights = np.load(shared_data("weights/googlenet_bvlc_fp16.npz"), allow_pickle=False)
    kernels = torch.from_numpy(weights["inception_4c/5x5.weight"].astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = [
            NMF(3, init="nndsvda").fit(x).reconstruction_err_ / np.linalg.norm(x) for x in matrices(kernels).numpy()
        ]
    assert one_sided_nmf(kernels).error.mean().item() <= np.mean(theirs) * 1.005


@pytest.mark.parametrize("mode", ["per-unit", "joint"])
@pytest.mark.parametrize("units", [20, 200])
def test_errors_of_several_numbers_of_components_are_those_of_each(mode: str, units: int) -> None:
    """Few and many matrices are swept in different ways, and share their decomposition here."""
    kernels = smooth(units, 6, 3)
    together = reconstruction_errors(kernels, (4, 1, 3), mode)
    assert list(together) == [4, 1, 3]
    for count, error in together.items():
        torch.testing.assert_close(error, one_sided_nmf(kernels, count, mode).error, rtol=1e-4, atol=1e-6)


def test_a_matrix_is_factorised_alike_in_whatever_company() -> None:
    x = matrices(smooth(200, 6, 3))
    x /= x.amax((1, 2), keepdim=True)
    many, few = factorise(x, 3, 1e-3, 100), factorise(x[:5], 3, 1e-3, 100)
    for together, alone in zip(many, few, strict=True):
        torch.testing.assert_close(together[:5], alone, rtol=1e-3, atol=1e-4)
