"""Two runs of one network in one site: each has pages, records and menu entries of its own, named by what differs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

NET = """
from torch import nn

def make():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3))
    net.input_shape = (3, 16, 16)
    return net
"""
RUNS = tuple(f"net_of_runs.py:make@runs/lr={rate},wd=0.01/last.ckpt" for rate in (0.1, 0.01))
IDS = tuple(f"net_of_runs-py-make-lr-{rate}-wd-0-01-last-ckpt" for rate in ("0-1", "0-01"))


@pytest.fixture
def runs(work: Path, copy_store: Callable[[Path], None]) -> Iterator[Path]:
    """The working folder, with a network's file and the checkpoints of two runs."""
    (work / "net_of_runs.py").write_text(NET)
    for seed, token in enumerate(RUNS):
        path = work / token.partition("@")[2]
        path.parent.mkdir(parents=True)
        torch.manual_seed(seed)
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3))
        torch.save({"epoch": 3, "state_dict": net.state_dict()}, path)
    copy_store(work)
    yield work
    for name in [name for name in sys.modules if name.startswith("net_of_runs")]:
        del sys.modules[name]


def record(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "build/store/records/models" / f"{name}.json").read_text())


def results(folder: Path) -> set[Path]:
    return set((folder / "build/store/objects").rglob("manifest.json"))


def test_two_runs_are_one_site(runs: Path, cli: Callable[..., Any]) -> None:
    ran = cli("build", "--models", ",".join(RUNS), "--strict")
    assert ran.status == 0, ran.err
    for token, name, rate in zip(RUNS, IDS, ("0.1", "0.01"), strict=True):
        title = f"net_of_runs.py:make (lr={rate},wd=0.01/last.ckpt)"
        assert (record(runs, name)["token"], record(runs, name)["title"]) == (token, title)
        page = (runs / "site/models" / name / "index.html").read_text()
        assert f"<title>{title}" in page
        assert title in (runs / "site/index.html").read_text(), "the menu names it so"
    assert record(runs, IDS[0])["digest"] != record(runs, IDS[1])["digest"]

    # In the other order they have the same names, and nothing is left to do.
    before = results(runs)
    ran = cli("build", "--models", ",".join(RUNS[::-1]))
    assert ran.status == 0, ran.err
    assert "compute" not in ran.err
    assert results(runs) == before

    # Pages of one of them, from what is there.
    ran = cli("render", "--models", RUNS[1])
    assert ran.status == 0, ran.err
    assert [path.name for path in (runs / "site/models").iterdir() if path.is_dir()] == [IDS[1]]


def test_one_of_them_alone_has_the_short_name_and_the_results_that_are_there(
    runs: Path, cli: Callable[..., Any]
) -> None:
    assert cli("compute", "--models", ",".join(RUNS)).status == 0
    before = results(runs)
    ran = cli("compute", "--models", RUNS[1])
    assert ran.status == 0, ran.err
    assert "compute" not in ran.err
    assert results(runs) == before
    alone = record(runs, "net_of_runs-py-make-last-ckpt")
    assert (alone["token"], alone["title"]) == (RUNS[1], "net_of_runs.py:make")
    assert alone["results"] == record(runs, IDS[1])["results"]

    assert cli("render", "--models", RUNS[1]).status == 0
    # What the short name stands for now is not the other run.
    ran = cli("render", "--models", RUNS[0])
    assert ran.status == 2
    assert f"no results of {RUNS[0]}: net_of_runs-py-make-last-ckpt in it are those of {RUNS[1]}" in ran.err
    assert f"wbsite compute --models {RUNS[0]}" in ran.err
    for name in IDS:
        assert cli("render", "--models", name).status == 0, "an id is taken as it is"


@pytest.mark.parametrize("token", RUNS)
def test_every_command_takes_a_path_with_commas(runs: Path, cli: Callable[..., Any], token: str) -> None:
    exported = cli("export", "anatomy", "--model", token)
    assert exported.status == 0, exported.err
    assert f'"{token}"' in exported.out.splitlines()[1]
    for command in (("doctor", token), ("list", "layers", token)):
        ran = cli(*command)
        assert ran.status == 0, ran.err
        assert "4×3×3×3" in ran.out or "2 convolutions" in ran.out
    ran = cli("export", "anatomy", "--model", ",".join(RUNS))
    assert ran.status == 2
    assert "export takes one model" in ran.err


def test_what_could_not_be_loaded_is_named_by_what_differs(runs: Path, cli: Callable[..., Any]) -> None:
    (runs / RUNS[0].partition("@")[2]).write_bytes(b"")
    ran = cli("compute", "--models", ",".join(RUNS), "--keep-going")
    assert ran.status == 3
    failed = record(runs, IDS[0])
    assert failed["title"] == "net_of_runs.py:make (lr=0.1,wd=0.01/last.ckpt)"
    assert failed["failed"]
    assert "failed" not in record(runs, IDS[1])
