"""What every analysis and every figure keeps, whoever adds it: picked up from the registry."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from wbsite.core import registry
from wbsite.core.naming import CENSUS
from wbsite.core.source import behind
from wbsite.core.store import Entry, Store
from wbsite.datasets.base import DatasetSpec
from wbsite.render.figure import CAPTION_WORDS, Drawing, Gap, Scene, figure_html
from wbsite.results.site import Site

ANALYSES = [analysis.name for analysis in registry.entries("analyses")]

FIGURES = [figure.name for figure in registry.entries("figures")]

NOT_OF_SPECK = {"first-layer-towers", "residual-blocks", "curve-grid"}
"""Of towers, residual blocks and curves, which the small network has not: other tests hold them to the same."""


def words(html: str) -> int:
    """Words that a reader sees; a choice that a menu fills counts once, with its longest text."""
    shown = re.sub(r"<[^>]+>", " ", html)
    return sum(bool(re.search(r"\w", word)) for word in shown.split())


@pytest.fixture(scope="module")
def store(built: Path) -> Store:
    return Store(built / "build" / "store")


def results(store: Store, analysis: str) -> list[Entry]:
    """All stored results of an analysis."""
    found = map(store.get, store.keys())
    return [entry for entry in found if entry is not None and entry.about["analysis"] == analysis]


@pytest.mark.usefixtures("work")  # speck's own code is behind the results as well
@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_says_what_it_does_and_stores_what_json_and_numpy_can_hold(store: Store, name: str) -> None:
    analysis = registry.named("analyses", name, "analysis")
    assert analysis.summary
    assert analysis.scope in ("layer", "model", "suite", "study", "census")
    found = results(store, name)
    assert found, "the small network has no layer it applies to: add one to conftest.py"
    for entry in found:
        json.dumps(entry.values, allow_nan=False)
        assert entry.about["code"] == behind(analysis.run)
        for label, array in entry.arrays.items():
            assert array.dtype.kind in "iufb", label
            assert np.isfinite(array).all() or label.endswith("_per_unit"), label


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_gives_the_same_result_every_time(store: Store, recomputed: Path, name: str) -> None:
    """Or a damaged entry that is computed again would change the site."""
    again = Store(recomputed / "build" / "store")
    entries = results(store, name)
    assert entries
    for entry in entries:
        other = again.get(entry.key)
        assert other is not None
        assert entry.values == other.values
        assert set(entry.arrays) == set(other.arrays)
        for label, array in entry.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[label], err_msg=f"{entry.about} {label}")
        for file in entry._files:
            if file.endswith(".parquet"):
                table = file.removesuffix(".parquet")
                pd.testing.assert_frame_equal(entry.table(table), other.table(table))


@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_applies_or_says_why_not(built: Path, name: str) -> None:
    analysis = registry.named("analyses", name, "analysis")
    suite = {"study": "information-plane", "census": CENSUS}.get(analysis.scope, analysis.suite)
    path = f"suites/{suite}.json" if suite else "models/speck.json"
    record = json.loads((built / "build" / "store" / "records" / path).read_text())
    for place in record["results"][name].values():
        assert "key" in place or place["skipped"].strip()


def scenes(site: Site, name: str) -> list[Scene]:
    """What a figure is drawn of: every layer, the model, or the whole site, as it says itself."""
    model = site.models[0]
    by_kind = {
        "site": [Scene(site)],
        "model": [Scene(site, model)],
        "layer": [Scene(site, model, layer) for layer in model.layers],
    }
    return by_kind[registry.named("figures", name, "figure").of]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_caption_alternative_text_and_data(store: Store, name: str) -> None:
    figure = registry.named("figures", name, "figure")
    drawn = 0
    for scene in scenes(Site(store, ["speck"]), name):
        drawing = figure.draw(scene)
        if isinstance(drawing, Gap):
            assert drawing.reason
            assert not drawing.failed
            continue
        drawn += 1
        assert isinstance(drawing, Drawing)
        assert re.search(r"[.?!]</?\w*>?$|[.?!]$", drawing.finding.strip()), drawing.finding
        assert words(f"{drawing.finding} {drawing.caption}") <= CAPTION_WORDS, f"{drawing.finding} {drawing.caption}"
        assert "nan" not in f"{drawing.finding} {drawing.caption} {drawing.method}".lower().split()
        assert len(drawing.alt) > 20
        assert "nan" not in drawing.alt.lower().split()
        assert "None" not in drawing.alt
        assert len(drawing.data) > 0
        assert (drawing.chart is None) != (not drawing.body)
        html, files = figure_html(name, 1, drawing)
        for file, data in files.items():
            if file.endswith(".vl.json"):
                alt.Chart.from_dict(json.loads(data), validate=True)
        assert f"{name}.csv" in files
        assert sum(map(len, files.values())) < 2_000_000
        if drawing.chart is not None:
            assert drawing.height > 0
            spec = json.loads(files[f"{name}.vl.json"])
            assert "values" not in json.dumps(spec.get("data", {})), "data stand in a file, not in the specification"
            assert f'"url": "{name}.csv"' in json.dumps(spec)
        again = figure.draw(scene)
        assert figure_html(name, 1, again) == (html, files), "drawn differently the second time"
    assert drawn or name in NOT_OF_SPECK, "no scene of the small network shows it"


def test_every_figure_is_drawn_without_torch_or_the_network(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store alone is enough."""

    def refuse(*given: Any) -> None:
        raise AssertionError(f"a figure asks the network: {given}")

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for figure in registry.entries("figures"):
        drawings = [figure.draw(scene) for scene in scenes(Site(store, None), figure.name)]
        drawn = [drawing for drawing in drawings if not isinstance(drawing, Gap)]
        assert drawn or figure.name in NOT_OF_SPECK, figure.name
        for drawing in drawn:
            assert isinstance(drawing, Drawing), figure.name
            assert drawing.caption and drawing.alt and len(drawing.data), figure.name


@pytest.mark.parametrize("kind", ["models", "datasets", "experiments"])
def test_everything_that_can_be_named_has_a_line_for_the_listing(kind: str, cli: Callable[..., Any]) -> None:
    ran = cli("list", kind)
    assert ran.status == 0
    for line in ran.out.splitlines():
        name, _, said = line.partition("\t")
        assert name.strip() == name
        assert said.strip(), name


@pytest.mark.parametrize("spec", registry.entries("datasets"), ids=lambda spec: spec.name)
def test_a_data_set_has_pictures_or_samples(spec: DatasetSpec) -> None:
    assert spec.load is not None or spec.samples is not None
