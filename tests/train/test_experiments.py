"""The suites, experiments and studies that come with wbsite: listed without torch, and each builds what it names."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

import wbsite
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.models.weights import BUNDLED
from wbsite.train.base import Suite, Trial
from wbsite.train.runs import Run

SUITES: tuple[Suite, ...] = registry.entries("suites")
TRIALS = [(suite, trial) for suite in SUITES for trial in suite.trials]
IMPOSSIBLE = {("map_4", "imagenet")}
"""Experiment and preset that do not go together: there is no group of layers left to end in one more pooling."""


def test_listing_needs_neither_torch_nor_torchvision(tmp_path: Path) -> None:
    """Or `wbsite list experiments` would take ten seconds."""
    code = (
        "import sys\nsys.modules['torch'] = sys.modules['torchvision'] = None\n"
        "sys.argv = ['wbsite', 'list', 'experiments']\nfrom wbsite.cli.app import main\nmain()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(wbsite.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    listing = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert listing.returncode == 0, listing.stderr
    assert [line.partition("\t")[0] for line in listing.stdout.splitlines()] == [
        *(name for suite in SUITES for name in (suite.name, *(f"{suite.name}/{trial.name}" for trial in suite.trials))),
        *registry.names("studies"),
        *registry.names("experiments"),
    ]


@pytest.mark.parametrize(("suite", "trial"), TRIALS, ids=lambda entry: entry.name)
def test_every_experiment_builds_its_network_at_every_scale(suite: Suite, trial: Trial) -> None:
    """On the meta device, which has shapes and no numbers."""
    assert trial.baseline in {other.name for other in suite.trials}
    for preset in suite.presets:
        trial.recipe(preset)
        refused = pytest.raises(WbsiteError) if (trial.name, preset.name) in IMPOSSIBLE else nullcontext()
        with refused, torch.device("meta"):
            network = trial.build(preset, 5)
        if preset == suite.presets[0]:
            assert suite.measure(network, (len(preset.preprocess.mean), preset.size, preset.size))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_bundled_run_is_described(suite: Suite) -> None:
    path = min((BUNDLED / suite.name).rglob("*.npz"))
    assert suite.describe(Run.read(path))


def test_every_single_experiment_trains_a_model_there_is() -> None:
    assert {experiment.model for experiment in registry.entries("experiments")} <= {*registry.names("models")}
