"""Untrained copies: another network of the same shape, and the given one left alone."""

from __future__ import annotations

import threading

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models import LoadedModel, load
from wbsite.models.untrained import untrained
from wbsite.models.weights import find


def test_a_copy_has_random_weights_of_the_right_size_and_the_original_stays() -> None:
    model = load("alexnet_32")
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    state = torch.random.get_rng_state()
    copy = untrained(model, 3)
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, before[name])
    conv = copy.module.get_submodule("conv2")
    inputs = conv.weight[0].numel()  # of one group
    assert conv.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.02)
    assert not conv.bias.any() if conv.bias is not None else True
    norm = copy.module.get_submodule("norm2")
    assert (norm.running_mean == 0).all() and (norm.running_var == 1).all() and (norm.weight == 1).all()
    assert not copy.module.training
    assert not any(parameter.requires_grad for parameter in copy.module.parameters())


def test_a_seed_is_a_network() -> None:
    model = load("alexnet_32")
    one, again, other = (untrained(model, seed).module.get_submodule("conv1").weight for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ["inceptionv1@5h", "inceptionv1@bvlc"])
def test_published_networks_can_be_copied(name: str) -> None:
    spec = find(name)[0]
    model = LoadedModel(spec.build().eval(), spec, "")
    assert untrained(model, 0).module.get_submodule("mixed3a") is not model.module.get_submodule("mixed3a")


def test_a_module_that_cannot_be_copied_is_named() -> None:
    model = load("alexnet_32")
    model.module.lock = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(WbsiteError, match="cannot be copied"):
        untrained(model, 0)


def test_activations_neither_vanish_nor_explode() -> None:
    """Or late units would all be dead, and there would be nothing to compare with."""
    model = untrained(load("inceptionv1_32"), 0)
    seen = {}
    module = model.module.get_submodule("mixed4b")
    module.register_forward_hook(lambda _, __, out: seen.setdefault("mixed4b", out))
    x = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model.module(x)
    assert 0.05 < seen["mixed4b"].std() / x.std() < 20
