"""What is said of a network's input on the command line and in wbsite.toml reaches results, pages and workers."""

from __future__ import annotations

import html
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from wbsite.cli.from_config import split_names
from wbsite.core.store import Store
from wbsite.models import load

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.conv2(self.conv1(x).relu()).relu().mean((2, 3)))

class Aged(Net):
    def forward(self, x, age):
        return {"out": super().forward(x) + age}
"""


@pytest.fixture
def nets(work: Path) -> Iterator[str]:
    """Name of a module in the working folder."""
    (work / "said_nets.py").write_text(NETS)
    yield "said_nets"
    sys.modules.pop("said_nets", None)


def write(work: Path, text: str) -> None:
    (work / "wbsite.toml").write_text(text)


def exported(cli: Callable[..., Any], *arguments: str) -> list[dict[str, Any]]:
    ran = cli("export", *arguments, "--format", "json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


def test_a_networks_input_is_listed_with_how_it_was_found(cli: Callable[..., Any], nets: str, work: Path) -> None:
    assert "input\tRGB\t3×32×32\tInput of 3 channels, 32×32, guessed" in cli("list", "layers", f"{nets}:Net").out
    assert "\t3×60×160\t" in cli("list", "layers", f"{nets}:Net", "--input", "3,60,160").out
    write(work, f'[models."{nets}:Net"]\ninput = [3, 20, 30]\nchannels = "BGR"\n')
    assert cli("list", "layers", f"{nets}:Net").out.startswith("input\tBGR\t3×20×30\t")
    assert "\t3×60×160\t" in cli("list", "layers", f"{nets}:Net", "--input", "3,60,160").out


def test_no_folder_of_the_machine_reaches_pages(cli: Callable[..., Any], nets: str, work: Path) -> None:
    """Network and weights are named by whole paths, and its input is guessed, on which the page gives advice."""
    make = f"{work / nets}.py:Net"
    torch.save(load(make).module.state_dict(), work / "last.pth")
    write(work, 'articles = ["weight-banding"]\n')
    for command in ("compute", "render"):
        ran = cli(command, "--models", f"{make}@{work / 'last.pth'}")
        assert ran.status == 0, ran.err
    pages = list((work / "build" / "docs").rglob("*.md"))
    assert any("guessed" in path.read_text() and "wbsite.toml" in path.read_text() for path in pages)
    texts = (path for path in (work / "build" / "docs").rglob("*") if path.suffix in (".md", ".json", ".csv", ".svg"))
    assert [path.name for path in texts if str(work) in html.unescape(path.read_text())] == []


def test_of_a_known_network_too(cli: Callable[..., Any], speck_weights: Path) -> None:
    command = ("list", "layers", "speck", "--weights-dir", str(speck_weights))
    assert cli(*command).out.startswith("input\tRGB\t3×16×16\tas its specification says\n")
    assert cli(*command, "--input", "3,20,24").out.startswith(
        "input\tRGB\t3×20×24\tInput of 3 channels, 20×24, as given."
    )


def test_arguments_let_a_network_of_two_inputs_be_read(cli: Callable[..., Any], nets: str, work: Path) -> None:
    ran = cli("export", "anatomy", "--model", f"{nets}:Aged")
    assert ran.status == 2
    assert f'[models."{nets}:Aged"]' in ran.err
    assert "arguments = { age = [4] }" in ran.err
    write(work, f'[models."{nets}:Aged"]\narguments = {{ age = [2] }}\n')
    assert {row["layer"] for row in exported(cli, "banding", "--model", f"{nets}:Aged")} == {"conv1", "conv2"}


def test_filters_of_blue_green_red_are_shown_in_red_green_blue(cli: Callable[..., Any], nets: str, work: Path) -> None:
    from wbsite.results.network.filters import Filters

    def pictures() -> torch.Tensor:
        assert cli("compute", "--models", f"{nets}:Net").status == 0
        store = Store("build/store")
        results = (store.record(f"models/{nets}-Net") or {})["results"]
        entry = store.get(results["filters"]["conv1"]["key"])
        assert entry is not None
        return torch.from_numpy(Filters.read(entry).pictures)

    write(work, f'[models."{nets}:Net"]\ninput = [3, 12, 16]\n')
    as_they_are = pictures()
    write(work, f'[models."{nets}:Net"]\ninput = [3, 12, 16]\nchannels = "BGR"\n')
    assert torch.equal(pictures(), as_they_are.flip(-1))


def test_another_input_is_another_result_and_the_same_is_none(
    cli: Callable[..., Any], speck_weights: Path, work: Path
) -> None:
    """The second build looks at files alone, so that what is said has to be among what it compares."""

    def compute(table: str) -> tuple[str, str]:
        write(work, f'weights_dir = "{speck_weights}"\n[models.speck]\n{table}')
        ran = cli("compute")
        assert ran.status == 0, ran.err
        store = Store("build/store")
        results = (store.record("models/speck") or {})["results"]
        entry = store.get(results["architecture"][""]["key"])
        assert entry is not None
        return results["banding"]["conv1"]["key"], entry.values["note"]

    first, note = compute("")
    assert note == ""
    second, note = compute("input = [3, 16, 24]")
    assert note == "Input of 3 channels, 16×24, as given."
    assert second != first
    assert compute("") == (first, "")
    third, note = compute('range = [0, 255]\nmean = [100, 110, 120]\nchannels = "BGR"')
    assert third not in (first, second)
    assert "mean 100, 110, 120" in note


def test_one_input_for_several_networks_is_refused(cli: Callable[..., Any]) -> None:
    ran = cli("compute", "--input", "3,60,160")
    assert ran.status == 2
    assert "is given for 3 models" in ran.err
    ran = cli("compute", "--models", "simplified_32", "--input", "3,60")
    assert ran.status == 2
    assert "--input 3,60,160" in ran.err
    ran = cli("list", "layers", "simplified_32", "--input", "3,60,x")
    assert ran.status == 2
    assert "input is [3, 60, 'x']" in ran.err


def test_workers_get_what_was_said(cli: Callable[..., Any], nets: str, work: Path) -> None:
    from wbsite.core.config import load
    from wbsite.core.progress import Progress
    from wbsite.run import plan as planning
    from wbsite.run.executors import outcomes
    from wbsite.run.subjects.model import ModelSubject

    write(work, f'[models."{nets}:Aged"]\ninput = [3, 12, 20]\narguments = {{ age = [2] }}\n')
    config = load({"workers": 2})
    subject = ModelSubject.of(f"{nets}:Aged", config)
    tasks = planning.plan(subject, "quick", ["architecture", "filters"]).tasks
    Store("workers").prepare()
    done = list(outcomes(tasks, replace(config, store=Store("workers").url), Progress()))
    assert [outcome.failed for outcome in done] == [""] * len(tasks)


def test_names_of_files_keep_their_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs" / "lr=0.1,wd=0.01"
    run.mkdir(parents=True)
    (run / "last.ckpt").touch()
    file = "mynet:make@runs/lr=0.1,wd=0.01/last.ckpt"
    assert split_names(f"alexnet, {file},inceptionv1") == ("alexnet", file, "inceptionv1")
    assert split_names(f"{file}#ema,{run}/last.ckpt") == (f"{file}#ema", f"{run}/last.ckpt")
    assert split_names("a:b,c@w.pth") == ("a:b", "c@w.pth")
    assert split_names("a, b,,c@no,file") == ("a", "b", "c@no", "file")
    (run / "net.py").touch()
    source = f"{run}/net.py:make"
    assert split_names(f"{source},a,{source}@{run}/last.ckpt") == (source, "a", f"{source}@{run}/last.ckpt")
    assert split_names(None) is None


def test_many_names_together_need_be_no_path() -> None:
    """Fifty are longer than a file's name may be; a thousand than a path."""
    names = tuple(f"networks/nets.py:network{number}" for number in range(1000))
    for count in (50, 1000):
        assert split_names(",".join(names[:count])) == names[:count]
    long = "x" * 5000
    assert split_names(f"{long},a") == (long, "a")
