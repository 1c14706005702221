"""Training on a GPU is training on the CPU; on one that exists in name only, to the last bit but few."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core import registry
from wbsite.core.progress import Progress
from wbsite.datasets.base import Samples
from wbsite.train import streaming
from wbsite.train.base import Experiment, Recipe, Suite, Trial
from wbsite.train.experiment import train_experiment
from wbsite.train.job import Job, train_job
from wbsite.train.jobs import GPU_JOBS, default_jobs
from wbsite.train.runs import Run
from wbsite.train.study.ensemble import Ensemble, State
from wbsite.train.study.study import Configuration
from wbsite.train.synced_norm import synchronise

from ..devices.pretended_gpu import pretended_gpu
from .conftest import write_pictures

TRIALS = [(suite, trial) for suite in registry.entries("suites") for trial in suite.trials]


class Interrupted(Progress):
    """As Ctrl-C would, in the second epoch."""

    epochs = 0

    def step(self, label: str, total: int | None = None) -> None:
        self.epochs += 1
        if self.epochs == 2:
            raise KeyboardInterrupt


def trained(pictures: Path, device: str, out: Path, interrupted: bool = False) -> Run:
    job = Job("tiny", "turned", 0, "small", f"imagefolder:{pictures}", None, device, out)
    if interrupted:
        with suppress(KeyboardInterrupt):
            train_job(job, Interrupted())
        assert job.checkpoint_path.exists()
    return train_job(job, Progress())


def same(ours: Run, theirs: Run) -> None:
    assert ours.record["provenance"]["device"] == "pretended GPU"
    assert ours.record["layers"].keys() == theirs.record["layers"].keys()
    assert ours.record["accuracy"] == theirs.record["accuracy"]
    for name, kernels in theirs.kernels.items():
        np.testing.assert_allclose(ours.kernels[name], kernels, atol=1e-4)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_run_of_a_suite(
    suite_of: Callable[[Recipe], Suite], pictures: Path, tmp_path: Path, interrupted: bool
) -> None:
    suite_of(Recipe(epochs=3, batch=4, shift=1, sway=5.0, vertical_flip=True, colours="permuted"))
    here = trained(pictures, "cpu", tmp_path / "cpu")
    with pretended_gpu() as refused:
        there = trained(pictures, "cuda", tmp_path / "cuda", interrupted)
    assert not refused
    same(there, here)


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
def test_a_run_on_streamed_pictures(
    suite_of: Callable[[Recipe], Suite], pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite_of(Recipe(epochs=1, batch=4))
    monkeypatch.setattr(streaming, "MOST_BYTES", 0)
    monkeypatch.setattr(streaming, "worker_count", lambda: 0)
    here = trained(pictures, "cpu", tmp_path / "cpu")
    with pretended_gpu() as refused:
        there = trained(pictures, "cuda", tmp_path / "cuda")
    assert not refused
    assert "pictures" in there.record["provenance"]
    same(there, here)


def test_a_single_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, known = Experiment("short", "simplified_32", Recipe(epochs=1, batch=5)), registry.entries
    monkeypatch.setattr(
        registry, "entries", lambda kind: (*known(kind), experiment) if kind == "experiments" else known(kind)
    )
    pictures = write_pictures(tmp_path / "ten", train=1, test=1, classes=10, size=32)
    with pretended_gpu() as refused:
        path, accuracy = train_experiment("short", f"imagefolder:{pictures}", 0, "cuda", tmp_path / "out", Progress())
    assert not refused
    assert path.exists()
    assert 0 <= accuracy <= 1


@pytest.mark.parametrize(("suite", "trial"), TRIALS, ids=lambda either: either.name)
def test_every_experiment_of_a_suite(suite: Suite, trial: Trial) -> None:
    """A step, and what is measured of the network."""
    preset = suite.preset("small")
    torch.manual_seed(0)
    with pretended_gpu() as refused:
        module = trial.build(preset, 10)
        channels = len(preset.preprocess.mean)
        measures = suite.measure(module, (channels, preset.size, preset.size))
        module.to("cuda")
        logits = module(torch.rand(2, channels, preset.size, preset.size, device="cuda"))
        labels = torch.ones(2, *logits.shape[2:], dtype=torch.long, device="cuda")
        F.cross_entropy(logits, labels).backward()
        assert measures.history_rows(module)
        assert measures.record(module) and measures.kept_kernels(module)
    assert not refused


def test_several_runs_share_a_gpu_and_several_gpus_a_batch_norm() -> None:
    with pretended_gpu() as refused:
        assert 1 <= default_jobs("cuda") <= GPU_JOBS
        module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4))).to("cuda")
        synchronise(module, next(module.parameters()).device)
        assert isinstance(module[1][0], nn.SyncBatchNorm)
        assert module[1][0].weight.is_cuda
    assert not refused


VARIED = (
    (
        Configuration("tanh", (6, 4), rate=0.01, batch=32),
        Configuration("tanh", (6, 4), rate=0.01, batch=32, max_norm=0.5),
        Configuration("tanh", (6, 4), optimiser="sgd", rate=0.1, batch=32, initial_bias=0.3),
        Configuration("relu", (6, 4), rate=0.01, batch=32, max_norm=0.4, max_norm_every="epoch", max_norm_layers="all"),
        Configuration("relu", (6, 4), rate=0.003, batch=32, initialisation="standard"),
    ),
    tuple(Configuration(name, (6, 4), batch=32, batch_norm=True) for name in ("tanh", "relu")),
)


@pytest.mark.parametrize("configurations", VARIED, ids=["plain", "batch norm"])
def test_an_ensemble(configurations: tuple[Configuration, ...]) -> None:
    inputs = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.float32)
    samples = Samples(inputs, (inputs.sum(1) > 4).astype(np.int64), ("few", "many"))

    def train(device: str) -> tuple[State, tuple[torch.Tensor, torch.Tensor]]:
        ensemble = Ensemble(configurations, (0, 1), samples, torch.arange(200), torch.device(device))
        state = ensemble.start()
        ensemble.train(state, 2)
        return state, ensemble.gradient_moments(state.rows, 2)

    here = train("cpu")
    with pretended_gpu() as refused:
        state, moments = train("cuda")
        assert state.rows.is_cuda and state.second.is_cuda and moments[0].is_cuda
    assert not refused
    torch.testing.assert_close(state.rows, here[0].rows)
    torch.testing.assert_close(moments, here[1])
