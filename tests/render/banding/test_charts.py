"""Charts of the banding experiments: every run is in them, none has an interval it cannot have, gaps are said."""

from __future__ import annotations

import functools
import http.server
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.banding._cluster_data import ClusterViews
from wbsite.render.banding._laboratory import Laboratory, span
from wbsite.render.banding.forest import forest_rows
from wbsite.render.banding.time_course import colours
from wbsite.render.figure import CAPTION_WORDS, Drawing, Gap, Scene, figure_html
from wbsite.results.banding.clusters import Clusters
from wbsite.results.site import Site

FIGURES = ("forest", "dose-response", "time-course", "where-in-network", "experiments-table", "cluster-explorer")
ROOT = Path(__file__).resolve().parents[3]

TRAINED: dict[str, dict[str, Any]] = {
    "baseline": {"order": 0},
    "rotated": {"order": 2, "title": "input <rotated>"},
    "sway_45": {"order": 5, "group": "dose", "parameters": {"sway": 45}},
    "sway_180": {"order": 4, "group": "proposed", "parameters": {"sway": 180}},
    "map_4": {"order": 6, "group": "depth", "parameters": {"poolings": 1}},
    "vgg19_baseline": {"order": 8, "group": "architecture", "network": "vgg19", "baseline": "vgg19_baseline"},
    "vgg19_rotated": {"order": 9, "group": "architecture", "network": "vgg19", "baseline": "vgg19_baseline"},
}
"""Experiment → what its record says; each with two seeds, but "map_4" with one."""


def words(html: str) -> int:
    return len(re.sub("<[^>]+>", "", html).split())


@pytest.fixture(scope="module")
def site(
    process: Callable[..., Any],
    write_run: Callable[..., Path],
    speck_weights: Path,
    copy_store: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """The results of a few made-up runs."""
    folder = tmp_path_factory.mktemp("lab")
    copy_store(folder)
    for experiment, changes in TRAINED.items():
        for seed in range(1 if experiment == "map_4" else 2):
            write_run(folder / "runs", experiment, seed, **changes)
    ran = process(folder, "compute", "--models", "speck", "--weights-dir", str(speck_weights), "--runs", "runs")
    assert ran.status == 0, ran.err
    return Site(Store(folder / "build" / "store"), ["speck"])


@pytest.fixture(scope="module")
def draw(site: Site) -> Callable[..., Any]:
    """draw(figure, option=…)"""

    def of(name: str, **options: Any) -> Any:
        figure, scene = registry.named("figures", name, "figure"), Scene(site, options=options)
        figure.check(scene)
        return figure.draw(scene)

    return of


@pytest.mark.parametrize("name", FIGURES)
def test_a_chart_is_drawn_with_its_data_and_says_how_it_was_computed(draw: Callable[..., Any], name: str) -> None:
    import vl_convert

    drawing = draw(name)
    assert isinstance(drawing, Drawing)
    assert "trained on cifar10 for 2 epochs" in drawing.method
    assert "seed" in drawing.method
    caption = drawing.caption.partition("Not run:")[0]
    assert words(drawing.finding) and words(f"{drawing.finding} {caption}") <= CAPTION_WORDS
    assert "nan" not in drawing.alt
    html, files = figure_html("renamed", 1, drawing)
    assert "<rotated>" not in html
    specs = [file for file in files if file.endswith(".vl.json")]
    assert all(f'data-spec="{file}"' in html for file in specs)
    for file in specs:
        spec = json.loads(files[file])
        assert '"url": "renamed.csv"' in json.dumps(spec), "a chart asks for data under another figure's name"
        vl_convert.vegalite_to_vega(spec)
    assert bool(specs) == (name not in ("experiments-table", "cluster-explorer"))


@pytest.mark.parametrize("name", FIGURES)
def test_without_runs_there_is_a_gap_that_says_what_to_do(site: Site, name: str) -> None:
    empty = Site(site.store, ["speck"])
    empty.suites = []
    found = registry.named("figures", name, "figure").draw(Scene(empty))
    assert isinstance(found, Gap)
    assert not found.failed
    assert "wbsite train banding" in found.reason


@pytest.mark.parametrize("name", FIGURES)
def test_a_setting_without_runs_leaves_a_gap_that_names_those_there_are(draw: Callable[..., Any], name: str) -> None:
    found = draw(name, setting="elsewhere")
    assert isinstance(found, Gap)
    assert "elsewhere" in found.reason
    assert "cifar10-small" in found.reason


def test_the_forest_has_every_seed_and_no_interval_of_one_seed(site: Site, draw: Callable[..., Any]) -> None:
    table = draw("forest").data
    counts = table[table["kind"] == "seed"].groupby("experiment")["seed"].nunique()
    assert counts.to_dict() == {name: 1 if name == "map_4" else 2 for name in TRAINED}
    means = table[table["kind"] == "mean"]
    assert set(means.loc[means["low"].isna(), "experiment"]) == {"map_4"}
    # From top to bottom in the order of the suite, the layers of an experiment one below the other.
    by_order = sorted(TRAINED, key=lambda name: TRAINED[name]["order"])
    assert list(means.sort_values("row")["experiment"].drop_duplicates()) == by_order
    assert table.groupby(["experiment", "place"])["y"].nunique().eq(1).all()


def test_a_band_covers_the_rows_it_is_the_baseline_of_and_no_others(draw: Callable[..., Any]) -> None:
    table = draw("forest").data
    table = table[(table["kind"] == "mean") & (table["place"] == "last")].set_index("experiment")
    assert set(table.index[table["top"].notna()]) == {"baseline", "vgg19_baseline"}
    for name in ("baseline", "vgg19_baseline"):
        inside = table[(table["row"] > table.loc[name, "top"]) & (table["row"] < table.loc[name, "bottom"])]
        assert set(inside["baseline"]) == {name}


def test_what_a_forest_draws_lies_inside_its_axis(site: Site) -> None:
    laboratory = Laboratory.open(Scene(site))
    assert isinstance(laboratory, Laboratory)
    table = forest_rows(laboratory)
    low, high = span(table)
    assert -1 <= low <= table["index"].min() <= table["index"].max() <= high <= 1
    assert low <= 0 <= high


def test_dose_response_goes_by_angle_and_says_which_were_not_run(draw: Callable[..., Any]) -> None:
    drawing = draw("dose-response")
    means = drawing.data[(drawing.data["kind"] == "mean") & (drawing.data["place"] == "last")]
    assert means["angle"].tolist() == [0, 45, 180]
    assert "Not run: sway_15, sway_90, sway_135." in drawing.caption
    assert re.search(r"0° .*45° .*180° ", drawing.alt)


def test_a_time_course_averages_over_seeds_and_keeps_them(draw: Callable[..., Any]) -> None:
    drawing = draw("time-course")
    data = drawing.data[(drawing.data["experiment"] == "baseline") & (drawing.data["layer"] == "5b")]
    end = data[data["epoch"] == 2.0]
    seeds = end.loc[end["kind"] == "seed", "value"]
    assert len(seeds) == 2
    assert end.loc[end["kind"] == "mean", "value"].item() == pytest.approx(seeds.mean(), abs=1e-4)
    assert "Not run: fc_only." in drawing.caption
    assert {"H", "accuracy"} == set(drawing.data["measure"])


def test_names_at_the_ends_of_lines_do_not_cover_each_other(draw: Callable[..., Any]) -> None:
    data = draw("time-course").data
    for _, ends in data[data["name_at"].notna()].groupby("experiment"):
        assert len(ends) == 2
        assert ends["name_at"].max() - ends["name_at"].min() > 0.04


def test_every_layer_has_a_colour_of_its_own_however_deep_the_network() -> None:
    for count in (1, 2, 3, 17):
        key = colours([f"layer{i}" for i in range(count)])
        assert len(set(key.values())) == count


def test_where_in_network_compares_each_size_with_the_baseline(draw: Callable[..., Any]) -> None:
    drawing = draw("where-in-network")
    shown = drawing.data.groupby("panel")["experiment"].unique()
    assert set(shown["map"]) == {"map_4", "baseline"}
    assert set(shown["kernel"]) == {"baseline"}
    assert "map_16" in drawing.caption.partition("Not run:")[2]


def test_the_table_has_every_experiment_and_an_interval_only_where_there_is_one(draw: Callable[..., Any]) -> None:
    drawing = draw("experiments-table")
    lines = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', drawing.body)
    by_order = sorted(TRAINED, key=lambda name: TRAINED[name]["order"])
    assert [title for title, _ in lines] == [
        name.replace("rotated", "input &#060;rotated&#062;", name == "rotated") for name in by_order
    ]
    cells = dict(lines)
    assert cells["baseline"].count("<small>") == 3, "accuracy and two layers; no difference from itself"
    assert cells["sway_45"].count("<small>") == 5
    assert "<small>" not in cells["map_4"]
    assert drawing.body.count('scope="colgroup"') == 5


def test_the_explorer_shows_before_any_script_what_its_data_say(draw: Callable[..., Any]) -> None:
    drawing = draw("cluster-explorer", clusters=6)
    data = json.loads(drawing.files["clusters-cifar10-small.json"])
    view = data["views"]["6"]
    assert view["index"] == sorted(view["index"], reverse=True)
    for shares in view["shares"]["last"]:
        assert sum(shares) == pytest.approx(100, abs=3), "rounded"
    lines = re.findall(r'<tr data-row="\d+".*?</tr>', drawing.body)
    assert len(lines) == len(TRAINED)
    shown = [[int(cell or 0) for cell in re.findall(r"<td[^>]*>(\d*)</td>", line)] for line in lines]
    assert shown == view["shares"]["last"]
    assert f"6 clusters: stability {view['stability']:.3f}" in drawing.body
    assert drawing.data["k"].min() == int(min(data["views"], key=int))


def test_the_explorer_begins_with_the_number_that_restarts_agree_on(draw: Callable[..., Any]) -> None:
    drawing = draw("cluster-explorer")
    views = json.loads(drawing.files["clusters-cifar10-small.json"])["views"]
    shown = re.search(r"<output>(\d+)</output>", drawing.body)
    assert shown
    assert views[shown[1]]["stability"] == max(view["stability"] for view in views.values())


def test_a_number_of_clusters_there_is_not_is_refused(draw: Callable[..., Any]) -> None:
    with pytest.raises(WbsiteError, match="no 99 clusters"):
        draw("cluster-explorer", clusters=99)


@pytest.fixture(scope="module")
def explorer(draw: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a page with the explorer."""
    folder = tmp_path_factory.mktemp("explorer")
    html, files = figure_html("cluster-explorer", 1, draw("cluster-explorer", clusters=5))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    script = (ROOT / "templates/assets/js/clusters.js").read_text(encoding="utf-8")
    (folder / "index.html").write_text(f"<!doctype html><meta charset=utf-8>{html}<script>{script}</script>", "utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *given: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


def test_keys_choose_the_clusters_and_the_layer(browser: Any, explorer: str, draw: Callable[..., Any]) -> None:
    views = json.loads(draw("cluster-explorer").files["clusters-cifar10-small.json"])["views"]
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(explorer)
    first = page.locator("tr[data-row='0'] td").all_inner_texts()
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[data-drawn='6 last']")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("[data-drawn='5 last']")
    assert page.locator("tr[data-row='0'] td").all_inner_texts() == first, "the script draws as the page was made"
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    k = max(views, key=int)
    page.wait_for_selector(f"[data-drawn='{k} before']")
    assert page.locator(".wb-clusters thead th").count() == int(k) + 1
    shown = [int(text or 0) for text in page.locator("tr[data-row='1'] td").all_inner_texts()]
    assert shown == views[k]["shares"]["before"][1]
    assert f"{views[k]['stability']:.3f}" in page.locator(".wb-clusters-said").inner_text()
    assert not errors
    page.close()


def test_the_page_says_so_when_the_other_clusters_cannot_be_loaded(browser: Any, explorer: str) -> None:
    page = browser.new_page()
    page.route("**/clusters-*.json", lambda route: route.abort())
    page.goto(explorer)
    before = page.locator("tr[data-row] td").all_inner_texts()
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.wb-clusters-said').textContent.includes('could not be loaded')"
    )
    assert page.locator("tr[data-row] td").all_inner_texts() == before
    page.close()


def test_a_span_without_any_number_is_the_whole_range() -> None:
    import pandas as pd

    assert span(pd.DataFrame({"index": [math.nan], "low": [math.nan], "high": [math.nan]})) == (-1.0, 1.0)


def test_numbers_are_rounded_once(site: Site, draw: Callable[..., Any]) -> None:
    """0.28249 is 0.282; rounded to 0.2825 first, it would be 0.283 or 0.282 as it happens."""
    laboratory = Laboratory.open(Scene(site))
    assert isinstance(laboratory, Laboratory)
    summary = laboratory.summary[laboratory.summary["place"] == "last"].set_index("experiment")
    table = draw("experiments-table").data.set_index("experiment")
    forest = draw("forest").data
    forest = forest[(forest["kind"] == "mean") & (forest["place"] == "last")].set_index("experiment")
    for name, row in summary.iterrows():
        for drawn in (table.loc[name, "last_index"], forest.loc[name, "index"]):
            assert drawn == pytest.approx(row["index"], abs=1e-8), "a file has more decimals than a page shows"
    panels = draw("intervention", experiment="rotated").data.set_index("experiment")
    assert panels.loc["baseline", "last_index"] == pytest.approx(summary.loc["baseline", "index"], abs=1e-8)


def test_the_explorer_leaves_out_what_it_says_it_leaves_out(site: Site, draw: Callable[..., Any]) -> None:
    """By layer: an experiment may have kernels of another size in one of its two layers alone."""
    laboratory = Laboratory.open(Scene(site))
    assert isinstance(laboratory, Laboratory)
    clusters = site.suite("banding").result(Clusters)
    assert clusters is not None
    other = Clusters.frame(
        "other_sizes",
        [
            {
                "setting": laboratory.setting,
                "experiment": "vgg19_baseline",
                "seed": 0,
                "place": "before",
                "kernel": "3×3",
                "units": 24,
            }
        ],
    )
    fields = {name: getattr(clusters, name) for name in Clusters.fields}
    views = ClusterViews(laboratory, Clusters(**{**fields, "other_sizes": other}))
    assert views.other_sizes("before") == ["vgg19_baseline"]
    assert views.other_sizes("last") == []


def test_a_click_on_a_name_brings_its_network_out(draw: Callable[..., Any]) -> None:
    """A legend hears clicks only where the selection belongs to the layer that it comes from."""
    import vl_convert

    vega = vl_convert.vegalite_to_vega(draw("banding-across").chart)
    marks = {mark for signal in vega["signals"] for on in signal.get("on", ()) for mark in _marks(on)}
    names = {part.get("name") for legend in vega["legends"] for part in legend.get("encode", {}).values()}
    assert {"model_legend_labels", "model_legend_symbols"} <= marks & names


def _marks(on: Any) -> Iterator[str]:
    events = on.get("events")
    for event in events if isinstance(events, list) else [events]:
        if isinstance(event, dict) and "markname" in event:
            yield event["markname"]
