"""Export: others' scripts read these columns and formats."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

COLUMNS = ["model", "layer", "source", "units", "row_share", "column_share", "index", "low", "high"]
FURTHER = ["index_null", "index_adjusted", "adjusted_low", "adjusted_high", "not_defined"]


@pytest.fixture
def banding(rebuilt: Path, cli: Callable[..., Any], speck_weights: Path) -> Callable[..., Any]:
    def run(*arguments: str) -> Any:
        return cli("export", "banding", "--model", "speck", "--weights-dir", str(speck_weights), *arguments)

    return run


def test_banding_as_csv(banding: Callable[..., Any]) -> None:
    ran = banding()
    assert ran.status == 0, ran.err
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert list(rows[0]) == COLUMNS + FURTHER
    assert [(row["layer"], row["source"]) for row in rows] == [
        ("conv1", "weights"), ("conv2", "weights"), ("conv2", "nmf"), ("conv3", "weights"), ("conv3", "nmf"),
    ]  # fmt: skip
    for row in rows:
        assert float(row["index"]) == pytest.approx(float(row["row_share"]) - float(row["column_share"]), abs=1e-6)
        assert float(row["low"]) <= float(row["high"])
    assert {row["model"] for row in rows} == {"speck"}


def test_banding_of_one_layer_as_json(banding: Callable[..., Any]) -> None:
    rows = json.loads(banding("--layer", "conv3", "--format", "json").out)
    assert [list(row) for row in rows] == [COLUMNS + FURTHER] * 2
    assert [row["units"] for row in rows] == [10, 10]


def test_parquet_on_standard_output(rebuilt: Path, environment: dict[str, str], speck_weights: Path) -> None:
    """Bytes, and nothing of the progress among them."""
    command = ["export", "banding", "--model", "speck", "--weights-dir", str(speck_weights), "--format", "parquet"]
    done = subprocess.run(
        [sys.executable, "-m", "wbsite.cli", *command], cwd=rebuilt, env=environment, capture_output=True, check=True
    )
    assert list(pd.read_parquet(io.BytesIO(done.stdout)).columns) == COLUMNS + FURTHER


def test_a_study_as_a_moving_picture(work: Path, environment: dict[str, str]) -> None:
    """Computed on the way, and a hyphen in the name does no harm."""
    from PIL import Image

    Path("mine.toml").write_text("widths = [3]\nseeds = 1\nepochs = 4\nrecords = 4\n")
    command = ["export", "information-plane", "--study", "mine.toml", "--store", "own", "--format", "webp"]
    done = subprocess.run(
        [sys.executable, "-m", "wbsite.cli", *command], cwd=work, env=environment, capture_output=True, check=True
    )
    picture = Image.open(io.BytesIO(done.stdout))
    assert (picture.format, picture.n_frames) == ("WEBP", 4)
    assert (work / "own" / "objects").is_dir()


@pytest.mark.parametrize(("analysis", "format"), [("banding", "webp"), ("information-plane", "mp4")])
def test_a_moving_picture_there_is_not_is_refused(cli: Callable[..., Any], analysis: str, format: str) -> None:
    ran = cli("export", analysis, "--format", format)
    assert ran.status == 2
    assert "webp" in ran.err


def test_what_the_store_lacks_is_computed_and_kept(work: Path, cli: Callable[..., Any], speck_weights: Path) -> None:
    of = ("export", "banding", "--model", "speck", "--weights-dir", str(speck_weights), "--layer", "conv3")
    first = cli(*of)
    assert "compute 2 of 2 results" in first.err  # of this layer alone, and the pictures it needs
    second = cli(*of)
    assert (second.status, second.err, second.out) == (0, "", first.out)


def test_an_analysis_that_fails_is_an_error(
    work: Path, cli: Callable[..., Any], speck_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from wbsite.core import registry

    def broken(context: Any) -> Any:
        raise RuntimeError("no convergence")

    every = registry.entries
    spoilt = tuple(replace(a, run=broken) if a.name == "banding" else a for a in every("analyses"))
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: spoilt if kind == "analyses" else every(kind))
        ran = cli("export", "banding", "--model", "speck", "--weights-dir", str(speck_weights))
    assert ran.status == 2
    assert "banding speck conv1 failed: RuntimeError: no convergence" in ran.err
    assert ran.out == ""
