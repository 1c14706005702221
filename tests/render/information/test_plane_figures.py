"""The information plane: what is drawn is what the store holds, runs that died are counted out, the player plays."""

from __future__ import annotations

import functools
import html
import http.server
import io
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planes import ESTIMATORS, plane_site, study
from waiting import until

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.render.assets import vega_bundle
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.render.information._animation import animation, refuse
from wbsite.render.information._plane_drawing import ticks
from wbsite.render.information._planes import study_result
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.site import Site
from wbsite.train.study.study import Configuration

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ("tables.js", "charts.js", "planes.js")
FIGURES = ("information-plane", "information-planes")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plane_site(tmp_path_factory.mktemp("planes"))


def draw(site: Site, name: str, **options: Any) -> Any:
    figure, scene = registry.named("figures", name, "figure"), Scene(site, options=options)
    figure.check(scene)
    return figure.draw(scene)


def stored(site: Site) -> pd.DataFrame:
    plane = study_result(Scene(site), InformationPlane)
    assert not isinstance(plane, Gap)
    return plane.rows


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_how_it_was_measured_and_its_files_are_there(site: Site, name: str) -> None:
    import vl_convert

    drawing = draw(site, name)
    assert isinstance(drawing, Drawing)
    for said in ("bins 0.07 wide", "64 samples of harmonics", "over the runs that lived to the end"):
        assert said in drawing.method + drawing.body
    assert "nan" not in drawing.alt and "nan" not in drawing.body
    html, files = figure_html(name, 1, drawing)
    for file in re.findall(r'data-spec="(.*?)"', html):
        assert f'"url":"{name}.csv"' in files[file].decode()
        vl_convert.vegalite_to_vega(json.loads(files[file]))


def test_means_are_those_of_the_runs_that_lived(site: Site) -> None:
    rows = stored(site)
    rows = rows[~((rows["configuration"] == "relu-0.8") & (rows["seed"] == 1))]
    key = ["configuration", "estimator", "layer", "epoch"]
    wanted = rows.groupby(key)[["i_xt", "i_ty"]].agg(["mean", "min", "max"])
    drawn = pd.concat(
        draw(site, "information-plane", configuration=name, estimator=token).data
        for name, token in itertools.product(("tanh-none", "relu-0.8"), ESTIMATORS)
    ).set_index(key)
    assert len(drawn) == len(wanted)
    for column, end, how in itertools.product(("i_xt", "i_ty"), ("", "_low", "_high"), ("mean", "min", "max")):
        if {"": "mean", "_low": "min", "_high": "max"}[end] == how:
            np.testing.assert_allclose(drawn[column + end].sort_index(), wanted[column, how].sort_index(), atol=5.1e-5)
    assert drawn.groupby("configuration")["runs"].unique().map(list).to_dict() == {"tanh-none": [3], "relu-0.8": [2]}


def test_the_side_by_side_figure_has_every_configuration_titled_by_what_differs(site: Site) -> None:
    drawing = draw(site, "information-planes")
    titles = re.findall(r'wb-charts-title">(.*?) <small>(.*?)</small>', drawing.body)
    assert titles == [("tanh, no max-norm", "3 runs"), ("relu, max-norm 0.8", "2 of 3 runs lived")]
    assert set(drawing.data["configuration"]) == {"tanh-none", "relu-0.8"}
    assert set(drawing.data["estimator"]) == {"binning:0.07"}


def unpacked(path: list[list[int]]) -> np.ndarray:
    return np.cumsum([column for column in path if column], axis=1) / 1000


def test_a_configurations_file_holds_every_run_and_how_each_died(site: Site) -> None:
    files = draw(site, "information-plane").files
    file = json.loads(files["information-plane-relu-0.8.json"])
    rows = stored(site)
    rows = rows[rows["configuration"] == "relu-0.8"].dropna()
    runs = 0
    for token, of in file["estimators"].items():
        for seed, layers in of["paths"].items():
            for layer, path in layers.items():
                if seed == "mean":
                    continue
                run = rows[(rows["estimator"] == token) & (rows["seed"] == int(seed)) & (rows["layer"] == layer)]
                np.testing.assert_allclose(unpacked(path), run[["i_xt", "i_ty"]].to_numpy().T, atol=5.1e-4)
                runs += 1
    assert runs == 2 * 3 * 3
    assert file["died"] == {"1": "died at epoch 5: constant output"}
    assert file["alive"] == "2 of 3 runs lived"


def test_without_a_run_that_lived_there_is_no_mean_and_still_a_figure(tmp_path: Path) -> None:
    of = study()
    site = plane_site(tmp_path, of, dead={("tanh-none", seed): 0 for seed in of.seeds})
    drawing = draw(site, "information-plane", configuration="tanh-none")
    assert drawing.data.empty
    assert "no run lived to the end" in drawing.alt
    assert "No mean to show: 0 of 3 runs lived" in drawing.body
    assert "no run lived to the end" in draw(site, "information-planes").alt


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    site = plane_site(tmp_path, study(seeds=(4,)))
    drawing = draw(site, "information-plane")
    assert drawing.data[["i_xt_low", "i_ty_high"]].isna().all(axis=None)
    assert "crosses" not in drawing.body
    path = json.loads(drawing.files["information-plane-tanh-none.json"])["estimators"]["binning:0.07"]["paths"]["mean"]
    assert path["layer 1"][2:] == [[], [], [], []]


def test_many_configurations_stay_within_the_page(tmp_path: Path) -> None:
    many = tuple(Configuration(widths=(width, *[3] * depth)) for width in (10, 20) for depth in range(11))
    site = plane_site(tmp_path, study(configurations=many, epochs=200, records=75, seeds=(0, 1)))
    drawing = draw(site, "information-planes")
    assert drawing.body.count("<svg") == 22
    assert len(figure_html("information-planes", 1, drawing)[0]) < 155_000
    assert len(set(re.findall(r"--wb-key:(#\w+)", html.unescape(drawing.body)))) == 12


@pytest.mark.parametrize("options", [{"configuration": "tanh-9"}, {"estimator": "binning:9"}])
def test_what_was_not_computed_is_refused_by_name(site: Site, options: dict[str, str]) -> None:
    with pytest.raises(WbsiteError, match="9"):
        draw(site, "information-plane", **options)


@pytest.mark.parametrize("name", FIGURES)
def test_without_a_study_there_is_a_gap(site: Site, name: str) -> None:
    empty = Site(site.store, ["speck"])
    empty.suites = []
    assert isinstance(draw(empty, name), Gap)


def test_ticks_are_round_and_reach_the_end() -> None:
    assert ticks(12) == [0, 2, 4, 6, 8, 10, 12]
    assert ticks(0.99916) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(3.32) == [0, 0.5, 1, 1.5, 2, 2.5, 3]


@pytest.mark.parametrize("records", [3, 6])
def test_the_moving_picture_has_a_frame_a_record_and_holds_the_last(tmp_path: Path, records: int) -> None:
    from PIL import Image

    site = plane_site(tmp_path, study(records=records), dead={})
    study_results = site.suite("information-plane")
    places = study_results.record["results"]
    entries = {name: site.store.get(places[name][""]["key"]) for name in ("trajectories", "information_plane")}
    picture = Image.open(io.BytesIO(animation(entries, Progress())))
    assert (picture.format, picture.size[0], picture.n_frames) == ("WEBP", 1280, len(study(records=records).moments))
    assert picture.info["loop"] == 0
    frames = []
    for frame in range(picture.n_frames):
        picture.seek(frame)
        frames.append(np.asarray(picture.convert("RGB")))
    assert all((a != b).any() for a, b in itertools.pairwise(frames))
    assert picture.info["duration"] > 1000


@pytest.mark.parametrize(
    ("analysis", "format", "said"), [("tuning", "webp", "no animation"), ("information-plane", "mp4", "ffmpeg")]
)
def test_what_cannot_be_shown_moving_is_refused(analysis: str, format: str, said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        refuse(analysis, format)
    refuse("information-plane", "webp")
    refuse("tuning", "csv")


@pytest.fixture(scope="module")
def address(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with the player, as the site serves it."""
    folder = tmp_path_factory.mktemp("player")
    html, files = figure_html("information-plane", 1, draw(site, "information-plane"))
    scripts = "".join(f"<script src=js/{name}></script>" for name in SCRIPTS)
    head = "<!doctype html><meta charset=utf-8><style>.wb-chart { width: 100% }</style>"
    page = f'{head}<body data-md-color-scheme="default">{html}{scripts}'
    (folder / "js").mkdir()
    for name in SCRIPTS:
        files[f"js/{name}"] = (ROOT / "templates/assets/js" / name).read_bytes()
    files |= {"vega.js": vega_bundle().encode(), "favicon.ico": b""}
    files["charts.json"] = (ROOT / "templates/assets/charts.json").read_bytes()
    files["index.html"] = page.encode()
    for name, data in files.items():
        (folder / name).write_bytes(data)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *given: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


@pytest.fixture
def player(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """player(reduced motion) opens the page, drawn; nothing may be said on its console."""
    opened: list[Any] = []
    errors: list[str] = []

    def open_page(motion: str = "no-preference") -> Any:
        page = browser.new_page(reduced_motion=motion)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda told: errors.append(told.text) if told.type in ("error", "warning") else None)
        page.goto(address)
        page.wait_for_selector(".wb-chart[data-drawn]", timeout=20_000)
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert errors == []


def dots(page: Any) -> list[tuple[str, ...]]:
    """Layer, epoch and bits of the dots, as a reader's pointer shows them."""
    labels = page.locator(".wb-chart [aria-label*='epoch: ']")
    texts = labels.evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    found = [
        re.search(r"layer: ([\w ]+?); epoch: (\d+); I\(X;T\): ([\d.]+); I\(T;Y\): ([\d.]+)", text) for text in texts
    ]
    return [one.groups() for one in found if one]


def test_slider_and_selects_show_what_the_store_holds(player: Callable[..., Any], site: Site) -> None:
    page = player()
    last = dots(page)
    assert [dot[:2] for dot in last] == [("layer 1", "30"), ("layer 2", "30"), ("output", "30")]
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    page.wait_for_selector("[data-place='0']")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("[data-place='1']")
    assert {dot[1] for dot in dots(page)} == {"1"}
    assert page.locator("output").inner_text() == "epoch 1"
    page.keyboard.press("End")
    page.wait_for_selector("[data-place='5']")
    assert dots(page) == last

    page.select_option("select[name=configuration]", "relu-0.8")
    page.select_option("select[name=estimator]", "kde-upper:0.001")
    page.wait_for_selector("[data-drawn='relu-0.8 kde-upper:0.001 mean']")
    assert "2 of 3 runs lived" in page.locator(".wb-planes-said").inner_text()
    drawn = draw(site, "information-plane", configuration="relu-0.8", estimator="kde-upper:0.001").data
    ends = drawn[drawn["epoch"] == 30][["i_xt", "i_ty"]].to_numpy()
    np.testing.assert_allclose([[float(bits) for bits in dot[2:]] for dot in dots(page)], ends, atol=1.1e-3)

    page.select_option("select[name=run]", "1")
    page.wait_for_selector("[data-drawn='relu-0.8 kde-upper:0.001 1']")
    assert "died at epoch 5" in page.locator(".wb-planes-said").inner_text()
    rows = stored(site)
    run = rows[(rows["configuration"] == "relu-0.8") & (rows["seed"] == 1) & (rows["estimator"] == ESTIMATORS[1])]
    ends = run[run["epoch"] == 2][["i_xt", "i_ty"]].to_numpy()  # the last record before it died
    np.testing.assert_allclose([[float(bits) for bits in dot[2:]] for dot in dots(page)], ends, atol=1.1e-3)


def test_the_caption_follows_the_menus(player: Callable[..., Any], site: Site) -> None:
    """It names the network and run that are drawn: first without the script, then by the numbers in the store."""
    page = player()
    caption, figure = page.locator("figcaption strong"), page.locator("figure")
    assert caption.inner_text() == unescape(draw(site, "information-plane").finding)
    page.select_option("select[name=configuration]", "relu-0.8")
    page.select_option("select[name=estimator]", "kde-upper:0.001")
    page.wait_for_selector("[data-drawn='relu-0.8 kde-upper:0.001 mean']")
    drawn = draw(site, "information-plane", configuration="relu-0.8", estimator="kde-upper:0.001")
    assert caption.inner_text() == unescape(drawn.finding)
    assert "“relu, max-norm 0.8”" in caption.inner_text()
    assert figure.get_attribute("aria-label") == caption.inner_text()
    page.select_option("select[name=configuration]", "tanh-none")
    page.select_option("select[name=run]", "2")
    page.wait_for_selector("[data-drawn='tanh-none kde-upper:0.001 2']")
    rows = stored(site).query("configuration == 'tanh-none' and seed == 2 and estimator == 'kde-upper:0.001'")
    falls = rows[rows["layer"] != "output"].groupby("layer")["i_xt"].agg(lambda path: path.max() - path.iloc[-1])
    assert caption.inner_text() == (
        f"Of the hidden layers' paths in seed 2 of “tanh, no max-norm”, {falls.idxmax()}'s ends furthest left of where"
        f" it has been, by {falls.max():.2f} bits."
    )


def test_play_runs_from_the_first_record_to_the_last_and_can_be_stopped(player: Callable[..., Any]) -> None:
    page = player()
    page.evaluate("""() => {
        const box = document.querySelector(".wb-planes");
        window.seen = [];
        new MutationObserver(() => {
            const labels = [...box.querySelectorAll("[aria-label*='epoch: ']")].map((dot) => dot.ariaLabel);
            window.seen.push(labels.map((label) => Number(label.match(/epoch: (\\d+);/)[1])));
        }).observe(box, { attributes: true, attributeFilter: ["data-place"] });
    }""")
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    until(page, "window.seen.length >= 6")
    assert page.evaluate("window.seen") == [[epoch] * 3 for epoch in study().moments]
    page.get_by_role("button", name="Play").wait_for()
    assert {dot[1] for dot in dots(page)} == {"30"}
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    place = page.locator("input[type=range]").input_value()
    page.wait_for_timeout(300)
    assert page.locator("input[type=range]").input_value() == place


def test_who_wants_no_motion_steps(player: Callable[..., Any]) -> None:
    page = player("reduce")
    button = page.get_by_role("button", name="Step")
    for place in (0, 1, 2):
        button.click()
        page.wait_for_selector(f"[data-place='{place}']")
    page.wait_for_timeout(300)
    assert page.locator("input[type=range]").input_value() == "2"
