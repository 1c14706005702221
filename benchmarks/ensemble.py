"""Processor time of a run in an information-plane study: sixty networks trained as one against one at a time.

    python benchmarks/ensemble.py                            stretches of 100 epochs, in turns
    python benchmarks/ensemble.py --epochs 1500 --repeats 1  whole trainings

Sixty runs of the network of Shwartz-Ziv and Tishby, 12-10-7-5-4-3-2 with hyperbolic tangents, on the harmonics data:
20 seeds without and with max-norm 0.8 and 0.4, trained for the same epochs with the same batches of 256. What differs:

    wbsite      `train.ensemble`, all runs as one batched computation
    plain       the loop one would write: nn.Sequential, a permutation split into batches, Adam, torch.renorm of the
                hidden layers' weights after every step; one run for each of the three constraints
    DataLoader  the same with a shuffling DataLoader over a TensorDataset

All on one thread of the processor, in one process and in turns; nothing is recorded. Before that, every loop starts
from the weights and batches of a run in the ensemble, and after 50 steps must have come to the same weights.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.row import report
from wbsite import datasets
from wbsite.core.progress import Progress
from wbsite.datasets.base import Samples, split
from wbsite.train.study.ensemble import Ensemble, order
from wbsite.train.study.stacked import initial
from wbsite.train.study.study import Configuration, product

CPU = torch.device("cpu")
SEEDS = range(20)
STEPS, TOLERANCE = 50, 1e-4
Batches = Callable[[int], Iterable[tuple[torch.Tensor, torch.Tensor]]]

TABLE = ("--repeats", "{turns}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100, help="of a turn")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"one thread; Python {platform.python_version()}, torch {torch.__version__}")
    samples = datasets.samples("harmonics", Progress())
    train, _ = split(samples, "random", 0)
    ensemble = Ensemble(product({"max_norm": (None, 0.8, 0.4)}), SEEDS, samples, torch.from_numpy(train), CPU)
    inputs, labels = torch.from_numpy(samples.inputs)[train], torch.from_numpy(samples.labels)[train]
    apart = difference(ensemble, samples, inputs, labels)
    print(f"after {STEPS} steps the weights differ by {apart:.1e} at most")
    loader = DataLoader(TensorDataset(inputs, labels), 256, shuffle=True)

    def permuted(epoch: int) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        return ((inputs[batch], labels[batch]) for batch in torch.randperm(len(inputs)).split(256))

    ways: dict[str, Batches] = {"plain": permuted, "DataLoader": lambda epoch: loader}
    took: dict[str, list[float]] = {"wbsite": [], **{name: [] for name in ways}}
    state = ensemble.start()
    for _ in range(options.repeats):
        started = time.process_time()
        ensemble.train(state, state.epoch + options.epochs)
        took["wbsite"].append((time.process_time() - started) / (len(SEEDS) * len(ensemble.configurations)))
        for name, batches in ways.items():
            each = []
            for of in ensemble.configurations:
                network = plain(ensemble, samples, of, 0)
                started = time.process_time()
                fit(network, of, batches, options.epochs)
                each.append(time.process_time() - started)
            took[name].append(statistics.mean(each))
    for name, seconds in took.items():
        whole = statistics.median(seconds) * 1500 / options.epochs
        ratios = sorted(other / own for other, own in zip(seconds, took["wbsite"], strict=True))
        print(
            f"{name:10s} {whole:6.2f} s of processor time a run of 1500 epochs, {statistics.median(ratios):5.1f} times"
            f" that of the ensemble ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )
    report(
        "a run of an information-plane study, 60 trained as one",
        "a plain training loop",
        took["wbsite"],
        took["plain"],
        goal=30,
    )
    return 0 if apart < TOLERANCE else 1


def plain(ensemble: Ensemble, samples: Samples, of: Configuration, seed: int) -> nn.Sequential:
    """The network of one run by torch's own layers, before training."""
    shape = ensemble.shape
    views = shape.views(initial(shape, of.initialisation, of.initial_bias, seed)[None, None])
    modules: list[nn.Module] = []
    for layer, (below, units) in enumerate(zip((shape.inputs, *shape.widths), shape.units, strict=True)):
        linear = nn.Linear(below, units)
        linear.weight.data.copy_(views[f"{layer}.weight"][0, 0])
        linear.bias.data.copy_(views[f"{layer}.bias"][0, 0, :, 0])
        modules += [linear, nn.Tanh()]
    return nn.Sequential(*modules[:-1])


def fit(network: nn.Sequential, of: Configuration, batches: Batches, epochs: int) -> None:
    """A training loop as one writes it."""
    optimiser = torch.optim.Adam(network.parameters(), lr=of.rate)
    hidden = [module for module in network if isinstance(module, nn.Linear)][:-1]
    for epoch in range(epochs):
        for inputs, labels in batches(epoch):
            optimiser.zero_grad()
            functional.cross_entropy(network(inputs), labels).backward()
            optimiser.step()
            if of.max_norm is not None:
                for module in hidden:
                    module.weight.data = torch.renorm(module.weight.data, 2, 0, of.max_norm)


def difference(ensemble: Ensemble, samples: Samples, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Largest difference of a weight between runs of the ensemble and plain loops with the same start and batches."""
    state, epochs = ensemble.start(), -(-STEPS // -(-len(inputs) // 256))
    ensemble.train(state, epochs)
    views, worst = ensemble.shape.views(state.rows), 0.0
    for place, of in enumerate(ensemble.configurations):
        for seed in (0, 7):
            network = plain(ensemble, samples, of, seed)

            def same(epoch: int, seed: int = seed) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
                return ((inputs[b], labels[b]) for b in order(seed, epoch, len(inputs)).split(256))

            fit(network, of, same, epochs)
            linears = [module for module in network if isinstance(module, nn.Linear)]
            for layer, module in enumerate(linears):
                found = views[f"{layer}.weight"][list(SEEDS).index(seed), place]
                worst = max(worst, float((found - module.weight.detach()).abs().max()))
    return worst


if __name__ == "__main__":
    sys.exit(main())
