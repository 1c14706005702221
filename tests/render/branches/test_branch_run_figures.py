"""Figures of the branch experiments: every run is in them, chance is drawn beside it, gaps are said."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.branches.experiments._branch_runs import axis_of
from wbsite.render.figure import CAPTION_WORDS, Drawing, Gap, Scene, figure_html
from wbsite.results.branches.branch_experiments import BranchExperiments
from wbsite.results.site import Site

FIGURES = ("branch-differences", "branch-time", "branch-filters")

TRAINED: dict[str, dict[str, Any]] = {
    "undivided": {},
    "two": {"branches": 2, "parting": 3.0},
    "four": {"branches": 4},
    "undivided_grey": {"group": "removed", "order": 5, "baseline": "undivided_grey"},
    "two_grey": {
        "branches": 2, "parting": 0.0, "group": "removed", "order": 6, "baseline": "undivided_grey",
        "parameters": {"branches": 2, "colours": "removed", "depth": 2},
    },
    "alexnet_towers": {"branches": 2, "group": "architecture", "order": 11, "title": "<two> towers"},
}  # fmt: skip
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
    said = f"{drawing.finding} {drawing.caption}"
    assert "cifar10" in said + drawing.method
    assert "Rank eta squared" in drawing.method
    assert drawing.finding and len(re.sub(r"<[^>]+>", "", said).split()) <= CAPTION_WORDS
    assert "nan" not in (drawing.alt + said + drawing.method).lower().split()
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
    table = draw("branch-differences").data
    counts = table[table["kind"] == "run"].groupby(["setting", "experiment"])["seed"].nunique()
    assert counts["cifar10-small"].to_dict() == {"alexnet_towers": 1, "four": 3, "two": 3, "two_grey": 3}
    assert counts[TINY].to_dict() == {"two": 3}
    means = table[table["kind"] == "mean"].set_index(["setting", "experiment"])
    assert means["split"].notna().all()
    four, two = means.loc[("cifar10-small", "four"), "split"], means.loc[("cifar10-small", "two"), "split"]
    assert four > 2 * two, "chance gives more branches a larger share"


def test_marks_of_data_sets_stand_below_each_other_in_their_experiments_row(draw: Callable[..., Any]) -> None:
    table = draw("branch-differences").data
    assert table.groupby(["setting", "experiment"])["y"].nunique().eq(1).all()
    two = table[(table["experiment"] == "two") & (table["kind"] == "mean")].set_index("dataset")["y"]
    assert two["cifar10"] < two["tiny"]
    rows = table.drop_duplicates("experiment").sort_values("row")
    assert list(rows["experiment"]) == ["two", "four", "two_grey", "alexnet_towers"]
    # The next row begins below the last data set's marks.
    assert (rows["row"].diff().dropna() > two["tiny"] - rows["row"].iloc[0]).all()


def test_another_property_is_another_figure(draw: Callable[..., Any]) -> None:
    found = [draw("branch-differences", property=name) for name in ("chroma", "frequency", "frequency beyond colour")]
    assert len({drawing.finding for drawing in found}) == len({drawing.method for drawing in found}) == 3
    shares = [drawing.data[drawing.data["kind"] == "run"]["share"].tolist() for drawing in found]
    assert shares[0] != shares[1] != shares[2]
    with pytest.raises(WbsiteError, match=r"unknown property.*'colour'"):
        draw("branch-differences", property="colour")


def test_the_course_of_means_and_runs_with_the_limit_of_chance(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-time")
    data = drawing.data[(drawing.data["setting"] == "cifar10-small") & (drawing.data["experiment"] == "two")]
    end = data[data["epoch"] == 2.0]
    runs = end.loc[end["kind"] == "run", "share"]
    assert len(runs) == 3
    mean = end[end["kind"] == "mean"].iloc[0]
    assert mean["share"] == pytest.approx(runs.mean(), abs=1e-4)
    assert mean["expected"] < mean["limit"]
    assert set(drawing.data["experiment"]) == {"two", "four", "alexnet_towers"}, "those on pictures as they are"
    other = draw("branch-time", experiments="two_grey, four_grey")
    assert set(other.data["experiment"]) == {"two_grey"}
    assert "Not run: four_grey." in other.method
    assert "within chance at the end" in other.alt
    assert isinstance(draw("branch-time", experiments="four_hues"), Gap)
    with pytest.raises(WbsiteError, match="'twoo'"):
        draw("branch-time", experiments="twoo")


def test_the_finding_counts_the_trainings_beyond_chance(draw: Callable[..., Any]) -> None:
    runs = draw("branch-differences", setting="cifar10-small").data
    for experiment, drawing in (
        ("two", draw("branch-filters", experiment="two")),
        ("four", draw("branch-filters", experiment="four")),
    ):
        beyond = int(runs.loc[(runs["experiment"] == experiment) & (runs["kind"] == "run"), "beyond_chance"].sum())
        count = {0: "none of three", 1: "one of three", 2: "two of three", 3: "all three"}[beyond]
        assert f"by more than chance in {count} trainings." in drawing.finding
    assert draw("branch-filters", experiment="two").finding.startswith("One branch is more colourful than the other")
    every = runs[runs["kind"] == "mean"]
    always = set(every.loc[every["beyond_chance"] == every["seeds"], "title"])
    assert "two" in always and "two_grey" not in always
    assert draw("branch-differences").finding.startswith("In every training of two")
    assert draw("branch-differences", property="frequency beyond colour").finding.startswith("In no experiment")


def test_marks_of_a_chart_lie_within_its_axis(draw: Callable[..., Any]) -> None:
    """Nothing is drawn at the end of an axis that lies beyond it, such as the end of an interval below 0."""
    for name in ("chroma", "frequency", "frequency beyond colour"):
        drawing = draw("branch-differences", property=name)
        scales = [
            layer["encoding"]["x"]["scale"]
            for layer in drawing.chart["layer"]
            if "scale" in layer["encoding"].get("x", {})
        ]
        (low, high), *others = [scale["domain"] for scale in scales]
        assert not others or all(domain == [low, high] for domain in others)
        assert not any(scale.get("clamp") for scale in scales)
        marks = drawing.data[["share", "split_low", "split_high"]].to_numpy(float)
        assert low <= np.nanmin(marks) and np.nanmax(marks) <= high
        time = draw("branch-time", property=name)
        for spec in (json.loads(data) for file, data in time.files.items() if file.endswith(".vl.json")):
            low, high = spec["layer"][1]["encoding"]["y"]["scale"]["domain"]
            marks = time.data[["share", "limit"]].to_numpy(float)
            assert low <= np.nanmin(marks) and np.nanmax(marks) <= high


def test_three_values_of_a_share_get_no_interval(draw: Callable[..., Any]) -> None:
    """Student's t of three numbers between 0 and 1 would reach below 0."""
    for name in FIGURES:
        drawing = draw(name)
        assert "Student" not in drawing.method + drawing.caption
        assert not {"low", "high"} & set(drawing.data.columns)


def test_every_training_is_shown_with_its_most_colourful_branch_first(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-filters", experiment="four")
    assert set(drawing.data["experiment"]) == {"four"}
    assert list(dict.fromkeys(drawing.data["seed"])) == [0, 1, 2]
    assert drawing.body.count("<img") == len(drawing.files) == 3 * 4
    for _, run in drawing.data.groupby("seed"):
        medians = run.groupby("branch", sort=False)["chroma"].median()
        assert medians.is_monotonic_decreasing
        for _, branch in run.groupby("branch"):
            assert branch["chroma"].is_monotonic_decreasing
    assert set(draw("branch-filters").data["experiment"]) == {"alexnet_towers"}, "what the page shows first"
    assert draw("branch-filters").finding.endswith(("in the one training.", "in no training, of one."))


def test_the_picture_of_a_branch_holds_its_filters_in_order(draw: Callable[..., Any], site: Site) -> None:
    drawing = draw("branch-filters", experiment="two", seed=0)
    kernels = site.suite("branches").result(BranchExperiments).kernels["cifar10-small/two/0"]
    for branch, inside in drawing.data.groupby("branch"):
        picture = np.asarray(Image.open(io.BytesIO(drawing.files[f"two-seed0-branch{branch}.png"])))
        columns = (picture.shape[1] + 1) // 8
        for place, unit in enumerate(inside["unit"]):
            y, x = place // columns * 8, place % columns * 8
            assert np.array_equal(picture[y : y + 7, x : x + 7, :3], kernels[unit])


def test_a_page_can_ask_for_the_filters_of_a_run(draw: Callable[..., Any]) -> None:
    drawing = draw("branch-filters", experiment="two", seed=2, setting=TINY)
    assert {*drawing.data["setting"], *drawing.data["seed"]} == {TINY, 2}
    whole = draw("branch-filters", experiment="undivided")
    assert "undivided, median chroma" in whole.body
    assert "η²" not in whole.finding + whole.caption + whole.method, "nothing is divided"
    assert re.match(r"Undivided, \d+ of 72 filters are colour", whole.finding)
    assert "there are: 0, 1, 2" in draw("branch-filters", experiment="two", seed=9).reason
    assert "four_hues" in draw("branch-filters", experiment="four_hues").reason
    with pytest.raises(WbsiteError, match="'fuor'"):
        draw("branch-filters", experiment="fuor")


def test_only_undivided_networks_leave_nothing_to_compare(
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
    assert all(isinstance(drawing, Gap) for drawing in found.values())


def test_an_axis_holds_what_is_drawn_and_ends_at_one() -> None:
    import pandas as pd

    def ends(*shares: float) -> float:
        return axis_of(pd.DataFrame({"share": shares}), ["share"])[0]

    assert (ends(0.01), ends(0.31), ends(0.2), ends(1.4), ends(float("nan"))) == (0.2, 0.4, 0.2, 1.0, 1.0)
