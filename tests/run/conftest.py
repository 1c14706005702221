"""A plug-in with small analyses of each kind that a run has to serve."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wbsite.core import registry, source

from .perilous import PERILOUS

PLUGIN = """
import os, signal
import pandas as pd
from wbsite.analyses.base import Analysis
from wbsite.core.store import Contents
from wbsite.results.base import Result, Table, table, value

class Survey(Result, analysis="survey", summary="which units"):
    units: dict[str, list[int]] = value("layer → units")

class Pieces(Result, analysis="pieces", summary="a sum a unit"):
    sums: list[float] = value("a sum a unit")
    rows: Table = table("a row a unit")

class Labelled(Result, analysis="labelled", summary="the user's categories"):
    rows: Table = table("as in the file")

class Brightness(Result, analysis="brightness", summary="of the photographs"):
    mean: float = value("of all pixels")
    shape: list[int] = value("of the inputs")

class Undeclared(Result, analysis="undeclared", summary="a defect"):
    count: int = value("of photographs")

def survey(context):
    return Survey(units={"conv2": [5, 1], "conv3": [2]})

def pieces(context):
    wanted = context.need(Survey).units.get(context.layer.name, [])
    units = range(len(context.weight())) if context.params["units"] == "all" else wanted
    sums = []
    context.progress.step("units", len(units))
    for unit in units:
        name = {"unit": unit}
        part = context.parts.get(name)
        if part is None:
            with open(os.environ["PIECES_LOG"], "a") as log:
                log.write(f"{context.layer.name} {unit}\\n")
            sums_of = (context.weight()[unit] ** context.params["power"]).sum().item()
            part = context.parts.put(name, Contents(values={"sum": sums_of}))
            if os.environ.get("PIECES_KILL") == f"{context.layer.name} {unit}":
                os.kill(os.getpid(), signal.SIGKILL)
            if os.environ.get("PIECES_STOP") == f"{context.layer.name} {unit}":
                raise KeyboardInterrupt
        sums.append(part.values["sum"])
        context.progress.advance()
    rows = pd.DataFrame({"unit": list(units), "sum": sums}).astype({"unit": int})
    return Pieces(sums=sums, rows=rows)

def brightness(context):
    seen = context.photographs()
    return Brightness(mean=seen.inputs.mean().item(), shape=list(seen.inputs.shape))

def labelled(context):
    return Labelled(rows=context.categories())

def undeclared(context):
    return Undeclared(count=context.photographs().count)

def convolutions(layer):
    return "" if layer.kind == "conv" else "no convolution"

ANALYSES = (
    Analysis(Survey, "model", survey),
    Analysis(
        Pieces, "layer", pieces, applies=convolutions, needs=("survey",), decides_parts=("power",),
        params={"quick": {"units": "wanted", "power": 2}, "full": {"units": "all", "power": 2}},
    ),
    Analysis(Labelled, "model", labelled, inputs=("categories",)),
    Analysis(Brightness, "model", brightness, inputs=("photographs",)),
    *((Analysis(Undeclared, "model", undeclared),) if os.environ.get("PIECES_DEFECT") else ()),
)
"""


@dataclass
class Bench:
    """The network speck, the plug-in's analyses alone, and a log of the parts that were computed.

    Attributes:
        command: runs `wbsite` in this process.
        process: runs it in one of its own, with all analyses.
        log: a line a part.
    """

    command: Callable[..., Any]
    process: Callable[..., Any]
    weights: Path
    log: Path
    monkeypatch: pytest.MonkeyPatch

    def compute(self, *arguments: str) -> Any:
        return self.command("compute", "--models", "speck", "--weights-dir", str(self.weights), *arguments)

    def export(self, analysis: str, *arguments: str) -> Any:
        return self.command(*self.exporting(analysis), *arguments)

    def exporting(self, analysis: str) -> tuple[str, ...]:
        return "export", analysis, "--model", "speck", "--weights-dir", str(self.weights)

    def stopped_after(self, part: str, *arguments: str) -> Any:
        """A run interrupted when it has kept that part."""
        with self.monkeypatch.context() as patch:
            patch.setenv("PIECES_STOP", part)
            return self.compute(*arguments)

    @contextmanager
    def changed(self, name: str, **changes: Any) -> Iterator[None]:
        """With another declaration of an analysis."""
        found = tuple(replace(a, **changes) if a.name == name else a for a in registry.entries("analyses"))
        every = registry.entries
        (Path("build/store/records/models/speck.json")).unlink(missing_ok=True)  # it says that no code changed
        with self.monkeypatch.context() as patch:
            patch.setattr(registry, "entries", lambda kind: found if kind == "analyses" else every(kind))
            yield

    @contextmanager
    def edited(self, name: str) -> Iterator[None]:
        """As if an analysis's code had been edited."""
        run, behind = registry.named("analyses", name, "analysis").run, source.behind
        (Path("build/store/records/models/speck.json")).unlink(missing_ok=True)  # it says that no code changed
        with self.monkeypatch.context() as patch:
            patch.setattr(source, "behind", lambda function: "edited" if function is run else behind(function))
            yield

    @property
    def computed(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def bench(
    work: Path, cli: Callable[..., Any], process: Callable[..., Any], environment: dict[str, str],
    speck_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug_in: Callable[..., Path],
) -> Iterator[Bench]:  # fmt: skip
    entry_point = "[wbsite.analyses]\npieces = pieces_plugin:ANALYSES\n"
    plugin = plug_in(tmp_path / "plugin", "pieces_plugin", entry_point, PLUGIN)
    monkeypatch.syspath_prepend(str(plugin))
    monkeypatch.delitem(sys.modules, "pieces_plugin", raising=False)
    monkeypatch.setenv("PIECES_LOG", str(tmp_path / "computed.log"))
    monkeypatch.setenv("WBSITE_RUNS", str(tmp_path / "no runs"))
    every = registry.entries

    def entries(kind: str) -> tuple[Any, ...]:
        return tuple(e for e in every(kind) if kind != "analyses" or e.run.__module__ == "pieces_plugin")

    def apart(*arguments: str, **variables: str) -> Any:
        path = os.pathsep.join((environment["PYTHONPATH"], str(plugin)))
        own = {name: os.environ[name] for name in ("PIECES_LOG", "WBSITE_RUNS", "WBSITE_STUDY")}
        return process(work, *arguments, PYTHONPATH=path, **own, **variables)

    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", entries)
        yield Bench(cli, apart, speck_weights, tmp_path / "computed.log", monkeypatch)


@pytest.fixture
def picture_folder(tmp_path: Path) -> Callable[..., Path]:
    """picture_folder(name, pictures a class, …): a folder of photographs, `val` alone, of random pixels."""

    def make(name: str, *counts: int, side: tuple[int, int] = (40, 24)) -> Path:
        rng = np.random.default_rng(3)
        for label, count in enumerate(counts):
            folder = tmp_path / name / "val" / f"class{label}"
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 255, (side[1], side[0], 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{i:03}.png")
        return tmp_path / name

    return make


@pytest.fixture
def perilous(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with the plug-in analysis installed."""
    folder = tmp_path / "plugin"
    about = folder / "perilous-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: perilous\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[wbsite.analyses]\nperilous = perilous_plugin:ANALYSES\n")
    (folder / "perilous_plugin.py").write_text(PERILOUS)
    monkeypatch.syspath_prepend(str(folder))
    registry.entries.cache_clear()
    yield work
    sys.modules.pop("perilous_plugin", None)
