"""Kernels that come without a network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from wbsite.core.errors import WbsiteError
from wbsite.graph.kernels import TRANSPOSED
from wbsite.graph.layers import discover
from wbsite.graph.stored_kernels import StoredKernels


def stored(net: nn.Module) -> StoredKernels:
    numbers = {name: value for name, value in net.state_dict().items() if value.is_floating_point()}
    return StoredKernels(numbers, "pytorch")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8, bias=False),
        nn.Conv2d(8, 4, 1),
        nn.Flatten(),
        nn.Linear(4 * 12 * 12, 3),
    )


def test_layers_have_the_names_kernels_and_sizes_that_the_network_has() -> None:
    net = network().eval()
    alone, whole = stored(net).layers((3, 1, 1)), discover(net, (3, 32, 32))
    assert alone.names == whole.names == ("0", "3", "4", "6")
    for one, other in zip(alone.layers, whole.layers, strict=True):
        for fact in ("kind", "in_channels", "out_channels", "kernel", "groups", "bias", "parameters", "weight_shape"):
            assert getattr(one, fact) == getattr(other, fact), (one.name, fact)
    assert [layer.inputs for layer in alone.layers] == [("input",), (), (), ()]
    assert "file's order" in alone.notes[0]


def test_what_batch_normalisation_counts_is_no_parameter() -> None:
    net = network()
    kept = stored(net)
    assert sum(p.numel() for p in kept.parameters()) == sum(p.numel() for p in net.parameters())


def test_there_is_no_forward_pass() -> None:
    with pytest.raises(WbsiteError, match="no forward pass"):
        stored(network())(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(
    "normalise",
    [
        weight_norm,
        parametrizations.weight_norm,
        spectral_norm,
        parametrizations.spectral_norm,
        lambda conv: prune.random_unstructured(conv, "weight", 0.5),
    ],
    ids=["weight norm", "weight norm, parametrized", "spectral norm", "spectral norm, parametrized", "pruned"],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_kernels_stored_in_parts_are_those_that_the_layer_uses(normalise: Callable[[nn.Module], nn.Module]) -> None:
    torch.manual_seed(1)
    net = nn.Sequential(normalise(nn.Conv2d(3, 6, 3))).eval()
    net(torch.zeros(1, 3, 8, 8))
    with torch.no_grad():
        net(torch.zeros(1, 3, 8, 8))
    kept = stored(net)
    kernel = kept.kernels["0"]
    torch.testing.assert_close(kernel.weight, net[0].weight.detach(), rtol=1e-5, atol=1e-7)
    assert list(kept.kernels) == ["0"] and not kept.skipped
    assert kept.layers((3, 1, 1)).named("0").computed_from
    assert kernel.bias is not None


def test_arrays_that_are_no_kernels_are_listed_with_a_reason() -> None:
    state = {
        "conv.weight": torch.ones(4, 3, 3, 3),
        "pos_embed": torch.ones(1, 4, 4, 8),
        "table": torch.ones(5, 5),
        "temporal.weight": torch.ones(4, 3, 7),
        "broken.weight": torch.full((4, 4, 3, 3), torch.nan),
        "empty.weight": torch.ones(0, 4, 3, 3),
        "conv.bias": torch.ones(4),
        "prelu.alpha": torch.ones(1, 1, 4),  # a vector, as Keras keeps it
    }
    kept = StoredKernels(state, "npz")
    reasons = {skipped.name: skipped.reason for skipped in kept.skipped}
    assert list(kept.kernels) == ["conv"]
    assert set(reasons) == {"pos_embed", "table", "temporal.weight", "broken.weight", "empty.weight"}
    assert "name does not say" in reasons["pos_embed"] and "two dimensions" in reasons["temporal.weight"]
    assert "not finite" in reasons["broken.weight"] and "empty" in reasons["empty.weight"]


def test_two_arrays_of_one_layer_are_both_shown() -> None:
    kept = StoredKernels({"a.weight": torch.ones(2, 3, 3, 3), "a.kernel": torch.ones(2, 2, 3, 3)}, "npz")
    assert list(kept.kernels) == ["a", "a.kernel"]


def test_a_first_kernel_of_one_channel_reads_a_grey_picture_and_later_ones_are_depthwise() -> None:
    kept = StoredKernels({"a.weight": torch.ones(6, 1, 3, 3), "b.weight": torch.ones(6, 1, 3, 3)}, "npz")
    first, second = kept.layers((1, 1, 1)).layers
    assert (first.inputs, first.groups, first.in_channels) == (("input",), 1, 1)
    assert (second.inputs, second.groups, second.in_channels) == ((), 6, 6)
    assert kept.channels == 1


def test_what_the_file_tells_of_convolutions_is_used_as_in_a_network() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5),
        nn.Conv2d(8, 16, 3, groups=8),
        nn.Conv2d(16, 6, 3, groups=2),
        nn.ConvTranspose2d(6, 5, 2, groups=1),
        nn.Conv2d(5, 4, 1),
    ).eval()
    told = {f"{i}.weight": (i == 3, getattr(module, "groups", None)) for i, module in enumerate(net)}
    kept, whole = StoredKernels(net.state_dict(), "onnx", told), discover(net, (3, 32, 32))
    alone = kept.layers((3, 1, 1))
    for one, other in zip(alone.layers, whole.layers, strict=True):
        assert (one.name, one.groups, one.in_channels) == (other.name, other.groups, other.in_channels)
    assert [(skipped.name, skipped.reason) for skipped in alone.skipped] == [("3", TRANSPOSED)]
    assert [(skipped.name, skipped.reason) for skipped in whole.skipped] == [("3", TRANSPOSED)]


@pytest.mark.parametrize(
    ("told", "unknown"),
    [
        ({}, "Groups of other convolutions and transposed convolutions cannot be told from shapes."),
        ({"b.weight": (False, 1)}, "Transposed convolutions cannot be told from shapes."),
        ({"a.weight": (False, None), "b.weight": (False, None)}, "Groups of other convolutions cannot be told"),
        ({"a.weight": (False, None), "b.weight": (False, 2)}, ""),
    ],
)
def test_only_what_stays_unknown_is_said_to_be(told: dict[str, tuple[bool, int | None]], unknown: str) -> None:
    kept = StoredKernels({"a.weight": torch.ones(4, 3, 3, 3), "b.weight": torch.ones(6, 2, 3, 3)}, "npz", told)
    assert unknown in kept.notes[1]
    assert ("cannot be told" in kept.notes[1]) == bool(unknown)
    assert ("depthwise" in kept.notes[1]) == ("Groups" in unknown)
    assert len(StoredKernels({"a.weight": torch.ones(4, 3)}, "npz").notes) == 1


@pytest.mark.parametrize("state", [{"a": torch.ones(3)}, {"table": torch.ones(3, 3)}])
def test_a_file_without_kernels_is_refused(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WbsiteError, match="no convolution's or fully connected layer's kernels"):
        StoredKernels(state, "npz")


def test_a_file_of_transposed_convolutions_alone_is_refused_in_these_words() -> None:
    with pytest.raises(WbsiteError, match=r"such as up \(a transposed convolution"):
        StoredKernels({"up.weight": torch.ones(4, 3, 2, 2)}, "onnx", {"up.weight": (True, None)})
