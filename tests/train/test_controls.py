"""A control from end to end, tiny: trained on few pictures with many labels, measured, kept, and read again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets import words
from wbsite.models.networks.controls import Detector, Presence, Reader, Trunk
from wbsite.train.base import Suite
from wbsite.train.job import Job, load_feeds, train_job
from wbsite.train.loop import accuracy
from wbsite.train.measure_controls import KEPT
from wbsite.train.repeated_runs import RepeatedRuns
from wbsite.train.runs import Run

SUITE: Suite = registry.named("suites", "controls", "suite")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "COUNTS", {"train": 64, "test": 16})


@pytest.mark.parametrize("name", ["rows", "columns", "presence_rows", "detector_turned"])
def test_a_control_is_trained_and_measured(name: str, tmp_path: Path) -> None:
    job = Job("controls", name, 0, "small", None, 1, "cpu", tmp_path)
    run = train_job(job, Progress())
    record = run.record
    assert 0 < record["accuracy"] < 1 and 0 < record["chance"] < 1
    assert len(record["layers"]) == 5
    order = RepeatedRuns((run,)).layers()
    assert order[-1] == record["last"]
    assert order[-2] != record["last"]
    assert run.kernels[record["last"]].shape[0] == KEPT
    assert SUITE.describe(Run.read(job.result_path)).startswith(f"H({record['last']})")
    assert train_job(job, Progress()).digest == run.digest, "read again, not trained again"


def test_accuracy_is_the_share_of_all_labels() -> None:
    """A network that always says the commonest label is right as often as chance is."""
    _, test, _, _ = load_feeds("words:detector_rows", SUITE.presets[0], "cpu", several=True)

    class Outside(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack((torch.ones(len(x), 24, 24), torch.zeros(len(x), 24, 24)), 1)

    assert accuracy(Outside(), test, SUITE.presets[0].recipe) == pytest.approx(test.chance)


def test_a_network_that_gives_one_label_refuses_many() -> None:
    with pytest.raises(WbsiteError, match="8 labels; one is wanted"):
        load_feeds("words:rows", SUITE.presets[0], "cpu")


def test_what_a_head_averages_away_it_does_not_see() -> None:
    """Rows that change places, after the trunk, change nothing for a reader of rows, and columns change all."""
    torch.manual_seed(0)
    features = torch.randn(2, 32, 6, 24)
    rows = Reader(16, "rows", words.CELL)
    rows.trunk = torch.nn.Identity()  # type: ignore[assignment]
    answer = rows(features)
    assert answer.shape == (2, 16, 8)
    torch.testing.assert_close(rows(features.flip(2)), answer)
    torch.testing.assert_close(rows(features[..., 3:])[..., 0], answer[..., 1])
    assert not torch.allclose(rows(features.flip(3)), answer, atol=1e-2)
    columns = Reader(16, "columns", words.CELL)
    columns.trunk, columns.fc = torch.nn.Identity(), rows.fc  # type: ignore[assignment]
    torch.testing.assert_close(columns(features.mT), answer)
    presence = Presence(16)
    presence.trunk = torch.nn.Identity()  # type: ignore[assignment]
    torch.testing.assert_close(presence(features.flip(3)), presence(features))


def test_networks_treat_rows_and_columns_alike() -> None:
    """With transposed kernels and pictures the map is transposed: nothing but the head tells the axes apart."""
    torch.manual_seed(0)
    for network in (Trunk().eval(), Detector().eval()):
        x = torch.randn(2, 3, 48, 48)
        before = network(x)
        with torch.no_grad():
            for module in network.modules():
                if isinstance(module, torch.nn.Conv2d):
                    module.weight.copy_(module.weight.mT.clone())
        torch.testing.assert_close(network(x.mT), before.mT, atol=1e-4, rtol=1e-4)
