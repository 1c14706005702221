"""Figures of stimuli and of tuned units: the right units in the right order, of the branch they belong to."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Entry, Store
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.results.branches.branches import Branches
from wbsite.results.branches.tuning import Category, Index, Layer, Omitted, Tuning
from wbsite.results.site import Site

INDEX = Index(title="curves", low=-1, high=1, formula="(M − U) / (M + U)", source="someone 2020")
NONE = float("nan")


def tuning(layers: bool = True) -> Tuning:
    """Of speck: conv2 (8 units) in two branches, 1×1 `point` (4 units) in a group of its own."""
    rows = pd.DataFrame({name: [0.5] * 12 for name in Tuning.fields["rows"].columns}).assign(
        layer=["conv2"] * 8 + ["point"] * 4,
        unit=[*range(8), *range(4)],
        dead=[False] * 7 + [True] + [False] * 4,
        curve=[0.1, 0.9, 0.3, NONE, 0.5, -0.2, 0.6, NONE, 0.1, 0.2, 0.3, 0.4],
        colour=[0.5, 0.1, 0.2, 0.3, 0.9, 0.8, 0.2, NONE, 0.5, 0.5, 0.5, 0.5],
    )
    named = [("conv2", 1, "curve"), ("conv2", 2, "curve"), ("conv2", 6, "curve"), ("conv2", 1, "black-and-white")]
    shown = Layer(
        layer="conv2", side=7, canvas=(12, 12), padded=False, stimuli=318, families={"gratings": 288, "discs": 30},
        lowest=1 / 7, highest=1 / 3, dead=1,
    )  # fmt: skip
    return Tuning(
        indices={"curve": INDEX, "colour": INDEX.model_copy(update={"title": "colour", "low": 0})},
        categories={
            "curve": Category(title="curve", rule="arcs rather than lines", index="curve"),
            "black-and-white": Category(title="black and white", rule="no colour", index="-colour"),
            "corner": Category(title="corner", rule="corners", index="curve"),
        },
        layers=[shown] if layers else [],
        omitted=[Omitted(layer="conv3", reason="its weights are missing")],
        dead_below=0.01,
        rows=rows,
        members=pd.DataFrame(named, columns=["layer", "unit", "category"]),
        stimuli={"gratings.webp": b"g", "discs.webp": b"d"},
    )


def branches() -> Branches:
    members = [
        ("place", "groups", "group 1", "conv2", 0, 4),
        ("place", "groups", "group 2", "conv2", 4, 8),
        ("late", "concat", "point", "point", 0, 4),
        ("late", "concat", "deep", "conv3", 0, 10),
    ]
    return Branches(
        groups=[],
        none="",
        passed_over=[],
        rows=pd.DataFrame(columns=list(Branches.fields["rows"].columns)),
        members=pd.DataFrame(members, columns=list(Branches.fields["members"].columns)),
    )


@pytest.fixture
def drawn(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Draws a figure of speck with made-up results: drawn(name, tuning result, what to leave out, option=…)."""
    site = Site(Store(built / "build" / "store"), ["speck"])
    model, own = site.models[0], Store(tmp_path / "own")
    assert model.layers, "kept before its results are replaced"
    found = model._entry_or_gap

    def draw(name: str, result: Tuning | None = None, without: str = "", **options: Any) -> Any:
        results = {"tuning": result or tuning(), "branches": branches()}
        entries = {name: own.put(f"{i:064x}", one.contents(), {}) for i, (name, one) in enumerate(results.items())}

        def look(analysis: str, layer: str = "") -> Entry | Gap:
            gone = Gap("it was left out", failed=False)
            return gone if analysis == without else entries.get(analysis) or found(analysis, layer)

        monkeypatch.setattr(model, "_entry_or_gap", look)
        figure = registry.named("figures", name, "figure")
        scene = Scene(site, model, up="../", options=options)
        figure.check(scene)
        return figure.draw(scene)

    return draw


def links(html: str) -> list[tuple[str, str]]:
    """Layer and unit of every tile."""
    return re.findall(r'class="wb-unit[^"]*"[^>]* href="\.\./models/speck/(\w+)/#unit-(\d+)"', html)


def test_each_branch_shows_its_own_units_strongest_first_without_dead_ones(drawn: Callable[..., Any]) -> None:
    drawing = drawn("branch-units", index="curve", count="3")
    one, two = drawing.body.split('<div class="wb-trial">')[1:]
    assert "group 1" in one and "4 units" in one
    assert "group 2" in two and "3 units" in two
    assert links(one) == [("conv2", "1"), ("conv2", "2"), ("conv2", "0")]
    assert links(two) == [("conv2", "6"), ("conv2", "4"), ("conv2", "5")]
    assert "0.900" in one and "−0.200" in two
    assert drawing.data["curve"].tolist() == [0.9, 0.3, 0.1, 0.6, 0.5, -0.2]
    assert "by rank and not by eye" in drawing.method and "someone 2020" in drawing.method
    assert (
        drawing.finding
        == "The median index of “curves” is 0.300 (group 1) to 0.500 (group 2) in the branches of place."
    )
    assert "4 units, median 0.300" in one and "3 units, median 0.500" in two, "what the finding speaks of is there"


def test_a_category_shows_its_units_and_how_many_there_are(drawn: Callable[..., Any]) -> None:
    drawing = drawn("branch-units", category="curve")
    assert "2 of 4 units" in drawing.body and "1 of 3 units" in drawing.body
    assert links(drawing.body) == [("conv2", "1"), ("conv2", "2"), ("conv2", "6")]
    assert "arcs rather than lines" in drawing.method
    assert drawing.finding == "2 of 3 units of “curve” in place are in group 1, which has 4 of 7 units."
    smallest = drawn("branch-units", category="black-and-white")
    assert "smallest" in smallest.method and links(smallest.body) == [("conv2", "1")]
    assert "none" in smallest.body
    gap = drawn("branch-units", category="corner")
    assert isinstance(gap, Gap) and "no unit of place" in gap.reason


def test_units_are_shown_by_what_there_is_of_them(drawn: Callable[..., Any]) -> None:
    """Pictures of what excites them; without these their kernels, or numbers where kernels are 1×1."""
    kernels, _ = figure_html("branch-units", 1, drawn("branch-units", without="unit_pictures", index="curve"))
    assert kernels.count('class="wb-kernel"') == 6
    assert kernels.count("<img") == kernels.count("alt=")
    points = drawn("branch-units", without="unit_pictures", group="late", index="curve")
    assert links(points.body)[0] == ("point", "3")
    assert "<img" not in points.body and "no shape to show" in points.method
    assert "conv3" not in points.body, "its units were not measured"


def test_what_excites_a_unit_comes_before_its_kernel(drawn: Callable[..., Any]) -> None:
    drawing = drawn("branch-units", index="curve", count="1")
    assert 'src="../models/speck/conv2/unit-1.webp"' in drawing.body
    assert "pixelated" not in drawing.body and "by feature visualization" in drawing.method


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"group": "plaec"}, "plaec"),
        ({"category": "curves"}, "curves"),
        ({"index": "colours"}, "colours"),
        ({"category": "curve", "index": "colour"}, "a category and an index"),
        ({"count": "0"}, "cannot show"),
    ],
)
def test_what_cannot_be_shown_is_refused(drawn: Callable[..., Any], options: dict[str, str], said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        drawn("branch-units", **options)


def test_stimuli_are_shown_by_family_with_what_each_layer_saw(drawn: Callable[..., Any]) -> None:
    drawing = drawn("stimuli")
    assert isinstance(drawing, Drawing)
    assert list(drawing.files) == ["stimuli-speck-gratings.webp", "stimuli-speck-discs.webp"]
    assert "(288)" in drawing.body and "padding" not in drawing.method
    assert drawing.data["layer"].tolist() == ["conv2"]
    gap = drawn("stimuli", tuning(layers=False))
    assert isinstance(gap, Gap) and gap.reason == "its weights are missing"
