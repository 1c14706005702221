"""Figures of training, compression and estimators: their numbers are the store's, dead runs are not averaged in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import planes
import pytest
import torch

from wbsite.analyses.base import StudyContext
from wbsite.analyses.information import plane_claims
from wbsite.core import registry
from wbsite.core.store import Store
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.render.information._plane_parts import spread_out, thinned
from wbsite.render.page import Writing
from wbsite.results.base import Result
from wbsite.results.information.counting import Baseline, Counting
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.plane_claims import PlaneClaims
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Site
from wbsite.train.study.study import Configuration, Study, product

SCRIPT = Path(__file__).resolve().parents[3] / "templates" / "assets" / "js" / "planes.js"
FIGURES = ("gradients", "plane-accuracy", "compression", "estimators")


def claims(of: Study, dead: Mapping[tuple[str, int], int], folder: Path) -> PlaneClaims:
    """The analysis of claims on a made-up study."""
    made, store = planes.made_up(of, dead), Store(folder / "made")
    needs = {name: store.put(f"{i}" * 64, result.contents(), {}) for i, (name, result) in enumerate(made.items())}
    context = StudyContext(of, SimpleNamespace(), torch.device("cpu"), {}, needs)  # type: ignore[arg-type]
    return plane_claims.run(context)


def site_of(folder: Path, of: Study | None = None, dead: Mapping[tuple[str, int], int] | None = None) -> Site:
    of = of or planes.study()
    dead = {run: at for run, at in planes.DEAD.items() if run[1] in of.seeds} if dead is None else dead
    return planes.plane_site(folder, of, dead, {"plane_claims": claims(of, dead, folder)})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site_of(tmp_path_factory.mktemp("study"))


def draw(site: Site, name: str, **options: Any) -> Any:
    figure, scene = registry.named("figures", name, "figure"), Scene(site, options=options)
    figure.check(scene)
    return figure.draw(scene)


def result(site: Site, analysis: type[Result]) -> Any:
    return site.suite("information-plane").result(analysis)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Site]:
    """Sites of unusual studies, by name."""
    many = product({"activation": ("tanh", "relu", "elu", "selu", "sigmoid"), "max_norm": (None, 0.8, 0.4, 0.2)})
    deep = (Configuration("tanh", (4,)), Configuration("tanh", (4, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2)))
    known: dict[str, tuple[Study, dict[tuple[str, int], int]]] = {
        "one seed": (planes.study(seeds=(4,)), {}),
        "one configuration": (planes.study(configurations=(Configuration("tanh", (3, 2)),)), {}),
        "many": (planes.study(configurations=(*many, *product({"activation": ("relu6", "linear")}))), {}),
        "deep": (planes.study(configurations=deep), {}),
        "one estimator": (planes.study(estimators=("edge",)), {}),
        "two records": (planes.study(epochs=1, records=2), {}),
    }

    def of(name: str) -> Site:
        study, dead = known[name]
        return site_of(tmp_path_factory.mktemp("study"), study, dead)

    return of


def checked(name: str, drawing: Any) -> None:
    """What every figure keeps."""
    import vl_convert

    assert isinstance(drawing, Drawing)
    told = drawing.alt + drawing.finding + drawing.caption + drawing.method + drawing.body
    assert "nan" not in told.lower().replace("(", " ").replace(")", " ").split()
    assert "None" not in told
    assert drawing.finding.endswith(".") and drawing.method
    html, files = figure_html(name, 1, drawing)
    assert len(drawing.data)
    assert "harmonics" in html
    for file in (file for file in files if file.endswith(".vl.json")):
        spec = json.loads(files[file])
        assert f'"url": "{name}.csv"' in json.dumps(spec)
        vl_convert.vegalite_to_vega(spec)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_with_its_data(site: Site, name: str) -> None:
    checked(name, draw(site, name))


@pytest.mark.parametrize("which", ["one seed", "one configuration", "many", "deep", "one estimator", "two records"])
def test_studies_of_other_sizes(studies: Callable[[str], Site], which: str) -> None:
    site = studies(which)
    for name in FIGURES:
        drawing = draw(site, name)
        checked(name, drawing)
        _, files = figure_html(name, 1, drawing)
        assert sum(len(data) for name, data in files.items() if not name.endswith(".svg")) < 500_000


@pytest.mark.parametrize("name", FIGURES)
def test_where_nothing_was_trained_there_is_a_gap(site: Site, name: str) -> None:
    empty = Site(site.store, ["speck"])
    empty.suites = []
    assert isinstance(draw(empty, name), Gap)


@pytest.mark.parametrize("name", FIGURES)
def test_a_study_in_which_every_run_died_is_shown_or_left_out_with_the_reason(tmp_path: Path, name: str) -> None:
    of = planes.study()
    site = site_of(tmp_path, of, {(configuration, seed): 2 for configuration in of.named() for seed in of.seeds})
    found = draw(site, name)
    if isinstance(found, Gap):
        assert found.reason
    else:
        checked(name, found)
        assert "lived" in found.finding + found.alt + found.body


def test_dead_runs_are_counted_and_not_averaged_in(site: Site) -> None:
    trained, plane = result(site, Trajectories), result(site, InformationPlane)
    course = trained.course
    last = course[(course["configuration"] == "relu-0.8") & (course["epoch"] == 30)].set_index("seed")["test_accuracy"]
    table = registry.named("claims", "plane-networks-table", "claim").evidence(site).networks
    assert (table[1].title, table[1].lived, table[1].runs) == ("relu, max-norm 0.8", 2, 3)
    assert table[1].test.mean == pytest.approx(last[[0, 2]].mean(), abs=1e-4)
    accuracy = draw(site, "plane-accuracy")
    data = accuracy.data[(accuracy.data["configuration"] == "relu-0.8") & (accuracy.data["part"] == "test")]
    end = data[data["epoch"] == 30].set_index("kind")
    assert end.loc["mean", "accuracy"] == pytest.approx(last[[0, 2]].mean(), abs=1e-4)
    assert end.loc["dead", "seed"] == 1
    assert "Dotted: runs that died" in accuracy.method
    drawing = draw(site, "compression")
    assert "relu, max-norm 0.8: 2 of 3 runs lived" in drawing.body
    runs = drawing.data[(drawing.data["kind"] == "run") & (drawing.data["configuration"] == "relu-0.8")]
    assert set(runs["seed"]) == {0, 2}
    rest = plane.final[["configuration", "estimator", "layer", "seed", "compression"]].merge(drawing.data, how="left")
    np.testing.assert_allclose(rest["bits"], rest["compression"], atol=1e-4)
    gradients = draw(site, "gradients").data
    assert set(gradients.loc[gradients["configuration"] == "relu-0.8", "seeds"]) == {2}


def test_an_estimators_bar_goes_from_the_largest_to_the_last(site: Site) -> None:
    rows = draw(site, "estimators").data.set_index(["configuration", "estimator", "layer"])
    means = result(site, InformationPlane).compression.set_index(["configuration", "estimator", "layer"])
    joined = rows.join(means[["mean", "final_xt"]])
    np.testing.assert_allclose(joined["largest"] - joined["last"], joined["mean"], atol=3e-4)
    np.testing.assert_allclose(joined["last"], joined["final_xt"], atol=1e-4)
    assert rows["y"].groupby("configuration").nunique().eq(6).all(), "lanes of layers fall on each other"


def test_options_choose_configurations_and_the_estimator(site: Site) -> None:
    for name in ("gradients", "plane-accuracy", "compression", "estimators"):
        drawing = draw(site, name, configurations="relu-0.8, relu-0.4")
        assert set(drawing.data["configuration"]) == {"relu-0.8"}
        assert "Not in this study: relu-0.4." in drawing.method
        assert isinstance(draw(site, name, configurations="selu"), Gap)
        assert set(draw(site, name, configurations=1).data["configuration"]) == {"tanh-none"}, "the first"
    other = draw(site, "compression", estimator="kde-upper:0.001")
    assert "KDE upper bound" in other.alt
    assert '<option value="kde-upper:0.001" selected>' in other.body
    assert "By KDE upper bound" in other.finding


def test_one_seed_has_no_interval(studies: Callable[[str], Site]) -> None:
    site = studies("one seed")
    networks = registry.named("claims", "plane-networks-table", "claim").evidence(site).networks
    assert all(np.isnan(each.test.low) for each in networks)
    means = draw(site, "compression").data
    assert means.loc[means["kind"] == "mean", ["low", "high"]].isna().all(axis=None)
    rows = registry.named("claims", "plane-notebook-table", "claim").evidence(site).rows
    assert next(row for row in rows if row.name == "tanh-last").verdicts == ["undecided", "undecided"]


def test_the_count_of_active_inputs_is_drawn_where_it_was_measured(tmp_path: Path) -> None:
    tables = {name: pd.DataFrame(columns=list(Counting.fields[name].columns)) for name in ("rows", "course")}
    counting = Counting(reason="", baseline=Baseline(accuracy=0.875, information=0.6), **tables)
    site = planes.plane_site(tmp_path / "counted", results={"counting": counting})
    assert "87.5 %" in draw(site, "plane-accuracy").method
    other_data = Counting(reason="not binary", **tables)
    none = planes.plane_site(tmp_path / "none", results={"counting": other_data})
    assert "Dashed" not in draw(none, "plane-accuracy").caption


def test_the_table_of_claims_has_what_each_estimator_says(tmp_path: Path) -> None:
    """In the order of the study, which the store does not keep."""
    site = site_of(tmp_path, planes.study(estimators=("quantile:30", "binning:0.07", "edge")))
    decisions = registry.named("claims", "tanh-last", "claim").evidence(site).decisions
    table = registry.named("claims", "plane-notebook-table", "claim").evidence(site)
    words = {True: "holds", False: "fails", None: "undecided"}
    titles = result(site, InformationPlane).titles
    assert table.estimators == list(titles.values())
    rows = {row.name: row for row in table.rows}
    assert rows["tanh-last"].verdicts == [words[decisions[token].holds] for token in titles]
    assert "relu-0.4" not in rows, "not in this study"
    html = Writing(site, "articles/x").claim("plane-notebook-table")
    assert html.count('<th scope="col">') == 2 + len(titles)
    for row in re.findall(r"<tr><th scope=.row.>.*?</tr>", html):
        assert row.count("<td>") == 1 + len(titles)


def test_runs_are_those_of_a_panel(site: Site, studies: Callable[[str], Site]) -> None:
    """Not of all panels together."""
    for name in ("gradients", "plane-accuracy", "compression", "estimators"):
        assert "2 to 3 runs of each network, of 3 that were trained" in draw(site, name).method
        assert "5 runs" not in draw(site, name).method
    assert "over 3 runs:" not in (one := draw(studies("one configuration"), "compression").method)
    assert "intervals over 3 runs." in one


@pytest.mark.parametrize(("name", "kinds"), [("compression", "estimator"), ("gradients", "quantity")])
def test_the_caption_follows_the_menu(browser: Any, site: Site, name: str, kinds: str) -> None:
    """What is said first is right without the script; afterwards it is what the figure would say of that choice."""
    drawing = draw(site, name)
    page = browser.new_page()
    page.set_content(figure_html(name, 1, drawing)[0])
    caption = page.locator("figcaption strong")
    assert caption.inner_text() == unescape(drawing.finding)
    page.add_script_tag(path=str(SCRIPT))
    menu = page.locator(f"select[data-parameter={kinds}]")
    values = menu.locator("option").evaluate_all("all => all.map((one) => one.value)")
    said = {}
    for value in values:
        menu.select_option(value)
        said[value] = caption.inner_text()
        assert page.locator("figure").get_attribute("aria-label") == said[value]
    assert len(set(said.values())) == len(values) > 1
    if name == "compression":
        assert said == {token: unescape(draw(site, name, estimator=token).finding) for token in values}
    else:
        norms = result(site, Trajectories).gradients.query("configuration == 'tanh-none' and layer == 'layer 2'")
        largest = norms.groupby("epoch")["weight_norm"].mean().idxmax()
        assert (
            said["weight_norm"]
            == f"In layer 2 of “tanh, no max-norm”, the norm of the weights is largest at epoch {largest}."
        )


def test_the_finding_is_decided_by_the_numbers(site: Site) -> None:
    means = draw(site, "compression").data.query("kind == 'mean' and layer != 'output' and estimator == 'binning:0.07'")
    most = means.loc[means["bits"].idxmax()]
    title = result(site, Trajectories).titles[most["configuration"]]
    finding = unescape(draw(site, "compression").finding)
    assert finding == f"By bins 0.07 wide, {most['layer']} of “{title}” loses most: {most['bits']:.2f} bits on average."
    flat = draw(site, "compression", configurations="relu-0.8").data.query("kind == 'mean'")["bits"].max()
    assert flat > 0.1, "else the other sentence is due"


def test_labels_keep_their_order_and_distance() -> None:
    moved = spread_out([0.0, 0.1, 5.0, 0.05], 1.0)
    assert sorted(range(4), key=lambda i: moved[i]) == [0, 3, 1, 2]
    assert min(np.diff(sorted(moved))) == pytest.approx(1)
    assert moved[2] == 5
    assert np.mean([moved[i] for i in (0, 1, 3)]) == pytest.approx(0.05)


def test_thinning_keeps_the_ends() -> None:
    assert thinned(range(100), 5) == [0, 25, 50, 74, 99]
    assert thinned([0, 1, 7], 50) == [0, 1, 7]
    assert thinned([0, 1, 7], 0) == [0, 7]
