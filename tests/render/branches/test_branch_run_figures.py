"""Figures of the branch laboratory: every run is in them, chance is drawn beside it, gaps are said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.branches.experiments._branch_runs import axis_of
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.results.site import Site

FIGURES = ("branch-parting", "branch-time", "branch-kernels", "branch-lab")

TRAINED: dict[str, dict[str, Any]] = {
    "undivided": {},
    "two": {"branches": 2, "parting": 3.0},
    "four": {"branches": 4},
    "undivided_grey": {"group": "removed", "order": 5, "baseline": "undivided_grey"},
    "two_grey": {"branches": 2, "parting": 0.0, "group": "removed", "order": 6, "baseline": "undivided_grey"},
    "alexnet_towers": {"branches": 2, "group": "architecture", "order": 11, "title": "<two> towers"},
}
"""Experiment → what its runs are made of; each with three seeds, but the towers with one."""

TINY = "tiny-small_64"
"""Another setting, with two experiments."""


@pytest.fixture(scope="module")
def site(
    process: Callable[..., Any],
    branch_run: Callable[..., Any],
    speck_weights: Path,
    copy_store: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Site:
    """The results of made-up runs of two settings."""
    folder = tmp_path_factory.mktemp("branches")
    copy_store(folder)
    provenance = {**branch_run("two", 0, 2).record["provenance"], "dataset": "tiny"}
    for experiment, of in TRAINED.items():
        for seed in range(1 if experiment == "alexnet_towers" else 3):
            runs = [branch_run(experiment, seed, **of)]
            if experiment in ("undivided", "two"):
                runs.append(branch_run(experiment, seed, setting=TINY, provenance=provenance, **of))
            for run in runs:
                run.write(folder / "runs" / "branches" / f"{run.name}.npz")
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
def test_a_figure_is_drawn_with_its_data_and_says_what_it_was_trained_on(draw: Callable[..., Any], name: str) -> None:
    import vl_convert

    drawing = draw(name)
    assert isinstance(drawing, Drawing)
    assert "cifar10" in drawing.caption
    assert "seed" in drawing.caption
    assert "nan" not in (drawing.alt + drawing.caption).lower().split()
    html, files = figure_html("renamed", 1, drawing)
    assert "<two>" not in html
    for file in (file for file in files if file.endswith(".vl.json")):
        spec = json.loads(files[file])
        assert '"url": "renamed.csv"' in json.dumps(spec), "a chart asks for data under another figure's name"
        vl_convert.vegalite_to_vega(spec)


@pytest.mark.parametrize("name", FIGURES)
def test_without_runs_there_is_a_gap_that_says_what_to_do(site: Site, name: str) -> None:
    empty = Site(site.store, ["speck"])
    empty.suites = []
    found = registry.named("figures", name, "figure").draw(Scene(empty))
    assert isinstance(found, Gap)
    assert not found.failed
    assert "wbsite train branches" in found.reason


@pytest.mark.parametrize("name", FIGURES)
def test_a_setting_without_runs_leaves_a_gap_that_names_those_there_are(draw: Callable[..., Any], name: str) -> None:
    found = draw(name, setting="elsewhere")
    assert isinstance(found, Gap)
    assert "elsewhere" in found.reason
    assert "cifar10-small, tiny-small_64" in found.reason


def test_every_run_of_a_divided_network_is_a_mark_beside_what_chance_gives(draw: Callable[..., Any]) -> None:
    table = draw("branch-parting").data
    counts = table[table["kind"] == "run"].groupby(["setting", "experiment"])["seed"].nunique()
    assert counts["cifar10-small"].to_dict() == {"alexnet_towers": 1, "four": 3, "two": 3, "two_grey": 3}
    assert counts[TINY].to_dict() == {"two": 3}
    means = table[table["kind"] == "mean"].set_index(["setting", "experiment"])
    assert list(means.index[means["low"].isna()]) == [("cifar10-small", "alexnet_towers")]
    assert means["split"].notna().all()
    four, two = means.loc[("cifar10-small", "four"), "split"], means.loc[("cifar10-small", "two"), "split"]
    assert four > 2 * two, "chance gives more branches a larger share"


def test_marks_of_data_sets_stand_below_each_other_in_their_experiments_row(draw: Callable[..., Any]) -> None:
    table = draw("branch-parting").data
    assert table.groupby(["setting", "experiment"])["y"].nunique().eq(1).all()
    two = table[(table["experiment"] == "two") & (table["kind"] == "mean")].set_index("dataset")["y"]
    assert two["cifar10"] < two["tiny"]
    rows = table.drop_duplicates("experiment").sort_values("row")
    assert list(rows["experiment"]) == ["two", "four", "two_grey", "alexnet_towers"]
    # The next row begins below the last data set's marks.
    assert (rows["row"].diff().dropna() > two["tiny"] - rows["row"].iloc[0]).all()


def test_another_property_is_another_figure(draw: Callable[..., Any]) -> None:
    found = [draw("branch-parting", property=name) for name in ("chroma", "frequency", "frequency beyond colour")]
    assert len({drawing.caption for drawing in found}) == 3
    shares = [drawing.data[drawing.data["kind"] == "run"]["share"].tolist() for drawing in found]
    assert shares[0] != shares[1] != shares[2]
    with pytest.raises(WbsiteError, match=r"unknown property.*'colour'"):
        draw("branch-parting", property="colour")


def test_the_course_of_means_and_runs_with_the_limit_of_chance(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-time")
    data = drawing.data[(drawing.data["setting"] == "cifar10-small") & (drawing.data["experiment"] == "two")]
    end = data[data["epoch"] == 2.0]
    runs = end.loc[end["kind"] == "run", "share"]
    assert len(runs) == 3
    mean = end[end["kind"] == "mean"].iloc[0]
    assert mean["share"] == pytest.approx(runs.mean(), abs=1e-4)
    assert mean["expected"] < mean["limit"]
    assert set(drawing.data["experiment"]) == {"two", "four"}, "those on pictures as they are"
    other = draw("branch-time", experiments="two_grey, four_grey")
    assert set(other.data["experiment"]) == {"two_grey"}
    assert "Not run: four_grey." in other.caption
    assert "within chance at the end" in other.alt
    assert isinstance(draw("branch-time", experiments="four_hues"), Gap)
    with pytest.raises(WbsiteError, match="'twoo'"):
        draw("branch-time", experiments="twoo")


def test_filters_are_those_of_the_run_with_the_median_parting(draw: Callable[..., Any]) -> None:
    runs = draw("branch-parting", setting="cifar10-small").data
    four = runs[(runs["experiment"] == "four") & (runs["kind"] == "run")].sort_values("share")
    drawing = draw("branch-kernels")
    assert set(drawing.data["experiment"]) == {"four"}
    assert set(drawing.data["seed"]) == {four["seed"].iloc[1]}
    assert "the one with the median parting" in drawing.caption
    assert drawing.body.count("<img") == len(drawing.data) == 24
    assert drawing.body.count("<strong>branch ") == 4
    for _, branch in drawing.data.groupby("branch"):
        assert branch["chroma"].is_monotonic_increasing


def test_a_page_can_ask_for_the_filters_of_a_run(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-kernels", experiment="two", seed=2, setting=TINY)
    assert {*drawing.data["setting"], *drawing.data["seed"]} == {TINY, 2}
    assert "median parting" not in drawing.caption
    whole = draw("branch-kernels", experiment="undivided")
    assert "<strong>undivided</strong>" in whole.body
    assert "η²" not in whole.caption
    assert "median" not in whole.caption, "nothing parts, so no seed is the median"
    assert set(whole.data["seed"]) == {0}
    assert "there are: 0, 1, 2" in draw("branch-kernels", experiment="two", seed=9).reason
    assert "four_hues" in draw("branch-kernels", experiment="four_hues").reason
    with pytest.raises(WbsiteError, match="'fuor'"):
        draw("branch-kernels", experiment="fuor")


def test_the_table_has_every_experiment_and_intervals_where_there_are_any(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-lab")
    lines = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', drawing.body)
    assert [title for title, _ in lines] == [
        *("undivided", "two", "four", "undivided_grey", "two_grey", "&lt;two&gt; towers"),
        *("undivided", "two"),
    ]
    cells = {title: re.findall(r"<td>(.*?)</td>", line) for title, line in lines[:6]}
    assert cells["undivided"][1:8] == ["–"] * 7
    assert cells["two"][4] == "3 of 3"
    assert cells["two"][5] in ("0.5", "1")
    assert [line.count("<small>") for _, line in lines[:2]] == [1, 6]
    towers = cells["&lt;two&gt; towers"]
    assert [i for i, cell in enumerate(towers) if "<small>" in cell] == [2], "one seed: the random splits alone"
    assert drawing.body.count('scope="colgroup"') == 4
    assert "tiny: Pictures as they are" in drawing.body
    assert "tiny" not in draw("branch-lab", setting="cifar10-small").body


def test_only_undivided_networks_leave_nothing_to_part(
    process: Callable[..., Any],
    branch_run: Callable[..., Any],
    speck_weights: Path,
    copy_store: Callable[[Path], None],
    tmp_path: Path,
) -> None:
    copy_store(tmp_path)
    run = branch_run("undivided", 0)
    run.write(tmp_path / "runs" / "branches" / f"{run.name}.npz")
    ran = process(tmp_path, "compute", "--models", "speck", "--weights-dir", str(speck_weights), "--runs", "runs")
    assert ran.status == 0, ran.err
    scene = Scene(Site(Store(tmp_path / "build" / "store"), ["speck"]))
    found = {name: registry.named("figures", name, "figure").draw(scene) for name in FIGURES}
    assert {name for name, drawing in found.items() if isinstance(drawing, Gap)} == {*FIGURES} - {"branch-lab"}
    assert "no network in branches" in found["branch-lab"].alt


def test_an_axis_holds_what_is_drawn_and_ends_at_one() -> None:
    import pandas as pd

    def ends(*shares: float) -> float:
        return axis_of(pd.DataFrame({"share": shares}), ["share"])[0]

    assert (ends(0.01), ends(0.31), ends(0.2), ends(1.4), ends(float("nan"))) == (0.2, 0.4, 0.2, 1.0, 1.0)
