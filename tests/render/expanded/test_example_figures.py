"""Figures around the units that were found: the right kernels at the right units, and a reason where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from expanded_results import architecture, direction_pictures, empty_tables, examples, nothing_found, tuning

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Entry, Store
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.render.page import Writing
from wbsite.render.text import percent_text
from wbsite.results.branches.tuning import Category, Tuning
from wbsite.results.expanded.examples import Agreement, Examples, Finding, Levels
from wbsite.results.site import Site


@pytest.fixture
def drawn(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Draws a figure of speck with a made-up result: drawn(name, result, option=…)."""
    site = Site(Store(built / "build" / "store"), ["speck"])
    model, store = site.models[0], Store(tmp_path / "own")
    assert model.layers, "kept before its results are replaced"

    def draw(name: str, result: Examples | None = None, **options: Any) -> Any:
        results = {"examples": result or examples(), "direction_pictures": direction_pictures()}
        entries = {
            analysis: store.put(f"{i:064x}", each.contents(), {}) for i, (analysis, each) in enumerate(results.items())
        }

        def look(analysis: str, layer: str = "") -> Entry | Gap:
            return entries.get(analysis) or Gap("it was not computed", failed=False)

        monkeypatch.setattr(model, "_entry_or_gap", look)
        scene = Scene(site, model, up="../", options=options)
        figure = registry.named("figures", name, "figure")
        figure.check(scene)
        return figure.draw(scene)

    return draw


def results_with_curves(sources: list[tuple[str, int]], targets: list[tuple[str, int]]) -> dict[str, Any]:
    """Results of a network in which stimuli found these curve detectors."""
    units = [*sources, *targets]
    rows = empty_tables(Tuning)["rows"].reindex(range(len(units)))
    rows = rows.assign(
        layer=[layer for layer, _ in units], unit=[unit for _, unit in units], dead=False, strength=1.0, curve=0.5,
        curve_drive=[unit / 10 for _, unit in units], orientation=[100.0 - unit for _, unit in units],
    )  # fmt: skip
    members = pd.DataFrame({"layer": rows["layer"], "unit": rows["unit"], "category": "curve"})
    category = Category(title="curve", rule="arcs rather than lines", index="curve")
    return {
        "architecture": {"": architecture()},
        "examples": {"": examples()},
        "tuning": {"": tuning(rows=rows, members=members, categories={"curve": category})},
    }


NAMES = (
    "connection-grid", "position-weights", "weight-factors", "factor-variance", "example-expanded",
    "bottleneck",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_says_how_it_was_found_and_at_what_scale(drawn: Callable[..., Any], name: str) -> None:
    drawing = drawn(name)
    assert isinstance(drawing, Drawing)
    html, files = figure_html(name, 3, drawing)
    assert html.count("<img") == html.count("alt=")
    assert "nan" not in html.lower().split()
    if "wb-kernel" in html:
        said = drawing.caption + drawing.method
        assert "Red excites, blue inhibits" in said or "excited (red) or inhibited (blue)" in said
        assert "wb-scale" in drawing.body
    if name not in ("factor-variance", "connection-grid"):
        assert "Found by rule: the unit that is a thing (score " in drawing.method
    assert f"{name}.csv" in files


@pytest.mark.parametrize("name", NAMES)
def test_without_a_result_there_is_a_gap(built: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(Store(built / "build" / "store"), ["speck"])
    monkeypatch.setattr(site.models[0], "_entry_or_gap", lambda *_: Gap("it was not computed", failed=True))
    gap = registry.named("figures", name, "figure").draw(Scene(site, site.models[0]))
    assert isinstance(gap, Gap)
    assert gap.failed


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("connection-grid", "oriented-sources"),
        ("position-weights", "example"),
        ("weight-factors", "high-low"),
        ("example-expanded", "black-and-white-centre"),
        ("bottleneck", "bottleneck"),
    ],
)
def test_what_was_not_found_leaves_its_reason(drawn: Callable[..., Any], name: str, rule: str) -> None:
    result = examples({rule: nothing_found("this network has no such thing")})
    gap = drawn(name, result)
    assert isinstance(gap, Gap)
    assert gap.reason == "this network has no such thing"
    assert not gap.failed


def test_positions_stand_where_the_kernel_has_them_and_fade_with_their_norm(drawn: Callable[..., Any]) -> None:
    drawing = drawn("position-weights")
    assert "--wb-columns:3" in drawing.body
    cells = re.findall(r'<div class="wb-position">(.*?)</div>', drawing.body)
    assert len(cells) == 9
    assert 'src="speck-position-0-0.webp"' in cells[0] and "opacity:0.50" in cells[0]
    assert all("wb-direction-none" in cell for cell in cells[1:])
    assert list(drawing.files) == ["speck-position-0-0.webp"]
    assert "1 of 9 positions have a picture" in drawing.method
    assert (
        "strongest below and right of the middle; at its weakest position they have 0\u00a0% of that" in drawing.finding
    )
    assert drawing.data["norm"].tolist() == list(range(9))


def test_factors_are_named_by_their_units_and_a_dead_picture_says_so(drawn: Callable[..., Any]) -> None:
    drawing = drawn("weight-factors")
    assert "which found nothing" in drawing.body
    assert 'href="../models/speck/conv1/#unit-3"' in drawing.body
    assert drawing.body.count("wb-kernel") == 2 * 2
    other = drawn("weight-factors", family="black-and-white")
    assert "no more than" in other.method
    assert "80\u00a0% of the weights of a thing" in drawing.finding, (
        "beyond chance it has the name of what was looked for"
    )
    assert "80\u00a0% of the weights of the units nearest to a thing" in other.finding, "and else it has not"
    with pytest.raises(WbsiteError, match="unknown family"):
        drawn("weight-factors", family="high")


def test_the_chart_compares_with_random_groups(drawn: Callable[..., Any]) -> None:
    drawing = drawn("factor-variance")
    assert drawing.height > 0
    assert set(drawing.data["group"]) == {"family", "random 1", "random 2"}
    assert "a thing 80% against 40% to 50%" in drawing.method
    assert drawing.finding == (
        "Two factors explain more of a thing and the units nearest to a thing than of any of 2 random groups of units."
    )
    alike = {
        name: family.model_copy(update={"by_count": [0.3, 0.504, 0.6]}) for name, family in examples().families.items()
    }
    ordinary = drawn("factor-variance", examples(families=alike))
    assert ordinary.finding == "Two factors explain no more of these families than of random groups of units."


def test_weights_one_layer_back_stand_in_rows_by_factor(drawn: Callable[..., Any]) -> None:
    body = drawn("example-expanded").body
    first, second = body.split("<p>factor 1, colour −0.1</p>")[1].split("<p>factor 2, colour +0.2</p>")
    assert "unit-5" in first and "unit-0" not in first
    assert "unit-0" in second
    assert body.count("wb-scale") == 2


def test_two_sides_of_a_bottleneck_have_their_own_scales(drawn: Callable[..., Any]) -> None:
    body = drawn("bottleneck").body
    direct, across = body.split("<section>")[1:]
    assert "conv2/" not in direct and "point/#unit-0" in direct
    assert across.index("#unit-3") < across.index("#unit-1"), "strongest first"
    assert body.count("wb-scale") == 2


def test_the_grid_has_the_kernel_of_its_row_and_column(drawn: Callable[..., Any]) -> None:
    drawing = drawn("connection-grid")
    assert drawing.data.drop_duplicates(["target", "source"])[["target", "source"]].to_numpy().tolist() == [
        [1, 0], [1, 3], [1, 7], [6, 0], [6, 3], [6, 7],
    ]  # fmt: skip
    kernels = examples().pair_kernels
    assert kernels is not None
    weights = drawing.data.query("target == 6 and source == 3")["weight"].to_numpy().reshape(3, 3)
    np.testing.assert_allclose(weights, kernels[6, 3], rtol=2e-3)
    assert "0.100 with the cosine of twice the difference of angles, no more than the 0.300" in drawing.method
    assert "cannot be told from chance" in drawing.finding
    agreed = drawn("connection-grid", examples(agreement=Agreement(correlation=0.5, null=0.3)))
    assert "own direction, which explains 25\u00a0% of the differences" in agreed.finding


def test_curve_detectors_have_a_grid_where_there_are_families_of_them(
    made_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chosen by how near arcs come to the strongest stimulus, and put in order of the orientation they prefer."""
    sources, targets = [("conv2", unit) for unit in range(8)], [("conv3", unit) for unit in range(4)]
    site = made_site(models={"speck": results_with_curves(sources, targets)}, facts={"speck": {"title": "Speck"}})
    drawing = registry.named("figures", "curve-grid", "figure").draw(Scene(site, site.models[0], up="../"))
    assert isinstance(drawing, Drawing)
    assert drawing.data["source"].drop_duplicates().tolist() == [7, 6, 5, 4, 3, 2], "six with the strongest drive"
    assert drawing.data["target"].drop_duplicates().tolist() == [3, 2, 1, 0]
    kernels = examples().pair_kernels
    assert kernels is not None
    excite = int((kernels[[0, 1, 2, 3]][:, 2:].astype(np.float32).sum((2, 3)) > 0).sum())
    assert f"{excite} of 24 kernels excite on the whole" in drawing.finding
    words = Writing(site, "articles/x").claim("curve-detectors")
    assert "Speck has curve detectors at both ends" in words and 'id="fig-curve-grid"' in words


def test_two_curve_detectors_are_no_family(made_site: Callable[..., Site]) -> None:
    """The article then shows lines, and no card stands where the grid would."""
    few = results_with_curves([("conv2", 0), ("conv2", 1)], [("conv3", unit) for unit in range(4)])
    site = made_site(models={"speck": few})
    gap = registry.named("figures", "curve-grid", "figure").draw(Scene(site, site.models[0]))
    assert isinstance(gap, Gap) and "only 2 of its units that are read" in gap.reason
    assert Writing(site, "articles/x").claim("curve-detectors") == ""


def test_an_author_chooses_units_by_hand(drawn: Callable[..., Any]) -> None:
    drawing = drawn("connection-grid", source_units="7, 2", target_units="conv3/4")
    assert drawing.data.drop_duplicates("source")["source"].tolist() == [7, 2]
    assert set(drawing.data["target"]) == {4}
    assert "chosen by hand" in drawing.method
    assert "of 2 kernels excite on the whole" in drawing.finding


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source_units": "8"}, "source_units: '8' is no unit of conv2"),
        ({"target_units": "1, x"}, "target_units: 'x' is no unit of conv3"),
        ({"target_units": ", ".join(map(str, range(13)))}, "names 13 units"),
    ],
)
def test_a_unit_that_does_not_exist_is_refused(
    drawn: Callable[..., Any], options: dict[str, str], message: str
) -> None:
    with pytest.raises(WbsiteError, match=message):
        drawn("connection-grid", **options)


def test_single_layers_and_units_are_those_of_the_examples(built: Path) -> None:
    """Or a claim would tell of one unit and the figure below it show another."""
    site = Site(Store(built / "build" / "store"), ["speck"])
    model = site.models[0]
    examples = model.result(Examples)
    assert examples is not None
    unit = examples.finding("example")
    assert isinstance(unit, Finding)
    number = model.layer(unit.first.layer).units[unit.first.channel]
    inputs, kernels = (
        registry.named("figures", name, "figure").draw(Scene(site, model, up="../"))
        for name in ("example-inputs", "example-kernels")
    )
    assert isinstance(inputs, Drawing) and isinstance(kernels, Drawing)
    assert f'href="../models/speck/{unit.first.layer}/#unit-{number}"' in inputs.body
    assert f"<code>{examples.levels.late[-1]}</code>" in kernels.caption
    assert f"account for {percent_text(unit.first.score)} of this unit's weights" in inputs.finding
    shuffled = "no unit exceeds" if unit.beyond_chance else "some unit has"
    assert f"with positions shuffled, {shuffled} {percent_text(unit.null)}" in inputs.finding


def test_without_a_later_level_there_is_no_layer_to_draw(drawn: Callable[..., Any]) -> None:
    shallow = examples({"example": nothing_found("too few")}, levels=Levels(deepest=1, early=[], late=[]))
    assert "too few" in drawn("example-kernels", shallow).reason
    assert drawn("example-inputs", shallow).reason == "too few"


def test_an_article_shows_the_example_network_or_a_card(built: Path, made_site: Callable[..., Site]) -> None:
    site = Site(Store(built / "build" / "store"), ["speck"])
    assert "in Speck" in Writing(site, "articles/x").figure("factor-variance")
    none = Writing(made_site(models={"speck": {}}), "articles/x").figure("factor-variance")
    assert "units to show were not looked for in any network" in none
