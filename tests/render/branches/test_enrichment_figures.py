"""What lies in which branch, drawn from results made by hand whose text a reader must find again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wbsite.analyses.branches.enrichment import TABLES
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.ops.branches.group_tests import GroupUnits, category_tests, index_tests, stage_tests
from wbsite.ops.branches.untrained_null import KEYS, against_copies, stacked
from wbsite.render.figure import CAPTION_WORDS, Drawing, Gap, Scene, figure_html
from wbsite.render.page import slug
from wbsite.results.base import Result
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.enrichment import Counts, Enrichment, FalseAlarms, Stage, Untrained
from wbsite.results.branches.filter_tuning import FilterTuning
from wbsite.results.branches.tuning import Category, Index, Tuning
from wbsite.results.network.architecture import Architecture, Head, LayerInfo
from wbsite.results.network.filters import Filters
from wbsite.results.site import Site
from wbsite.stats.enrichment import false_discovery

PATHS = GroupUnits(("mixed3a_1x1", "mixed3a_5x5", "mixed3a_pool"), (1, 5, 1), np.repeat([0, 1, 2], [20, 10, 10]))
TOWERS = GroupUnits(("tower 1", "tower 2"), (7, 7), np.repeat([0, 1], 8))
BLOCKS = GroupUnits(("block 1", "block 2", "block 3"), (3, 3, 3), np.repeat([0, 1, 2], 12))


def tables_of(group: str, kind: str, source: str, population: GroupUnits, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Nine curves in the second branch, and numbers that are larger there."""
    rng = np.random.default_rng(seed)
    second = population.branch == 1
    curves = np.flatnonzero(second)[:9]
    categories = np.zeros((len(second), 2), bool)
    categories[curves if seed == 0 else rng.choice(len(second), 9), 0] = True
    categories[::4, 1] = True
    indices = rng.random((len(second), 2)) + (second[:, None] if seed == 0 else 0)
    names = ("chroma", "frequency") if source == "weights" else ("colour", "curve")
    found: dict[str, Any] = {
        "rows": category_tests(population, ["curve", "<script>"], categories, 200, 0),
        "effects": index_tests(population, names, indices),
    }
    if kind == "residual":
        found["stages"], about = stage_tests(population, indices, 200, 0)
        found["shares"] = [about]
    place = {"group": group, "kind": kind, "source": source}
    return {name: pd.DataFrame([{**place, **row} for row in rows]) for name, rows in found.items()}


def made_enrichment() -> Enrichment:
    parts = [
        tables_of("mixed3a", "concat", "stimuli", PATHS),
        tables_of("conv1", "towers", "weights", TOWERS),
        tables_of("layer1", "residual", "stimuli", BLOCKS),
    ]
    tables = stacked(parts)
    for name in KEYS:
        tables[name]["q"] = false_discovery(tables[name]["p"].to_numpy(float))
    copies = [stacked([tables_of("mixed3a", "concat", "stimuli", PATHS, seed)]) for seed in (1, 2, 3, 4)]
    copies += [stacked([tables_of("layer1", "residual", "stimuli", BLOCKS, seed)]) for seed in (1, 2, 3, 4)]
    tables = against_copies(tables, copies)
    (stage,) = tables["shares"].to_dict("records")
    tables = {name: tables[TABLES[name]][list(Enrichment.fields[name].columns)] for name in TABLES}
    some, none = FalseAlarms(tests=40, share=0.1), FalseAlarms(tests=0, share=None)
    return Enrichment(
        permutations=200,
        seed=0,
        sources={"stimuli": 76, "weights": 16},
        tests=Counts(**{name: len(table) for name, table in tables.items()}),
        published=[],
        untrained=Untrained(copies=4, reason="", groups=["mixed3a"], rows=some, effects=some, blocks=none),
        stages=[Stage.model_validate({**stage, "untrained": [0.05, 0.08]})],
        **tables,
    )


def architecture(layer: str, units: int) -> Architecture:
    """Of a network whose one convolution of 7×7 reads the picture."""
    info = LayerInfo(
        name=layer, kind="conv", order=0, inputs=("input",), in_channels=3, out_channels=units, kernel=(7, 7),
        stride=(1, 1), padding=(3, 3), dilation=(1, 1), groups=1, bias=True, parameters=148 * units,
        output_shape=(units, 16, 16), calls=1, weight_shape=(units, 3, 7, 7), reads=(), planar=True, spatial=True,
        block="", first_unit=0, has_weights=True,
    )  # fmt: skip
    return Architecture(
        name="net", weights="made", title="Net & Co", reference="", note="", source=None, digest="", missing=[],
        provenance={}, input_shape=(3, 16, 16), parameters=1, parameters_held=1, layers=[info], skipped=[], notes=[],
        head=Head(kind="pooled", layer="", positions=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    store = Store(tmp_path_factory.mktemp("store"))
    rows = [("mixed3a", "concat", n, 10, k, 1) for n, k in zip(PATHS.branches, PATHS.kernels, strict=True)]
    rows += [("conv1", "towers", n, 8, 7, 1) for n in TOWERS.branches]
    members = [("conv1", "towers", f"tower {i + 1}", "conv1", 8 * i, 8 * i + 8) for i in (0, 1)]
    numbers = {"low": 0, "high": 1, "formula": "", "source": ""}
    indices = {"colour": Index(title="colour against luminance", **numbers), "curve": Index(title="curves", **numbers)}
    filters = pd.DataFrame({name: np.linspace(0, 1, 16) for name in FilterTuning.fields["rows"].columns})
    filters = filters.assign(unit=range(16), dead=[False] * 15 + [True])
    results: dict[tuple[str, str], Result] = {
        ("enrichment", ""): made_enrichment(),
        ("branches", ""): Branches(
            groups=[],
            none="",
            passed_over=[],
            rows=pd.DataFrame(rows, columns=list(Branches.fields["rows"].columns)),
            members=pd.DataFrame(members, columns=list(Branches.fields["members"].columns)),
        ),
        ("tuning", ""): Tuning(
            indices=indices,
            categories={"curve": Category(title="curve", rule="arcs at least half as strong again", index="curve")},
            layers=[],
            omitted=[],
            dead_below=0.01,
            rows=pd.DataFrame(columns=list(Tuning.fields["rows"].columns)),
            members=pd.DataFrame(columns=["layer", "unit", "category"]),
            stimuli={},
        ),
        ("architecture", ""): architecture("conv1", 16),
        ("filter_tuning", "conv1"): FilterTuning(units=16, dead=1, dead_below=0.05, channels=3, rows=filters),
        ("filters", "conv1"): Filters(
            channels=3, pictures=np.full((16, 7, 7, 3), 0.5, np.float32), order=np.arange(16)
        ),
    }
    places: dict[str, dict[str, Any]] = {}
    for (analysis, name), result in results.items():
        about = {"categories": {"name": "mine.csv"}}
        entry = store.put(f"{len(places)}{analysis}{name}", result.contents(), about)
        places.setdefault(analysis, {})[name] = {"key": entry.key}
    store.put_record("models/net", {"id": "net", "title": "Net & Co", "results": places})
    store.put_record("models/plain", {"id": "plain", "title": "Plain", "results": {}})
    store.put_record("last", {"models": ["net", "plain"]})
    return Site(store, None)


@pytest.fixture
def made_effects(site: Site, tmp_path: Path) -> Callable[..., Site]:
    """Two towers in each of these layers, compared in two indices: made_effects(layers, column=value)."""

    def make(layers: Sequence[str], **changes: Any) -> Site:
        made = made_enrichment()
        place = {"kind": "towers", "source": "stimuli", "same_kernel": "tower 2", "units_in": 8, "units_out": 8}
        columns = Enrichment.fields["effects"].columns
        rows = [
            {**dict.fromkeys(columns, 0.5), **place, "group": layer, "branch": branch, "index": index, **changes}
            for layer in layers
            for index in ("colour", "curve")
            for branch in ("tower 1", "tower 2")
        ]
        weights = [{**row, "source": "weights", "index": "chroma"} for row in rows[:2]]
        effects = pd.DataFrame(rows + weights)[list(columns)]
        store = Store(tmp_path / "store")
        results = {}
        for name in ("tuning", "architecture"):
            result = site.model("net").result(name)
            results[name] = {"": {"key": store.put(f"0{name}", result.contents(), {}).key}}
        fields = {name: getattr(made, name) for name in Enrichment.fields}
        entry = store.put("0enrichment", Enrichment(**{**fields, "effects": effects}).contents(), {})
        store.put_record(
            "models/net",
            {"id": "net", "title": "Net & Co", "results": {**results, "enrichment": {"": {"key": entry.key}}}},
        )
        return Site(store, ["net"])

    return make


def drawn(site: Site, name: str, **options: str) -> Drawing:
    figure, scene = registry.named("figures", name, "figure"), Scene(site, site.model("net"), options=options)
    drawing = figure.draw(scene)
    assert isinstance(drawing, Drawing), drawing
    assert drawing.finding.endswith(".") and len(drawing.method) > 100
    said = re.sub(r"<[^>]+>", "", f"{drawing.finding} {drawing.caption}")
    assert len(said.split()) <= CAPTION_WORDS
    assert len(drawing.alt) > 40
    assert "nan" not in drawing.alt.lower().split()
    html, files = figure_html(name, 1, drawing)
    assert "Net & Co" not in html, "text of others is escaped"
    assert f"{name}.csv" in files
    assert figure_html(name, 1, figure.draw(scene)) == (html, files)
    return drawing


NAMES = ["enrichment", "branch-effects", "residual-blocks", "first-layer-towers"]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_drawn_and_a_network_without_results_has_a_gap(site: Site, name: str) -> None:
    drawn(site, name)
    gap = registry.named("figures", name, "figure").draw(Scene(site, site.model("plain")))
    assert isinstance(gap, Gap)
    assert not gap.failed


def test_a_cell_says_how_many_of_how_many_and_what_holds_up(site: Site) -> None:
    body = drawn(site, "enrichment", group="mixed3a").body
    assert "9 of 9 <b>●▲</b><small>2.2 at random</small>" in body
    assert "no equal kernel" in body
    assert "◆ with pool" in body
    assert 'title="arcs at least half as strong again"' in body
    assert "<script>" not in body
    assert "&#060;script&#062;" in body


def test_how_it_was_made_says_what_the_tests_leave_out(site: Site) -> None:
    drawing = drawn(site, "enrichment")
    assert "of 4 copies with random weights" in drawing.method
    assert "10.0\u00a0% of 40 tests of categories" in drawing.method
    assert "1 of 8 branches have no other with equal kernels" in drawing.method


def test_q_is_said_to_be_over_the_tests_that_it_is_over(site: Site) -> None:
    """Over all tests of one kind of the network, shown or not: a chosen group has the q of the whole."""
    tests = made_enrichment().tests
    for options in ({}, {"group": "mixed3a"}):
        assert (
            f"over all {tests.rows} tests of categories of the network" in drawn(site, "enrichment", **options).method
        )
        assert (
            f"over all {tests.effects} tests of indices of the network"
            in drawn(site, "branch-effects", **options).method
        )
    assert f"over all {tests.effects} tests of indices" in drawn(site, "first-layer-towers").method
    assert f"over {tests.blocks} blocks" in drawn(site, "residual-blocks").method
    table = drawn(site, "enrichment").data
    assert table["q"].tolist() == pytest.approx(false_discovery(table["p"].to_numpy(float)))


def test_findings_follow_the_tests(site: Site) -> None:
    enriched = drawn(site, "enrichment")
    rows = enriched.data
    marked = rows[(rows["q"] <= 0.05) & (rows["odds_ratio"] > 1)]
    beyond = int((marked["untrained_p"] <= 0.05).sum())
    assert f"In Net & Co, {len(marked)} of {len(rows)} pairs" in enriched.finding
    compared = int(marked["untrained_p"].notna().sum())
    which = (
        "them, more than untrained copies"
        if compared == len(marked)
        else f"the {compared} compared with untrained copies, more"
    )
    assert f"{beyond or 'none'} of {which}" in enriched.finding
    assert drawn(site, "first-layer-towers").finding.endswith(
        "filters of tower 2 are more colourful than those of tower 1."
    )
    blocks = drawn(site, "residual-blocks")
    assert blocks.finding.startswith(
        f"{int((blocks.data['q'] <= 0.05).sum())} of 3 residual blocks of Net &#038; Co differ"
    )
    effects = drawn(site, "branch-effects", group="mixed3a")
    assert f"differ in {int((effects.data['q'] <= 0.05).sum())} of {len(effects.data)} comparisons" in effects.finding


def test_options_choose_and_refuse(site: Site) -> None:
    assert set(drawn(site, "enrichment", kind="concat").data["group"]) == {"mixed3a"}
    assert set(drawn(site, "branch-effects", group="conv1").data["group"]) == {"conv1"}
    for options in ({"group": "mixed3"}, {"kind": "towrs"}):
        with pytest.raises(WbsiteError, match="Did you mean"):
            drawn(site, "enrichment", **options)


def test_places_of_two_branches_stand_side_by_side(made_effects: Callable[..., Site]) -> None:
    """One lane a place, that of its first branch, whose AUC the second mirrors; of responses alone."""
    drawing = drawn(made_effects(["conv2", "conv3"]), "branch-effects")
    assert list(drawing.data["lane"]) == ["conv2", "conv2", "conv3", "conv3"]
    assert set(drawing.data["branch"]) == {"tower 1"}
    assert drawing.data["y"].is_unique
    assert "two branches of each layer" in drawing.finding


def test_the_axis_holds_what_is_known_of_untrained_copies(made_effects: Callable[..., Site]) -> None:
    drawing = drawn(made_effects(["conv2", "conv3"], untrained_auc=0.9, untrained_sd=0.2), "branch-effects")
    assert set(drawing.data["untrained_high"]) == {1.3}
    scale = next(
        layer["encoding"]["x"]["scale"] for layer in drawing.chart["layer"] if "scale" in layer["encoding"]["x"]
    )
    low, high = scale["domain"]
    assert low <= drawing.data["untrained_low"].min() and high >= 1.3


def test_filters_are_sorted_by_chroma_and_link_to_their_units(site: Site) -> None:
    drawing = drawn(site, "first-layer-towers")
    assert list(drawing.data["unit"]) == [*range(7, -1, -1), *range(15, 7, -1)]
    assert drawing.body.index("#unit-7") < drawing.body.index("#unit-0") < drawing.body.index("#unit-15")
    assert "unit 15, chroma 1.00, dead" in drawing.body
    assert sorted(drawing.files) == [f"net-conv1-{slug(f'tower {i}')}.png" for i in (1, 2)]


def test_a_page_with_many_filters_and_cells_stays_small(site: Site) -> None:
    """A page may have 300 KB: what a filter and a cell of the table add to it is counted."""
    towers, enriched = drawn(site, "first-layer-towers"), drawn(site, "enrichment")
    filters = re.findall(r"<a href.*?</a>", towers.body)
    assert len(filters) == 16 and max(map(len, filters)) < 110
    cells = re.findall(r"<td.*?</td>", enriched.body)
    assert max(map(len, cells)) < 130


def test_blocks_are_told_with_depth_as_a_confounder(site: Site) -> None:
    drawing = drawn(site, "residual-blocks")
    assert list(drawing.data["block"]) == ["block 1", "block 2", "block 3"]
    assert drawing.data["statistic"].idxmax() == 1
    assert "Depth is a confounder" in drawing.method
    assert "5.0&nbsp;% to 8.0&nbsp;% in untrained copies" in drawing.method


@pytest.mark.parametrize("name", ["branch-effects", "residual-blocks"])
def test_charts_can_be_drawn(site: Site, name: str, tmp_path: Path) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    drawing = drawn(site, name)
    assert drawing.chart is not None
    rows = json.loads(drawing.data.to_json(orient="records"))
    spec = json.loads(json.dumps(drawing.chart).replace('"url": "data.csv"', f'"values": {json.dumps(rows)}'))
    svg = vl_convert.vegalite_to_svg({**spec, "width": 600})
    assert svg.count("<path") > len(drawing.data)
    assert "NaN" not in svg
