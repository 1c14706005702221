"""Untrained copies: another network of the same shape, whatever computes its kernels, and the given one left alone."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm

from wbsite.graph.recording import Recorded
from wbsite.models import LoadedModel, load
from wbsite.models.base import CIFAR10, ModelSpec
from wbsite.models.untrained import untrained
from wbsite.models.weights import find


def test_a_copy_has_random_weights_of_the_right_size_and_the_original_stays() -> None:
    model = load("alexnet_32")
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    state = torch.random.get_rng_state()
    tape = Recorded.of(untrained(model, 3)).tape
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, before[name])
    kernel = tape.kernels["conv2"]
    assert kernel.weight.std().item() == pytest.approx((2 / kernel.weight[0].numel()) ** 0.5, rel=0.02)
    assert kernel.bias is None
    assert torch.equal(tape.makers[tape.outputs["conv2"]].kernel, kernel.weight)
    norm = next(call for call in tape.calls if call.operation == "batch_norm" and call.module == "norm2")
    names = ("input", "running_mean", "running_var", "weight", "bias")
    arguments = {**dict(zip(names, norm.args, strict=False)), **norm.kwargs}
    mean, variance, weight, bias = (arguments[name] for name in names[1:])
    assert (mean == 0).all() and (variance == 1).all() and (weight == 1).all() and (bias == 0).all()


def test_a_seed_is_a_network() -> None:
    model = load("alexnet_32")
    one, again, other = (Recorded.of(untrained(model, seed)).tape.kernels["conv1"].weight for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ["alexnet_32", "inceptionv1_32", "simplified_32"])
def test_a_copy_computes_what_the_module_would_with_the_drawn_weights(name: str) -> None:
    model = load(name)
    module = copy.deepcopy(model.module)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                drawn = torch.empty(part.weight.shape)
                nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator)
                part.weight.copy_(drawn)
                if part.bias is not None:
                    part.bias.zero_()
            elif isinstance(part, nn.BatchNorm2d):
                part.reset_running_stats()
                part.reset_parameters()
    x = torch.randn(3, *model.spec.input_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(untrained(model, 5).module(x), module(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["inceptionv1@5h", "inceptionv1@bvlc"])
def test_published_networks_can_be_copied(name: str) -> None:
    spec = find(name)[0]
    model = LoadedModel(spec.build().eval(), spec, "")
    assert untrained(model, 0).module(torch.zeros(1, *spec.input_shape)).shape[0] == 1


def test_a_module_that_cannot_be_copied_has_untrained_copies() -> None:
    model = load("alexnet_32")
    model.module.lock = threading.Lock()  # type: ignore[assignment]
    assert untrained(model, 0).module(torch.zeros(1, *model.spec.input_shape)).isfinite().all()


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(F.relu(self.a(x)))


class Standardised(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight / weight.std((1, 2, 3), keepdim=True), self.bias, padding=self.padding)


class Bare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.randn(16, 3, 3, 3)), nn.Parameter(torch.randn(16, 24))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.conv2d(x, self.a * 0.2, padding=1))
        return (x.permute(0, 2, 3, 1) @ self.b).permute(0, 3, 1, 2)


def _made(change: Callable[[nn.Module], object]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        net = Plain()
        for layer in (net.a, net.b):
            change(layer)
        return net

    return make


def _standardised() -> nn.Module:
    net = Plain()
    net.a, net.b = Standardised(3, 16, 3, padding=1), Standardised(16, 24, 3, padding=1)
    return net


NETWORKS = {
    "plain": Plain,
    "weight norm": _made(parametrizations.weight_norm),
    "orthogonal": _made(parametrizations.orthogonal),
    "spectral norm": _made(parametrizations.spectral_norm),
    "spectral norm by hooks": _made(spectral_norm),
    "pruned": _made(lambda layer: prune.l1_unstructured(layer, "weight", 0.5)),
    "standardised": _standardised,
    "bare parameters": Bare,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_copies_respond_unlike_the_network_and_each_other(name: str) -> None:
    torch.manual_seed(0)
    net = NETWORKS[name]().eval().requires_grad_(False)
    spec = ModelSpec("made", "own", "made", NETWORKS[name], CIFAR10)
    model = LoadedModel(net, spec, "")
    x = torch.randn(16, *spec.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        responses = [m(x).mean((2, 3)).T for m in (net, untrained(model, 0).module, untrained(model, 1).module)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        rows = torch.stack([responses[one], responses[other]])
        rows = rows - rows.mean(2, keepdim=True)
        correlations = F.cosine_similarity(rows[0], rows[1], dim=1)
        assert correlations.mean().abs() < 0.3, name
        assert correlations.abs().median() < 0.7, name


def test_activations_neither_vanish_nor_explode() -> None:
    """Or late units would all be dead, and there would be nothing to compare with."""
    tape = Recorded.of(untrained(load("inceptionv1_32"), 0)).tape
    x = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    value = tape.activation("mixed4b")
    with torch.no_grad():
        assert 0.05 < tape.program([value])(x)[value].std() / x.std() < 20
