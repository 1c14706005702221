"""Figures of activations and of the count: what is drawn is what the store holds, and too little to draw is said."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counters import ALL_DEAD, ONE_SEED, STUDY, other_data, results
from PIL import Image
from planes import plane_site

from wbsite.core import registry
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.render.information._heatmaps import NONE, SHADES, sheet, ticks
from wbsite.render.information._planes import study_result
from wbsite.results.information.activation_patterns import ActivationPatterns
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Site

FIGURES = ("activation-heatmap", "saturation", "dip", "activation-peaks")
SCRIPT = Path(__file__).resolve().parents[3] / "templates" / "assets" / "js" / "heatmaps.js"


@pytest.fixture(scope="module")
def made() -> Any:
    return results()


@pytest.fixture(scope="module")
def site(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plane_site(tmp_path_factory.mktemp("counters"), STUDY, {}, made)


def draw(site: Site, name: str, **options: Any) -> Any:
    figure, scene = registry.named("figures", name, "figure"), Scene(site, options=options)
    figure.check(scene)
    return figure.draw(scene)


def whole(drawing: Any, name: str) -> None:
    """What every figure keeps."""
    import vl_convert

    assert isinstance(drawing, Drawing)
    assert len(drawing.data)
    assert drawing.finding.endswith(".") and drawing.method
    for text in (drawing.alt, drawing.finding, drawing.caption, drawing.method, drawing.body):
        assert not {"nan", "None", "None."} & set(re.split(r"[\s,;:()]+", text))
    html, files = figure_html(name, 1, drawing)
    for file in re.findall(r'(?:data-spec|href)="([^"#]*?)"', html):
        assert file in files
    for file, data in files.items():
        if file.endswith(".vl.json"):
            assert f'"url":"{name}.csv"' in data.decode()
            vl_convert.vegalite_to_vega(json.loads(data))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_whole_and_the_same_every_time(site: Site, name: str) -> None:
    drawing = draw(site, name)
    whole(drawing, name)
    assert figure_html(name, 1, drawing) == figure_html(name, 1, draw(site, name))


@pytest.mark.parametrize("name", ["saturation", "dip", "activation-peaks"])
def test_the_configurations_asked_for_are_drawn_and_others_said(site: Site, name: str) -> None:
    drawing = draw(site, name, configurations="relu-0.8, gelu")
    whole(drawing, name)
    assert set(drawing.data["configuration"]) <= {"relu-0.8"}
    assert "Not in this study: gelu." in drawing.method
    assert isinstance(draw(site, name, configurations="gelu"), Gap)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("study", [ALL_DEAD, ONE_SEED], ids=("all dead", "one seed"))
def test_too_little_to_draw_is_said(name: str, study: Any, tmp_path: Path) -> None:
    drawing = draw(plane_site(tmp_path, study, {}, results(study=study)), name)
    if isinstance(drawing, Gap):
        assert study is ALL_DEAD
        assert not drawing.failed
    else:
        whole(drawing, name)


def test_without_binary_inputs_there_is_a_dip_but_no_count(tmp_path: Path) -> None:
    site = plane_site(tmp_path, STUDY, {}, results(other_data()))
    drawing = draw(site, "dip")
    whole(drawing, "dip")
    assert set(drawing.data["measure"]) == {"i_xt"}
    assert "where every input is off or on" in drawing.method
    gap = draw(site, "activation-peaks")
    assert isinstance(gap, Gap)
    assert "off or on" in gap.reason


@pytest.mark.parametrize("name", FIGURES)
def test_without_the_analyses_there_is_a_gap(name: str, tmp_path: Path) -> None:
    assert isinstance(draw(plane_site(tmp_path), name), Gap)


def test_means_leave_out_runs_that_died(site: Site, made: Any) -> None:
    drawing = draw(site, "dip")
    course = made["counting"].course.query("seed < 2 and configuration == 'tanh-none'")
    means = course.groupby("epoch")["accuracy"].mean()
    drawn = drawing.data.query("configuration == 'tanh-none' and measure == 'accuracy'").set_index("epoch")
    assert set(drawn["seeds"]) == {2}
    assert drawn["value"].to_numpy(float) == pytest.approx(means[drawn.index].to_numpy(), abs=1e-4)
    assert "2 runs of each network, of 3 that were trained" in drawing.method


def test_marks_stand_at_the_mean_of_every_count(site: Site, made: Any) -> None:
    data = draw(site, "activation-peaks").data
    unit = data.query("configuration == 'tanh-none' and layer == 'layer 1' and unit == 0")
    marks = unit.dropna(subset=["w"])
    assert marks["w"].tolist() == list(range(13))
    assert marks["at"].to_numpy() == pytest.approx(np.tanh(0.02 * np.arange(13)), abs=2e-3)


def test_a_sheet_holds_every_count_and_shows_no_record_that_is_not_there() -> None:
    counts = np.zeros((3, 4), np.uint16)
    counts[0] = [100, 0, 0, 0]
    counts[1] = [25, 25, 25, 25]
    picture = Image.open(io.BytesIO(sheet([counts, counts[::-1]])))
    assert picture.size == (3, 8)
    shades = np.array(picture)
    quarter = round(0.25 ** (1 / 3) * (SHADES - 1))
    assert shades[:4, 0].tolist() == [0, 0, 0, SHADES - 1], "the lowest bin is at the bottom"
    assert shades[:4, 1].tolist() == [quarter] * 4
    assert shades[:4, 2].tolist() == [NONE] * 4
    assert (shades[4:, ::-1] == shades[:4]).all()
    assert np.array(picture.convert("RGBA"))[0, 2, 3] == 0
    light = np.array(picture.convert("L"))
    assert light[0, 0] < light[0, 1] < light[3, 0], "more is lighter"


def test_epochs_stand_below_their_records() -> None:
    assert ticks([0]) == [(0, 50.0)]
    assert ticks(list(range(11))) == [(0, 4.5), (1, 13.6), (3, 31.8), (10, 95.5)]


def test_the_heatmap_names_its_run_and_its_range(site: Site) -> None:
    drawing = draw(site, "activation-heatmap", configuration="relu-0.8")
    assert "relu, max-norm 0.8, seed 0" in drawing.body
    assert re.findall(r'<image href="(.*?)"', drawing.body) == ["activations-relu-0.8.png"] * 3
    patterns = study_result(Scene(site), ActivationPatterns)
    assert not isinstance(patterns, Gap)
    top = patterns.ranges["relu-0.8"]["layer 1"][1]
    assert f"<b>{top:.3g}</b><b>0</b>" in drawing.body
    assert isinstance(draw(site, "activation-heatmap", configuration="gelu"), Gap)
    row = drawing.data.query("configuration == 'tanh-none' and layer == 'layer 2' and epoch == 30").iloc[0]
    assert row[[f"bin {n}" for n in range(1, 31)]].sum() == 3 * 4096


def test_a_title_from_a_file_cannot_break_the_page(made: Any, tmp_path: Path) -> None:
    trajectories = made["trajectories"]
    fields = {name: getattr(trajectories, name) for name in Trajectories.fields}
    configurations = [each.model_copy(update={"title": "</script><b>"}) for each in trajectories.configurations]
    changed = Trajectories(**{**fields, "configurations": configurations})
    site = plane_site(tmp_path, STUDY, {}, {**made, "trajectories": changed})
    for name in FIGURES:
        drawing = draw(site, name)
        assert "</script><b>" not in drawing.body + drawing.caption + drawing.finding + drawing.method
        facts = re.search(r'<script type="application/json">(.*?)</script>', drawing.body)
        if name == "activation-heatmap":
            assert facts
            assert json.loads(facts[1])["records"] == 6


def test_the_caption_follows_the_network_that_is_chosen(browser: Any, site: Site) -> None:
    page = browser.new_page()
    drawing = draw(site, "activation-heatmap")
    page.set_content(figure_html("activation-heatmap", 1, drawing)[0])
    for script in (SCRIPT, SCRIPT.with_name("planes.js")):
        page.add_script_tag(path=str(script))
    caption = page.locator("figcaption strong")
    assert caption.inner_text() == unescape(drawing.finding)
    page.select_option("select[name=configuration]", "relu-0.8")
    other = draw(site, "activation-heatmap", configuration="relu-0.8")
    assert caption.inner_text() == unescape(other.finding) != unescape(drawing.finding)


def test_of_many_networks_the_two_are_drawn_that_count_most_and_least(site: Site, made: Any) -> None:
    drawing = draw(site, "activation-peaks")
    explained = {
        name: hidden["hidden layers"].eta_w.mean for name, hidden in made["activation_peaks"].layers.items() if hidden
    }
    ends = {max(explained, key=explained.__getitem__), min(explained, key=explained.__getitem__)}
    assert set(drawing.data["configuration"]) == ends
    assert f"{100 * max(explained.values()):.1f}" in drawing.finding


def test_menus_choose_the_network_and_the_units(browser: Any, site: Site) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(draw(site, "activation-heatmap").body)
    page.add_script_tag(path=str(SCRIPT))

    def seen() -> tuple[str, list[str], list[str]]:
        panels = page.locator(".wb-heatmap")
        of = [panels.nth(n) for n in range(panels.count())]
        boxes = [str(each.locator("svg").get_attribute("viewBox")) for each in of]
        return page.locator("image").first.get_attribute("href"), [each.locator("p").inner_text() for each in of], boxes

    file, names, boxes = seen()
    assert (file, names) == ("activations-tanh-none.png", ["layer 1 4 units", "layer 2 3 units", "output 2 units"])
    assert boxes == ["0 0 6 30", "0 30 6 30", "0 60 6 30"]
    page.select_option("select[name=units]", "layer 2")
    _, names, boxes = seen()
    assert names == [f"unit {n} of layer 2" for n in (1, 2, 3)]
    assert boxes == ["0 210 6 30", "0 240 6 30", "0 270 6 30"], "after three layers and the four units of the first"
    page.select_option("select[name=configuration]", "relu-0.8")
    file, names, _ = seen()
    assert file == "activations-relu-0.8.png"
    assert names[0] == "unit 1 of layer 2"
    assert page.locator(".wb-heatmaps-said").inner_text() == "relu, max-norm 0.8, seed 0"
    page.select_option("select[name=units]", "")
    assert seen()[1][0] == "layer 1 4 units"
    assert not errors
    page.close()
