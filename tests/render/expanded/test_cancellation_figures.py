"""Figures of cancelling paths as a reader sees them: finds are said with their chance, and gaps with their reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from expanded_results import cancellation, gradients

from wbsite.core import registry
from wbsite.core.store import Store
from wbsite.render.expanded import example_gradients
from wbsite.render.expanded._channels import channel_html, channel_text, channel_tile
from wbsite.render.expanded.boundary_units import _finding, _method
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.results.expanded.cancellation import Cancellation, SkippedLayer, UnitScore
from wbsite.results.expanded.gradients import Gradients
from wbsite.results.site import Site

FIGURES = ("cancellation-scatter", "boundary-units", "example-gradients")


@pytest.fixture(scope="module")
def scene(built: Path) -> Scene:
    site = Site(Store(built / "build" / "store"), ["speck"])
    return Scene(site, site.models[0], up="../")


def drawn(scene: Scene, name: str) -> Drawing:
    drawing = registry.named("figures", name, "figure").draw(scene)
    assert isinstance(drawing, Drawing), drawing
    return drawing


def test_pairs_and_layers_are_both_in_the_data(scene: Scene) -> None:
    data = drawn(scene, "cancellation-scatter").data
    assert set(data["kind"]) == {"pair", "layer"}
    pairs = data[data["kind"] == "pair"]
    assert (pairs["left"] >= 0).all()
    assert set(pairs["which"]) == {"the unit", "other units of the layer"}
    layers = data[data["kind"] == "layer"]
    assert (layers["signs_low"] <= layers["signs"]).all() and (layers["signs"] <= layers["signs_high"]).all()


def test_a_network_without_such_units_is_not_said_to_have_some(scene: Scene) -> None:
    """Random weights: the finding says that none hides more than chance, before it shows the nearest."""
    count = scene.result_or_gap(Cancellation).beyond_shuffle
    drawing = drawn(scene, "boundary-units")
    assert ("; no unit hides more" if count == 0 else f"; {count} of ") in drawing.finding
    assert "false discovery" in drawing.method


def found(count: int, hidden: float = 0.6) -> tuple[Cancellation, UnitScore]:
    """So many units beyond shuffled kernels, and the first of them."""
    unit = UnitScore(
        layer="conv3", unit=1, source="conv1", between="conv2", hidden=hidden, p_signs=0.5, p_shuffle=0.5, q_signs=1.0,
        q_shuffle=0.1 if count else 1.0,
    )  # fmt: skip
    kernels = {
        name: {"0": np.full((1, 2, 2), size, np.float32)}
        for name, size in (("positive", 3), ("negative", -2), ("net", 1))
    }
    return cancellation(layers=3, units=2752, beyond_shuffle=count, examples=[unit], **kernels), unit


def test_a_unit_that_hides_more_than_chance_is_told_from_the_nearest_there_is() -> None:
    """What is seen comes first, and whether it is more than chance behind it."""
    seen = "Of the first row's excitation and inhibition 20\u00a0% remains when both are added; "
    assert _finding(found(6)[0]) == f"{seen}6 of 2\u202f752 units hide more than shuffled kernels explain."
    assert _finding(found(0)[0]) == f"{seen}no unit hides more than chance explains."
    assert "this unit hides 60\u00a0%" in _method(*found(0))


def test_where_to_look_in_the_charts_is_counted(scene: Scene) -> None:
    drawing = drawn(scene, "cancellation-scatter")
    pairs, layers = (drawing.data[drawing.data["kind"] == kind] for kind in ("pair", "layer"))
    first = scene.result_or_gap(Cancellation).examples[0]
    lowest = layers.loc[layers["layer"] == first.layer, "signs_low"].iloc[0]
    marked = pairs[pairs["which"] == "the unit"]
    below = int((marked["coherence"] < lowest).sum()) or "none"
    assert f"{below} of its {len(marked)} pairs below the grey, where paths cancel." in drawing.caption


def test_a_source_that_changes_sides_is_named_with_its_photographs(scene: Scene) -> None:
    table = pd.DataFrame(
        {
            "example": 0, "of": ["unit 1 of conv1"] * 3 + ["unit 2 of conv1"] * 3,
            "excitation": [1.0, 1, 0, 1, 1, 1], "inhibition": [0.0, 0, 1, 0, 0, 0],
        }
    )  # fmt: skip
    sides = example_gradients._finding(table, {0: None})  # type: ignore[dict-item]  # only the number is read
    assert sides.startswith("Unit 1 of conv1 excites on 2 photographs and inhibits on 1: what a source does")
    assert "to the same side" in example_gradients._finding(table[table["of"] == "unit 2 of conv1"], {0: None})  # type: ignore[dict-item]
    drawing = drawn(scene, "example-gradients")
    one = drawing.data[drawing.data["example"] == drawing.data["example"].iloc[0]]
    if match := re.match(r"(\S+ \d+ of \S+) excites on (\d+) photographs? and inhibits on (\d+)", drawing.finding):
        of = one[one["of"] == match[1][:1].lower() + match[1][1:]]
        assert int(match[2]) == (of["excitation"] > of["inhibition"]).sum()
        assert int(match[3]) == (of["excitation"] < of["inhibition"]).sum()


def test_every_kernel_has_a_text_with_its_source_and_its_sign(scene: Scene) -> None:
    for name in FIGURES[1:]:
        texts = re.findall(r'<img class="wb-kernel"[^>]* alt="([^"]+)"', drawn(scene, name).body)
        assert texts
        for text in texts:
            assert re.match(r"From unit \d+ of conv1(,| through unit \d+ of conv2)", text)
            assert re.search("excitatory|inhibitory|all weights zero", text)


def test_photographs_and_bounds_are_said(scene: Scene) -> None:
    drawing = drawn(scene, "example-gradients")
    assert f"on {scene.result_or_gap(Gradients).photographs_used} photographs" in drawing.method
    assert "crops of the two photographs" in drawing.method
    assert re.search(r"entries of gradients 0 leave the bounds", drawing.method)
    assert (drawing.data["inhibition"] >= 0).all()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_stays_small(scene: Scene, name: str) -> None:
    html, files = figure_html(name, 1, drawn(scene, name))
    assert len(html) < 150_000
    for file, data in files.items():
        if file.endswith(".vl.json"):
            assert f'"url": "{name}.csv"' in json.dumps(json.loads(data))


@pytest.fixture
def empty(made_site: Callable[..., Site]) -> Scene:
    """A network of which nothing could be measured."""
    skipped = [SkippedLayer(layer="conv3", reason="gate has no linear form")]
    results = {"cancellation": {"": cancellation(skipped=skipped)}, "gradients": {"": gradients()}}
    site = made_site(models={"speck": results})
    return Scene(site, site.models[0])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cancellation-scatter", "conv3: gate has no linear form"),
        ("boundary-units", "conv3: gate has no linear form"),
        ("example-gradients", "no unit has paths that could cancel"),
    ],
)
def test_what_could_not_be_measured_is_a_gap_with_its_reason(empty: Scene, name: str, reason: str) -> None:
    gap = registry.named("figures", name, "figure").draw(empty)
    assert isinstance(gap, Gap)
    assert reason in gap.reason
    assert not gap.failed


def test_channels_of_added_maps_are_not_called_units_of_a_layer(scene: Scene) -> None:
    assert channel_text(scene, "", 3, "layer1.0") == "channel 3 of layer1.0"
    assert channel_text(scene, "conv2", 3) == "unit 3 of conv2"
    assert channel_html(scene, "conv2", 3) == "unit 3 of <code>conv2</code>"
    assert channel_html(scene, "", 3, "layer1.0") == "channel 3 of <code>layer1.0</code>"
    tile = channel_tile(scene, "", 3, "layer1.0")
    assert "<a" not in tile
    assert "layer1.0" in tile
