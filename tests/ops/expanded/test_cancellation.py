"""Cancelling paths: the units named as misread by expanded weights must be those whose paths really cancel."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from wbsite.core.errors import WbsiteError
from wbsite.graph.dominators import Route, routes
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.models import load
from wbsite.ops.expanded.cancellation import RouteCancellation, compose, null_p_and_q, route_cancellation
from wbsite.ops.expanded.weights import expanded_weights


def chain(units: int = 12, middle: int = 24, sources: int = 8, pool: bool = True) -> nn.Module:
    """Three convolutions, a stride between the first two, all weights at random."""
    torch.manual_seed(1)
    parts: list[nn.Module] = [nn.Conv2d(3, sources, 3, padding=1), nn.ReLU()]
    parts += [nn.MaxPool2d(3, 2)] if pool else []
    parts += [nn.Conv2d(sources, middle, 3, padding=1), nn.ReLU(), nn.Conv2d(middle, units, (3, 5), padding=1)]
    module = nn.Sequential(*parts).eval().requires_grad_(False)
    module.input_shape = (3, 48, 48)  # type: ignore[assignment]
    return module


def routed(module: nn.Module) -> tuple[Recorded, Route]:
    layers = discover(module, module.input_shape).names  # type: ignore[arg-type]
    recorded = Recorded.of(module)
    (found,) = routes(recorded, layers[-1:], layers).values()
    return recorded, found


def contributions(recorded: Recorded, route: Route, stride: int) -> torch.Tensor:
    """C_m one by one: (units, C_source, M, kh, kw)."""
    into = expanded_weights(recorded, route.between, route.target)
    kernels = expanded_weights(recorded, route.source, route.between)
    steps = (stride, stride)
    return torch.stack([torch.stack([compose(u, s, steps) for s in kernels.transpose(0, 1)]) for u in into])


def test_everything_is_what_adding_up_the_contributions_gives() -> None:
    recorded, route = routed(chain())
    assert route == Route("0", "3", "5")
    found = route_cancellation(recorded, route, strongest=3, draws=1)
    every = contributions(recorded, route, 2)
    assert torch.allclose(every.sum(2), expanded_weights(recorded, "0", "5"), atol=1e-6)
    strength, net = every.square().sum((2, 3, 4)).sqrt(), every.sum(2).flatten(2).norm(dim=2)
    order = strength.argsort(1, descending=True)[:, :3]
    assert torch.equal(found.pairs.channel, order)
    assert torch.allclose(found.pairs.strength, strength.gather(1, order), rtol=1e-4)
    assert torch.allclose(found.pairs.net, net.gather(1, order), rtol=1e-4)
    assert torch.allclose(found.positive + found.negative, every.sum((2, 3, 4)), atol=1e-4)
    assert torch.allclose(found.net, every.sum(2).abs().sum((2, 3)), rtol=1e-4)
    assert (found.positive >= 0).all()
    assert (found.negative <= 0).all()
    assert ((found.cancellation >= 0) & (found.cancellation <= 1)).all()


def test_random_signs_are_coherent_by_one_on_average() -> None:
    recorded, route = routed(chain())
    found = route_cancellation(recorded, route, draws=40)
    for draws in found.nulls.values():
        squares = torch.cat([pairs.coherence.square().flatten() for pairs in draws])
        assert float(squares.mean()) == pytest.approx(1, abs=0.1)
    assert torch.allclose(found.nulls["signs"][0].strength, found.pairs.strength)


def planted() -> nn.Module:
    """Unit 4 is excited through pairs of mirrored units: what one adds, the other takes away, position by position."""
    module = chain(pool=False)
    first, last = module[2], module[4]
    first.weight[1::2] = -first.weight[::2]  # type: ignore[union-attr, index, operator]
    last.weight[4] = last.weight[4, ::2].repeat_interleave(2, 0)  # type: ignore[union-attr, index]
    return module


def test_a_unit_whose_paths_cancel_is_found() -> None:
    recorded, route = routed(planted())
    found = route_cancellation(recorded, route, draws=20)
    hidden = found.pairs.hidden
    assert int(hidden.argmax()) == 4
    assert float(hidden[4]) == pytest.approx(1, abs=1e-5)
    for draws in found.nulls.values():
        p, q = null_p_and_q(hidden, torch.cat([pairs.hidden for pairs in draws]))
        assert p[4] < 0.01
        assert q[4] < 0.06
        assert q.sort().values[1] > 0.1


def test_draws_are_those_of_the_seed() -> None:
    recorded, route = routed(chain())

    def drawn(seed: int) -> RouteCancellation:
        return route_cancellation(recorded, route, draws=1, seed=seed)

    assert torch.equal(drawn(0).nulls["signs"][0].net, drawn(0).nulls["signs"][0].net)
    assert not torch.equal(drawn(0).nulls["shuffle"][0].net, drawn(1).nulls["shuffle"][0].net)


def test_chance_counts_what_is_at_least_as_large() -> None:
    null = torch.arange(99) / 100
    p, q = null_p_and_q(torch.tensor([0.5, 2.0, 0.98, 0.0]), null)
    assert p.tolist() == pytest.approx([0.5, 0.01, 0.02, 1.0])
    assert q.tolist() == pytest.approx([0.5 * 4 / 3, 0.04, 0.04, 1.0])


def test_wide_maps_of_networks_that_come_with_wbsite() -> None:
    model = load("inceptionv1_32")
    layers = discover(model.module, model.spec.input_shape)
    found = routes(Recorded.of(model), layers.names, layers.names)
    assert found["mixed3b_5x5"] == Route("conv2d2", "mixed3a", "mixed3b_5x5")
    assert found["mixed3a_3x3"] == Route("conv2d1", "conv2d2", "mixed3a_3x3")
    assert found["mixed4a_3x3"] == Route("mixed3a", "mixed3b", "mixed4a_3x3")
    assert not {"conv2d0", "conv2d1"} & found.keys()


def test_wide_maps_of_a_residual_network() -> None:
    module = resnet50().eval()
    module.input_shape = (3, 64, 64)  # type: ignore[assignment]
    layers = discover(module, (3, 64, 64))
    found = routes(Recorded.of(module), ["layer1.2.conv2", "layer2.1.conv2"], layers.names)
    assert found["layer1.2.conv2"] == Route("layer1.0", "layer1.1", "layer1.2.conv2")
    assert found["layer2.1.conv2"].between == "layer2.0"


class Pooled(nn.Module):
    """Its last convolution reads the mean of the whole map."""

    input_shape = (3, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(self.b(self.a(x).relu()).relu().mean((2, 3), keepdim=True))


def test_a_whole_map_at_once_is_a_message() -> None:
    with pytest.raises(WbsiteError, match="sees the whole map of a at once"):
        route_cancellation(Recorded.of(Pooled().eval()), Route("a", "b", "c"))
