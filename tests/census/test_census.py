"""The census from packages to tables: rows, what follows a layer, resuming, and networks that cannot be had."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from wbsite.analyses.census.census import depth_correlation, late_index
from wbsite.analyses.census.hypotheses import holm
from wbsite.census.context import CensusContext
from wbsite.census.manifest import networks
from wbsite.census.record import Measured
from wbsite.census.run import census
from wbsite.cli.app import app
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.store import Entry, Store

from .small_packages import Small, wheel

pytestmark = pytest.mark.skipif(not shutil.which("pip"), reason="no pip")


def index(weight: np.ndarray) -> float:
    """H, written out."""
    x = weight - weight.mean((2, 3), keepdims=True)
    rows, columns = weight.shape[3] * x.mean(3) ** 2, weight.shape[2] * x.mean(2) ** 2
    return float((rows.sum() - columns.sum()) / (x**2).sum())


@pytest.fixture
def measured(shelf: Path, manifest: Callable[..., Path], network_file: bytes, tmp_path: Path) -> Path:
    """The folder of records, after a census of one network."""
    wheel(shelf, network_file)
    manifest()
    (outcome,) = census(networks(tmp_path / "manifests"), tmp_path / "records", Progress())
    assert (outcome.failed, outcome.changed, outcome.fetched) == ("", "", 1000)
    return tmp_path / "records"


def test_a_row_for_each_layer(measured: Path) -> None:
    record = Measured.read(measured / "text" / "small.npz")
    torch.manual_seed(0)
    net = Small()
    first, second = record.layers
    for row, layer in ((first, net.first), (second, net.second)):
        assert row["index"] == pytest.approx(index(layer.weight.detach().numpy()), abs=1e-6)
        assert row["low"] < row["index"] < row["high"]
    assert (first["place"], second["place"]) == (0, 1)
    assert (first["reads_input"], second["reads_input"]) == (True, False)
    assert first["follows"] == ["convolution", "pooling"]
    assert second["follows"] == ["pooling", "product"]
    assert (second["map_height"], second["map_width"]) == (6, 10)
    assert record.pictures is not None
    assert record.pictures.shape == (6, 3, 3, 3)
    assert record.provenance["format"] == "pt2"
    assert record.provenance["parameters"] == sum(p.numel() for p in net.parameters())


def test_a_second_census_measures_nothing_and_a_changed_fact_once_more(
    measured: Path, manifest: Callable[..., Path], tmp_path: Path
) -> None:
    record = measured / "text" / "small.npz"
    before = record.stat().st_mtime_ns
    (outcome,) = census(networks(tmp_path / "manifests"), measured, Progress())
    assert (outcome.failed, outcome.fetched, record.stat().st_mtime_ns) == ("", 0, before)
    manifest(derived=False)
    (outcome,) = census(networks(tmp_path / "manifests"), measured, Progress())
    assert (outcome.failed, outcome.changed, outcome.fetched) == ("", "", 0)
    assert Measured.read(record).pictures is None, "a licence that forbids pictures has none"


def test_one_that_cannot_be_had_does_not_stop_the_others(
    measured: Path, manifest: Callable[..., Path], tmp_path: Path
) -> None:
    manifest("gone", version="9")
    manifest("moved", file="elsewhere.pt2")
    manifest("other", training="other")
    run = CliRunner().invoke(
        app, ["census", "--manifests", str(tmp_path / "manifests"), "--out", str(tmp_path / "all")]
    )
    assert run.exit_code == 3
    assert "2 of 4 networks are in" in run.output
    assert {path.stem for path in (tmp_path / "all").glob("*/*.npz")} == {"small", "other"}


def test_networks_of_one_archive_are_fetched_once(
    shelf: Path, manifest: Callable[..., Path], network_file: bytes, tmp_path: Path
) -> None:
    wheel(shelf, network_file)
    for name in ("one", "two", "three"):
        manifest(name, training=name)
    outcomes = list(census(networks(tmp_path / "manifests"), tmp_path / "records", Progress(), jobs=2))
    assert [outcome.failed for outcome in outcomes] == [""] * 3
    assert sorted(outcome.fetched for outcome in outcomes) == [0, 0, 1000]


def test_a_network_for_which_memory_does_not_suffice_is_named(
    measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wbsite.core.machine.free_memory", lambda: 1 << 20)
    (measured / "text" / "small.npz").unlink()
    (outcome,) = census(networks(tmp_path / "manifests"), measured, Progress())
    assert "memory" in outcome.failed
    assert not (measured / "text" / "small.npz").exists()


def test_what_it_would_need_is_said_once_where_registries_cannot_be_reached(
    shelf: Path, manifest: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        manifest(name, training=name)
    run = CliRunner().invoke(
        app, ["census", "--manifests", str(tmp_path / "manifests"), "--out", str(tmp_path / "all")]
    )
    assert run.exit_code == 3
    assert "2 networks need 1 package, 0.0 MB in all: small-net 1.2 (pypi)." in run.output
    assert run.output.count("cannot be fetched") == 1


def test_the_table(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(app, ["export", "census", "--census", str(measured), "--format", "json"])
    rows = json.loads(run.stdout)
    assert [(row["network"], row["layer"], row["shape"]) for row in rows] == [
        ("small", "first", "8×3×3×3"),
        ("small", "second", "6×8×3×3"),
    ]
    assert {"package", "version", "registry", "licence", "task", "index_nmf", "index_null", "left_right"} <= rows[
        0
    ].keys()


def test_every_analysis_of_the_census_gives_the_same_every_time(measured: Path) -> None:
    records = [Measured.read(path) for path in sorted(measured.glob("*/*.npz"))]
    store = Store(f"memory://{uuid.uuid4().hex}")
    needs: dict[str, Entry] = {}
    for analysis in sorted(
        (a for a in registry.entries("analyses") if a.scope == "census"), key=lambda a: len(a.needs)
    ):
        made = [analysis.run(CensusContext(records, {}, needs)).contents() for _ in range(2)]
        first, second = (store.put(f"{analysis.name}-{i}", contents, {}) for i, contents in enumerate(made))
        needs[analysis.name] = first
        assert first.values == second.values
        json.dumps(first.values, allow_nan=False)
        pd.testing.assert_frame_equal(first.table("rows"), second.table("rows"))
    assert set(needs) == {"census", "hypotheses", "wild_branches"}


def test_a_damaged_record_is_named(measured: Path, tmp_path: Path) -> None:
    record = measured / "text" / "small.npz"
    record.write_bytes(record.read_bytes()[:100])
    with pytest.raises(WbsiteError, match="cannot be read"):
        Measured.read(record)
    (outcome,) = census(networks(tmp_path / "manifests"), measured, Progress())
    assert str(record) in outcome.failed


def rows(*indices: float | None, first_reads_input: bool = False) -> list[dict[str, object]]:
    return [
        {"place": i / (len(indices) - 1), "index_adjusted": index, "reads_input": first_reads_input and i == 0}
        for i, index in enumerate(indices)
    ]


def test_late_layers_and_depth() -> None:
    assert late_index(rows(0.9, 0, 0, 0, 0.2, 0.4)) == pytest.approx(0.3)
    assert late_index(rows(0.9, 0, 0, 0, None, 0.4)) == pytest.approx(0.4)
    assert late_index(rows(0.9, 0, 0, 0, 0, None)) == pytest.approx(0)
    assert late_index([{"place": 1.0, "index_adjusted": 0.5, "reads_input": True}]) is None
    assert depth_correlation(rows(0.1, -0.2, 0.3, -0.4, 0.5)) == pytest.approx(1)
    assert depth_correlation(rows(0.9, 0.1, -0.2, 0.3, -0.4, 0.5, first_reads_input=True)) == pytest.approx(1)
    assert depth_correlation(rows(0.1, 0.2, 0.3, 0.4)) is None


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, float("nan"), 0.9])[2] == pytest.approx(1)
