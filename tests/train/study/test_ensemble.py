"""A network trained among many is the network trained alone, and that of a plain PyTorch loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from wbsite.datasets.base import Samples
from wbsite.ops.information.activations import ACTIVATIONS, DERIVATIVES
from wbsite.train.study.ensemble import Ensemble, order, outputs, seeds_at_once
from wbsite.train.study.stacked import Architecture, initial
from wbsite.train.study.study import Configuration, product

CPU = torch.device("cpu")
STEPS = 50


@pytest.fixture(scope="module")
def samples() -> Samples:
    inputs = ((np.arange(512)[:, None] >> np.arange(9)) & 1).astype(np.float32)
    return Samples(inputs, (inputs.sum(1) > 4).astype(np.int64), ("few", "many"))


def ensemble(samples: Samples, configurations: tuple[Configuration, ...], seeds: tuple[int, ...]) -> Ensemble:
    return Ensemble(configurations, seeds, samples, torch.arange(400), CPU)


def plain(samples: Samples, of: Configuration, seed: int, steps: int) -> nn.Sequential:
    """The same network by torch's own layers and optimisers, one sample a row."""
    shape = of.architecture(9, 2)
    row = initial(shape, of.initialisation, of.initial_bias, seed)
    views = shape.views(row[None, None])
    modules: list[nn.Module] = []
    for layer, (below, units) in enumerate(zip((9, *of.widths), shape.units, strict=True)):
        linear = nn.Linear(below, units)
        linear.weight.data.copy_(views[f"{layer}.weight"][0, 0])
        linear.bias.data.copy_(views[f"{layer}.bias"][0, 0, :, 0])
        modules.append(linear)
        if layer < len(of.widths):
            modules += [nn.BatchNorm1d(units)] if of.batch_norm else []
            modules.append(nn.Tanh() if of.activation == "tanh" else nn.ReLU())
    network = nn.Sequential(*modules)
    optimiser = (torch.optim.Adam if of.optimiser == "adam" else torch.optim.SGD)(network.parameters(), lr=of.rate)
    inputs, labels = torch.from_numpy(samples.inputs)[:400], torch.from_numpy(samples.labels)[:400]
    done, epoch = 0, 0
    while done < steps:
        for batch in order(seed, epoch, 400).split(of.batch):
            optimiser.zero_grad()
            functional.cross_entropy(network(inputs[batch]), labels[batch]).backward()
            optimiser.step()
            if of.max_norm is not None and of.max_norm_every == "step":
                limit(network, of)
            done += 1
        if of.max_norm is not None and of.max_norm_every == "epoch":
            limit(network, of)
        epoch += 1
    return network.eval()


def limit(network: nn.Sequential, of: Configuration) -> None:
    linears = [module for module in network if isinstance(module, nn.Linear)]
    for module in linears if of.max_norm_layers == "all" else linears[:-1]:
        module.weight.data = torch.renorm(module.weight.data, 2, 0, of.max_norm)


VARIED = (
    Configuration("tanh", (6, 4), rate=0.01, batch=32),
    Configuration("tanh", (6, 4), rate=0.01, batch=32, max_norm=0.5),
    Configuration("tanh", (6, 4), optimiser="sgd", rate=0.1, batch=32, initial_bias=0.3),
    Configuration("relu", (6, 4), rate=0.01, batch=32, max_norm=0.4, max_norm_every="epoch", max_norm_layers="all"),
    Configuration("relu", (6, 4), rate=0.003, batch=32, initialisation="standard"),
)


@pytest.mark.parametrize("place", range(len(VARIED)))
def test_a_run_among_others_is_the_run_of_a_plain_loop(samples: Samples, place: int) -> None:
    together = ensemble(samples, VARIED, (3, 8))
    state = together.start()
    epochs = math.ceil(STEPS / 13)  # 400 samples in batches of 32, the last of 16
    together.train(state, epochs)
    alone = plain(samples, VARIED[place], 8, epochs * 13)
    inputs = torch.from_numpy(samples.inputs)
    expected = torch.softmax(alone(inputs), 1).detach()
    *_, found = outputs(together.shape, state.rows, together.activations, inputs.T)
    assert epochs * 13 >= STEPS
    torch.testing.assert_close(found[1, place].T, expected, rtol=1e-4, atol=2e-5)


def test_batch_normalisation_is_torchs(samples: Samples) -> None:
    # Not by Adam, which makes whole steps of the roundings that are a bias's gradient below the normalisation.
    of = Configuration("tanh", (6, 4), batch_norm=True, optimiser="sgd", rate=0.1, batch=50)
    together = ensemble(samples, (of, Configuration("relu", (6, 4), batch_norm=True, batch=50)), (1, 2))
    state = together.start()
    together.train(state, 4)
    inputs = torch.from_numpy(samples.inputs)
    expected = torch.softmax(plain(samples, of, 2, 32)(inputs), 1).detach()
    *_, found = outputs(together.shape, state.rows, together.activations, inputs.T)
    torch.testing.assert_close(found[1, 0].T, expected, rtol=1e-3, atol=1e-4)


def test_alone_or_among_others_over_fifty_steps(samples: Samples) -> None:
    many = ensemble(samples, VARIED, (0, 1, 2, 3))
    one = ensemble(samples, (VARIED[1],), (2,))
    state, single = many.start(), one.start()
    torch.testing.assert_close(state.rows[2, 1], single.rows[0, 0], rtol=0, atol=0)
    many.train(state, 4)
    one.train(single, 4)
    torch.testing.assert_close(state.rows[2, 1], single.rows[0, 0], rtol=1e-5, atol=1e-5)


def test_training_in_pieces_is_training_at_once(samples: Samples) -> None:
    together = ensemble(samples, VARIED, (0, 1))
    whole, pieces = together.start(), together.start()
    together.train(whole, 6)
    for until in (1, 2, 5, 6):
        together.train(pieces, until)
    torch.testing.assert_close(whole.rows, pieces.rows, rtol=0, atol=0)
    assert pieces.epoch == 6


@pytest.mark.parametrize("every", ["step", "epoch"])
def test_no_unit_leaves_its_limit(samples: Samples, every: str) -> None:
    of = Configuration("relu", (6, 4), rate=0.05, batch=64, max_norm=0.4, max_norm_every=every)  # type: ignore[arg-type]
    free = Configuration("relu", (6, 4), rate=0.05, batch=64)
    together = ensemble(samples, (of, free), (0,))
    state = together.start()
    together.train(state, 5)
    views = together.shape.views(state.rows)
    norms = [views[f"{layer}.weight"].norm(dim=-1) for layer in range(3)]
    assert all(float(found[0, 0].max()) <= 0.4 + 1e-6 for found in norms[:2])
    assert float(norms[2][0, 0].max()) > 0.4, "the readout is not limited unless asked for"
    assert float(norms[0][0, 1].max()) > 0.4


def test_a_run_that_dies_of_infinities_leaves_the_others_alone(samples: Samples) -> None:
    wild = Configuration("linear", (6, 4), optimiser="sgd", rate=1e20, batch=32)
    together, calm = ensemble(samples, (wild, VARIED[0]), (0,)), ensemble(samples, (VARIED[0],), (0,))
    state, alone = together.start(), calm.start()
    together.train(state, 3)
    calm.train(alone, 3)
    assert not state.rows[0, 0].isfinite().all()
    torch.testing.assert_close(state.rows[0, 1], alone.rows[0, 0], rtol=1e-5, atol=1e-6)


def test_moments_of_the_gradient_are_those_over_batches(samples: Samples) -> None:
    together = ensemble(samples, VARIED[:2], (0, 1))
    state = together.start()
    each = torch.stack([together.gradients(state.rows, *batch) for batch in together.batches(5)])
    mean, deviation = together.gradient_moments(state.rows, 5)
    torch.testing.assert_close(mean, each.mean(0))
    torch.testing.assert_close(deviation, each.std(0, correction=0), rtol=1e-3, atol=1e-5)


def test_fewer_seeds_at_once_where_memory_is_short(samples: Samples) -> None:
    assert seeds_at_once(VARIED, samples, CPU, free=1) == 1
    more = seeds_at_once(VARIED, samples, CPU, free=1 << 30)
    assert 10 < more < seeds_at_once(VARIED, samples, CPU, free=1 << 32)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_every_activation(name: str) -> None:
    x = torch.linspace(-8, 8, 161, dtype=torch.float64) + 0.03  # off the kinks
    step, slope = 1e-6, torch.linspace(-2, 3, 161, dtype=torch.float64)
    expected = slope * (ACTIVATIONS[name](x + step) - ACTIVATIONS[name](x - step)) / (2 * step)
    found = DERIVATIVES[name](slope, ACTIVATIONS[name](x))
    assert found.data_ptr() == slope.data_ptr(), "in place"
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_tanh_is_tanh() -> None:
    x = torch.linspace(-12, 12, 100_001)
    assert float((ACTIVATIONS["tanh"](x.clone()) - torch.tanh(x)).abs().max()) < 2e-7


def test_initial_weights() -> None:
    shape = Architecture(400, (100,), 2)
    rows = torch.stack([initial(shape, "truncated_normal", None, seed) for seed in range(3)])[None]
    first = shape.views(rows)["0.weight"]
    assert float(first.abs().max()) <= 0.2 + 1e-6  # two deviations of 1/√100
    assert float(first.std()) == pytest.approx(0.1 * 0.8796, rel=0.02)  # of a normal distribution cut there
    assert not torch.equal(first[0, 0], first[0, 1])
    standard = shape.views(initial(shape, "standard", None, 0)[None, None])
    assert float(standard["0.weight"].abs().max()) <= 0.05
    assert float(standard["0.bias"].abs().max()) > 0
    assert shape.views(initial(shape, "standard", 0.25, 0)[None, None])["0.bias"].unique().tolist() == [0.25]
    assert product({"activation": ("tanh",)})[0].widths == (10, 7, 5, 4, 3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_training_on_a_gpu_is_training_on_the_cpu(samples: Samples) -> None:
    gpu = Ensemble(VARIED, (0, 1), samples, torch.arange(400), torch.device("cuda"))
    cpu = ensemble(samples, VARIED, (0, 1))
    states = gpu.start(), cpu.start()
    for one, state in zip((gpu, cpu), states, strict=True):
        one.train(state, 3)
    torch.testing.assert_close(states[0].rows.cpu(), states[1].rows, rtol=1e-3, atol=1e-3)
