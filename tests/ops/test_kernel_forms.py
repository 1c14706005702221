"""Forms without a shape: a 1×1 kernel in disguise must not be called unbanded, nor a kernel with a shape shapeless."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wbsite.core.errors import WbsiteError
from wbsite.ops.kernel_forms import FORMS, unit_forms, without_zero_units

NETWORKS = runpy.run_path(str(Path(__file__).parents[1] / "models" / "degenerate_networks.py"))
COUNTS = {
    ("dense", "plain"): {}, ("dense", "middle"): {"middle": 8}, ("dense", "flat"): {"constant": 8},
    ("dense", "profile"): {}, ("dense", "nearly"): {}, ("dense", "dead"): {"zero": 3}, ("dense", "copies"): {},
    ("dense", "zero"): {"zero": 8}, ("grouped", "zero"): {"zero": 8}, ("grouped", "identity"): {"middle": 8},
    ("grouped", "shift"): {"middle": 1, "taps": 7}, ("grouped", "corner"): {"taps": 8}, ("grouped", "row"): {},
    ("grouped", "masked"): {}, ("grouped", "last"): {"middle": 8},
}  # fmt: skip


@pytest.fixture(scope="module")
def networks() -> dict[str, torch.nn.Module]:
    with torch.random.fork_rng(devices=[]):
        return {name: NETWORKS[name]() for name in ("dense", "grouped")}


@pytest.mark.parametrize(("network", "layer"), COUNTS)
def test_forms_of_layers(networks: dict[str, torch.nn.Module], network: str, layer: str) -> None:
    forms = unit_forms(networks[network].get_submodule(layer).weight)
    counts = {form: count for form, count in forms.counts.items() if count}
    assert counts == COUNTS[network, layer]
    assert forms.shaped.sum() == len(forms.names) - sum(counts.values())


def slow_form(kernel: np.ndarray, largest: float) -> str:
    """The form by its definition, one channel at a time."""
    own = np.abs(kernel).max()
    if own <= 1e-6 * largest:
        return "zero"
    tolerance, (kh, kw) = 1e-6 * own, kernel.shape[1:]
    if all(channel.max() - channel.min() <= tolerance for channel in kernel):
        return "constant"
    middle = np.zeros((kh, kw), bool)
    middle[kh // 2, kw // 2] = True
    if kh % 2 and kw % 2 and np.abs(kernel[:, ~middle]).max() <= tolerance:
        return "middle"
    for channel in kernel.reshape(len(kernel), -1):
        if min(np.ptp(np.delete(channel, i)) for i in range(kh * kw)) > tolerance:
            return ""
    return "taps"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(3, 4), st.integers(1, 4))
def test_agrees_with_the_definition_written_out(seed: int, kh: int, kw: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    kernels = np.zeros((6, channels, kh, kw))
    kernels[0] = rng.normal(size=(channels, kh, kw))
    kernels[1] = rng.normal(size=(channels, 1, 1))
    kernels[2, :, kh // 2, kw // 2] = rng.normal(size=channels)
    kernels[3] = rng.normal(size=(channels, 1, 1))
    kernels[3, np.arange(channels), rng.integers(kh, size=channels), rng.integers(kw, size=channels)] += 1
    kernels[4] = 1e-9 * rng.normal(size=(channels, kh, kw))
    kernels[5, 0] = rng.normal(size=(kh, kw))  # a shape in one channel among silent ones
    kernels *= 10.0 ** rng.integers(-3, 3, (1, channels, 1, 1))
    largest = np.abs(kernels).max()
    expected = [slow_form(kernel, largest) for kernel in kernels]
    assert unit_forms(torch.from_numpy(kernels)).names.tolist() == expected


def test_rounding_is_no_shape_and_a_thousandth_is() -> None:
    kernels = torch.zeros(2, 4, 3, 3)
    kernels[:, :, 1, 1] = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    kernels[0] += 1e-8
    kernels[1] += 1e-3 * torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(1))
    assert unit_forms(kernels).names.tolist() == ["middle", ""]
    assert unit_forms(kernels, tolerance=0.1).names.tolist() == ["middle", "middle"]


@pytest.mark.parametrize("shape", [(5, 7, 1, 1), (5, 1, 1, 1)])
def test_a_kernel_of_one_position_is_zero_or_has_all_there_can_be(shape: tuple[int, ...]) -> None:
    kernels = torch.ones(shape)
    kernels[2] = 0
    assert unit_forms(kernels).counts == {**dict.fromkeys(FORMS, 0), "zero": 1}


def test_pictures_do_not_show_what_is_no_weight() -> None:
    kernels = torch.randn(3, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    kernels[1] *= 1e-20
    shown, live = without_zero_units(kernels)
    assert live.tolist() == [True, False, True]
    assert not shown[1].any()
    assert torch.equal(shown[live], kernels[live])


@pytest.mark.parametrize("kernels", [torch.ones(3, 3), torch.ones(0, 3, 3, 3)])
def test_refuses_what_are_no_kernels(kernels: torch.Tensor) -> None:
    with pytest.raises(WbsiteError) as caught:
        unit_forms(kernels)
    assert str(tuple(kernels.shape)) in caught.value.message
