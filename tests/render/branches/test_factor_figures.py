"""Figures of the structure before the branches: every unit has its place and link, and what is not fit says why."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wbsite.core import registry
from wbsite.core.store import Store
from wbsite.render.branches._first_layer import PROPERTIES
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.render.sprites import quantised
from wbsite.render.text import fixed_text
from wbsite.results.branches.connectivity import Connectivity
from wbsite.results.site import Model, Site
from wbsite.run.plan import plan
from wbsite.run.subjects.model import ModelSubject
from wbsite.run.worker import run_task

ANALYSES = ["architecture", "filters", "connectivity"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two bundled networks: one whose second convolution reads all of the first, one whose reads it in groups."""
    store = Store(str(tmp_path_factory.mktemp("store")))
    for token in ("simplified_32", "alexnet_32"):
        planned = plan(ModelSubject(token), "quick", ANALYSES)
        results: dict[str, dict[str, Any]] = {name: {} for name in ANALYSES}
        for task in planned.tasks:
            outcome = run_task(task, store.url, "cpu")
            assert not outcome.failed, outcome.failed
            results[task.analysis][task.layer] = {"key": task.key}
        record = {"id": planned.subject.id, "title": planned.facts["title"], "results": results}
        store.put_record(planned.subject.record, record)
    return Site(store, ["simplified_32", "alexnet_32"])


def drawn(site: Site, name: str, model: str = "simplified_32") -> Any:
    return registry.named("figures", name, "figure").draw(Scene(site, site.model(model), up="../../"))


def test_every_unit_is_on_the_map_inside_its_frame_with_a_link_to_its_page(site: Site) -> None:
    drawing = drawn(site, "factor-map")
    assert isinstance(drawing, Drawing)
    link = r'<a class="wb-filter" href="([^"]+)" title="([^"]+)" style="left:([\d.]+)%;top:([\d.]+)%">'
    marks = re.findall(link + r'<svg class="wb-cut" viewBox="(\d+) (\d+) 7 7"', drawing.body)
    assert [mark[0] for mark in marks] == [f"../../models/simplified_32/0a/#unit-{unit}" for unit in range(24)]
    places = drawing.data.set_index("unit")
    left, top = ([float(mark[i]) for mark in marks] for i in (2, 3))
    for values, column, order in ((left, "factor_1", True), (top, "factor_2", False)):
        assert min(values) > 2 and max(values) < 98
        assert sorted(range(24), key=values.__getitem__) == list(
            places[column].sort_values(ascending=order, kind="stable").index
        )
    for mark in marks:
        assert re.fullmatch(r"unit \d+: chroma \d\.\d\d, \d\.\d\d cycles a pixel", mark[1])
    filters = site.model("simplified_32").result("filters", "0a")
    assert filters is not None
    sheet = np.asarray(Image.open(io.BytesIO(drawing.files["simplified_32-0a-filters.png"])))
    for mark, expected in zip(marks, quantised(filters.pictures), strict=True):
        x, y = int(mark[4]), int(mark[5])
        assert np.array_equal(sheet[y : y + 7, x : x + 7, :3], expected), "what is cut out is the unit's own filter"


def test_axes_carry_the_correlations_of_the_store(site: Site) -> None:
    drawing = drawn(site, "factor-map")
    result = site.model("simplified_32").result(Connectivity)
    assert result is not None
    rows = result.rows
    for row in rows[rows["property"].isin(["chroma", "frequency"])].to_dict("records"):
        text = f"ρ&nbsp;=&nbsp;{fixed_text(row['rho'])} ({fixed_text(row['low'])} to {fixed_text(row['high'])})"
        assert text in drawing.body
    assert "2\u202f000 resamples" in drawing.method
    assert "24 units" in drawing.method


def test_communities_show_every_filter_once_and_their_numbers(site: Site) -> None:
    drawing = drawn(site, "communities")
    assert isinstance(drawing, Drawing)
    communities = site.model("simplified_32").result(Connectivity).communities
    items = re.findall(r"<li><p><strong>(\d+)</strong> (\d+) filters and (\d+) units(.*?)</li>", drawing.body)
    assert [int(item[0]) for item in items] == list(range(1, communities.count + 1))
    assert sum(int(item[1]) for item in items) == 24 and sum(int(item[2]) for item in items) == 48
    ordered = drawing.data.sort_values("community", kind="stable")
    for number, filters, _, html in items:
        file = f"simplified_32-community-{number}.png"
        assert f'src="{file}"' in html
        picture = np.asarray(Image.open(io.BytesIO(drawing.files[file])))
        assert (picture[::8, ::8, 3] == 255).sum() == int(filters) == (ordered["community"] == int(number) - 1).sum()
    assert set(drawing.files) >= {"simplified_32-connections.png"} and "base64" not in drawing.body
    assert "more clearly than connections assigned at random" in drawing.finding
    frames = re.findall(r'<i style="left:([\d.]+)%;top:[\d.]+%;width:([\d.]+)%', drawing.body)
    assert sum(float(width) for _, width in frames) == pytest.approx(100, abs=0.1)
    assert f"Modularity {communities.modularity:.3f}" in drawing.method
    assert len(drawing.data) == 24


def test_the_chart_has_a_mark_a_network_property_and_factor_and_says_who_is_left_out(site: Site) -> None:
    import vl_convert

    figure = registry.named("figures", "factor-correlations", "figure")
    drawing = figure.draw(Scene(site))
    assert isinstance(drawing, Drawing)
    assert len(drawing.data) == 2 * len(PROPERTIES)
    assert drawing.data["y"].is_unique, "marks cover each other"
    assert (drawing.data["low"] <= drawing.data["rho"]).all() and (drawing.data["rho"] <= drawing.data["high"]).all()
    assert drawing.data["y"].max() < drawing.height
    assert "AlexNet (32 px) (conv2 reads the units of conv1 in 2 groups" in drawing.method
    _, files = figure_html("factor-correlations", 1, drawing)
    spec = json.loads(files["factor-correlations.vl.json"])
    rows = drawing.data.to_dict("records")
    # Data of a CSV file: whoever draws must find colours for a field that is text there.
    spec["data"] = {"values": [{**row, "factor": str(row["factor"])} for row in rows]}
    for layer in spec["layer"]:
        layer.pop("data", None)
    svg = vl_convert.vegalite_to_svg({**spec, "width": 700})
    assert svg.count("#1f9e89") >= len(PROPERTIES) and svg.count("#c9428a") >= len(PROPERTIES)


@pytest.mark.parametrize("name", ["factor-map", "communities"])
def test_grouped_convolutions_leave_a_gap_that_says_why(site: Site, name: str) -> None:
    gap = drawn(site, name, "alexnet_32")
    assert isinstance(gap, Gap)
    assert "conv2 reads the units of conv1 in 2 groups" in gap.reason
    assert not gap.failed


def test_without_a_fit_network_the_chart_is_a_gap(site: Site) -> None:
    alone = Site(site.store, ["alexnet_32"])
    gap = registry.named("figures", "factor-correlations", "figure").draw(Scene(alone))
    assert isinstance(gap, Gap)
    assert "in 2 groups" in gap.reason


def test_few_units_are_drawn_without_correlations(site: Site, tmp_path: Path) -> None:
    """They have their places, and no number that would mean nothing."""
    known = site.model("simplified_32")
    result = known.result(Connectivity)
    assert result is not None
    contents = result.contents()
    none = dict.fromkeys(("rho", "low", "high", "p", "q"), math.nan)
    tables = {**contents.tables, "rows": result.rows.assign(**none, units=5)}
    shutil.copytree(site.store.url.removeprefix("file://"), tmp_path, dirs_exist_ok=True)
    store = Store(str(tmp_path))
    store.put("0" * 64, replace(contents, tables=tables), {"analysis": "connectivity"})
    results = {**known.record["results"], "connectivity": {"": {"key": "0" * 64}}}
    few = Model(store, {**known.record, "results": results})
    drawing = registry.named("figures", "factor-map", "figure").draw(Scene(site, few))
    assert isinstance(drawing, Drawing)
    assert "too few to correlate" in drawing.method
    assert "–" not in drawing.body and "nan" not in drawing.body + drawing.caption + drawing.alt
