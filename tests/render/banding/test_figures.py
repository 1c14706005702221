"""Figures of the banding laboratory's interventions: a reader compares like with like, and is told what is missing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.banding._laboratory import Laboratory
from wbsite.render.banding.simplified_network import folded, part
from wbsite.render.figure import Drawing, Gap, Scene
from wbsite.render.page import Writing
from wbsite.results.banding.experiments import Experiments
from wbsite.results.estimate import Estimate
from wbsite.results.site import Site

FIGURES = ("simplified-network", "intervention", "common-architectures", "turned-pictures")


@pytest.fixture(scope="module")
def site(built: Path) -> Site:
    return Site(Store(built / "build" / "store"), ["speck"])


@pytest.fixture(scope="module")
def draw(site: Site) -> Callable[..., Any]:
    """Draws a figure of the built site: draw(name, option=…)."""

    def of(name: str, **options: Any) -> Any:
        scene = Scene(site, options=options)
        figure = registry.named("figures", name, "figure")
        figure.check(scene)
        return figure.draw(scene)

    return of


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_an_intervention_stands_below_its_baseline_with_as_many_units(draw: Callable[..., Any]) -> None:
    drawn = draw("intervention", experiment="fc_only")
    assert list(drawn.data["experiment"]) == ["baseline", "fc_only"]
    assert drawn.body.index("<strong>baseline</strong>") < drawn.body.index("<strong>no pooling, fully")
    # The baseline has two seeds and so twice the units; both show what the single run has.
    assert len(drawn.files) == 4
    assert {size(png) for png in drawn.files.values()} == {(16 * 6 - 1, 2 * 6 - 1)}
    assert "24 units, an even sample" in drawn.method
    assert "of the simplified network, trained on cifar10 for 2 epochs" in drawn.method


def test_an_interval_is_given_where_there_are_seeds_and_nowhere_else(draw: Callable[..., Any]) -> None:
    drawn = draw("intervention", experiment="fc_only")
    baseline, other = drawn.data.to_dict("records")
    assert baseline["last_low"] < baseline["last_index"] < baseline["last_high"]
    assert other["last_low"] != other["last_low"]
    repeated, single = drawn.body.split("<strong>no pooling")
    assert "2 seeds" in repeated
    assert " to " in repeated.split("<strong>5b</strong>")[1]
    assert "1 seed<" in single
    assert " to " not in single.split("<strong>5b</strong>")[1]
    assert "nan" not in drawn.body.lower()


def test_several_interventions_are_shown_in_the_order_in_which_they_are_asked_for(draw: Callable[..., Any]) -> None:
    drawn = draw("intervention", experiments="rotated, fc_only")
    assert list(drawn.data["experiment"]) == ["baseline", "rotated", "fc_only"]
    assert list(draw("intervention").data["experiment"]) == ["baseline", "rotated", "fc_only"]


def test_a_misspelt_experiment_is_refused_with_the_nearest_names(draw: Callable[..., Any]) -> None:
    with pytest.raises(WbsiteError, match=r"unknown experiment.*'rotatd'") as caught:
        draw("intervention", experiment="rotatd")
    assert "'rotated'" in caught.value.hint
    with pytest.raises(WbsiteError, match="takes the names of experiments"):
        draw("intervention", experiment=3)


def test_an_experiment_without_runs_is_named_and_not_drawn(draw: Callable[..., Any]) -> None:
    """An article must be built of whatever runs its reader has."""
    found = draw("intervention", experiment="x_pool")
    assert isinstance(found, Gap)
    assert "x_pool" in found.reason
    drawn = draw("intervention", experiments="rotated, x_pool")
    assert list(drawn.data["experiment"]) == ["baseline", "rotated"]
    assert "Not run: x_pool." in drawn.caption


@pytest.mark.parametrize("name", FIGURES)
def test_without_runs_a_figure_leaves_a_gap_that_says_so(
    site: Site, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "suites", [])
    found = registry.named("figures", name, "figure").draw(Scene(site))
    assert isinstance(found, Gap)
    assert "there were no runs" in found.reason


@pytest.mark.parametrize("name", FIGURES)
def test_a_setting_that_was_not_run_leaves_a_gap_with_those_that_were(draw: Callable[..., Any], name: str) -> None:
    found = draw(name, setting="cifar10-huge")
    assert isinstance(found, Gap)
    assert "cifar10-huge" in found.reason
    assert "cifar10-small" in found.reason


def test_figures_of_one_page_do_not_overwrite_each_others_pictures(site: Site, draw: Callable[..., Any]) -> None:
    """Both show the baseline, one with fewer units."""
    writing = Writing(site, "articles/a")
    texts = [
        writing.figure("intervention", experiment="rotated"),
        writing.figure("intervention", experiment="fc_only", as_="other"),
    ]
    for text, experiment in zip(texts, ("rotated", "fc_only"), strict=True):
        for name, png in draw("intervention", experiment=experiment).files.items():
            assert f'src="{name}"' in text
            assert writing.files[name] == png


def test_the_network_s_diagram_has_every_layer_of_the_runs(draw: Callable[..., Any]) -> None:
    drawn = draw("simplified-network")
    assert isinstance(drawn, Drawing)
    assert list(drawn.data["layer"]) == ["3a", "5a", "5b"]
    assert list(drawn.data["side"]) == [8, 8, 8]
    assert drawn.body.count("wb-kept") == 2
    assert drawn.body.count(">24<") == 3
    assert "no pooling, fully connected head" in drawn.body
    assert "InceptionV1" not in drawn.body


def test_every_experiment_is_marked_at_the_part_that_it_changes() -> None:
    suite = registry.named("suites", "banding", "suite")
    parts = {t.name: part(t.name, t.parameters) for t in suite.trials if t.network == "simplified"}
    assert {name for name, at in parts.items() if at == "pictures"} == {
        t.name for t in suite.trials if t.network == "simplified" and (t.recipe_changes or t.dataset)
    }
    assert {name for name, at in parts.items() if at == "size"} == {"map_4", "map_16", "kernel_3", "kernel_7"}
    assert {name for name, at in parts.items() if at == "layers"} == {"coordconv", "film"}
    assert parts["fc_only"] == parts["masks_16"] == parts["x_pool"] == "head"


def test_titles_that_differ_in_a_number_are_told_together() -> None:
    titles = ["3 masks", "mask", "5 masks", "kernels of 3×3", "kernels of 7×7", "16 masks"]
    assert folded(titles) == ["3, 5 and 16 masks", "mask", "kernels of 3×3", "kernels of 7×7"]


def test_architectures_stand_in_a_grid_in_which_what_was_not_run_is_said(draw: Callable[..., Any]) -> None:
    drawn = draw("common-architectures")
    assert list(drawn.data["experiment"]) == ["inceptionv1_baseline"]
    assert drawn.body.count('class="wb-trial"') == 9
    assert drawn.body.count("no run is there") == 8


def test_heads_that_read_positions_are_drawn_from_the_runs(draw: Callable[..., Any]) -> None:
    table = draw("head-positions").data
    head = table[table["network"] == "no pooling, fully connected head"].set_index("quantity")
    assert head.loc["row_share", "value"] == 0.4
    assert head.loc["index", "value"] == 0.3
    assert head.loc["row_share", "chance"] == pytest.approx(7 / 63, abs=1e-4)
    assert "1 seed" in head["title"].iloc[0]


def test_heads_of_the_site_s_networks_are_drawn_without_runs_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "suites", [])
    for name in ("head-positions", "head-maps"):
        drawn = registry.named("figures", name, "figure").draw(Scene(site))
        assert isinstance(drawn, Drawing)
        assert set(drawn.data.iloc[:, 0]) == {"Speck"}
    bodies = drawn.body
    assert bodies.count("<title>") == len(drawn.data)


def test_the_opening_figure_shows_an_ordinary_layer_and_the_banded_one_before_and_after(
    draw: Callable[..., Any],
) -> None:
    drawn = draw("turned-pictures")
    assert list(drawn.data["panel"]) == ["An ordinary layer", "Upright pictures", "Pictures turned by 90°"]
    ordinary, upright, turned = drawn.data["index"]
    assert upright > 0.55 > -0.55 > turned, "made-up kernels are pure stripes"
    assert abs(ordinary) < upright
    assert all(size(png)[0] == 4 * 6 - 1 for name, png in drawn.files.items() if not name.endswith("-0.png"))
    assert "none is chosen" in drawn.method


def test_without_a_network_to_compare_the_opening_figure_shows_the_laboratory_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "models", [])
    drawn = registry.named("figures", "turned-pictures", "figure").draw(Scene(site))
    assert list(drawn.data["panel"]) == ["Upright pictures", "Pictures turned by 90°"]
    gap = registry.named("figures", "ordinary-and-banded", "figure").example(site)
    assert isinstance(gap, Gap) and "two convolutions" in gap.reason


def test_two_layers_are_compared_with_as_many_units_and_the_most_banded_comes_last(site: Site) -> None:
    figure = registry.named("figures", "ordinary-and-banded", "figure")
    drawn = figure.draw(Scene(site, figure.example(site)))
    plain, banded = drawn.data.to_dict("records")
    assert abs(plain["index_adjusted"]) <= abs(banded["index_adjusted"])
    assert plain["shown"] == banded["shown"] == min(plain["units"], banded["units"])
    for row in (plain, banded):
        measured = site.model("speck").result("banding", row["layer"])
        assert row["index"] == measured.nmf.index


def test_an_index_barely_below_zero_is_no_turned_band(site: Site) -> None:
    """Its interval may exclude zero: then banding is lost, and nothing has turned."""
    laboratory = Laboratory.open(Scene(site))
    assert isinstance(laboratory, Laboratory)
    baseline = laboratory.experiments["baseline"]
    result = laboratory.result

    def rotated(mean: float) -> str:
        index = Estimate(mean=mean, low=mean - 0.005, high=mean + 0.005)
        layer = baseline.last.model_copy(update={"index": index, "lost": True, "turned": True})
        experiment = laboratory.experiments["rotated"].model_copy(update={"last": layer})
        runs = {**laboratory.experiments, "rotated": experiment}
        setting = result.settings[laboratory.setting].model_copy(update={"experiments": runs})
        fields = {name: getattr(result, name) for name in Experiments.fields}
        changed = Experiments(**{**fields, "settings": {laboratory.setting: setting}})
        return Laboratory(laboratory.setting, changed).banding("rotated", "last")

    strength = baseline.last.index.mean
    assert strength is not None
    assert rotated(-0.008) == "lost"
    assert rotated(-0.9 * strength) == "turned"
