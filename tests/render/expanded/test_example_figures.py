"""Figures around the units that were found: the right kernels at the right units, and a reason where there is none."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, Entry, Store
from wbsite.render.figure import Drawing, Gap, Scene, figure_html
from wbsite.results.site import Site

FOUND_UNIT = {"title": "a thing", "rule": "the unit that is a thing", "considered": 9, "null": 0.2}


def rows(*channels: int, layer: str = "conv2", **more: Any) -> list[dict[str, Any]]:
    return [{"layer": layer, "unit": c, "channel": c, "share": 0.3 / (i + 1), **more} for i, c in enumerate(channels)]


def found(*units: tuple[str, int, float], **more: Any) -> dict[str, Any]:
    listed = [{"layer": layer, "channel": channel, "score": score} for layer, channel, score in units]
    runner = {"layer": "conv3", "channel": 9, "score": 0.1}
    return {**FOUND_UNIT, "units": listed, "score": units[0][2], "runner_up": runner, **more}


def oriented(layer: str, *channels: int) -> dict[str, Any]:
    units = [{"layer": layer, "channel": c, "score": 0.5, "angle": 30.0 * i} for i, c in enumerate(channels)]
    return {**FOUND_UNIT, "units": units, "score": 0.5, "null": None, "runner_up": None}


def made_up(**changes: Any) -> Contents:
    """An `examples` result of the network speck, in which everything was found."""
    family = {
        "layer": "conv2", "channels": [2, 5], "inputs": 6, "explained": 0.8, "property": ["frequency", 0.3, -0.2],
        "units": [rows(0, 3, layer="conv1"), rows(1, layer="conv1")],
        "by_count": [0.5, 0.8, 0.9], "by_count_random": [[0.3, 0.4, 0.6], [0.2, 0.5, 0.6]],
    }  # fmt: skip
    values: dict[str, Any] = {
        "order": [
            "black-and-white-centre", "high-low", "black-and-white", "example", "bottleneck", "oriented-targets",
            "oriented-sources",
        ],
        "levels": {"deepest": 3, "early": ["conv2"], "late": ["conv3"]},
        "found": {
            "black-and-white-centre": found(("conv3", 7, 0.4)),
            "high-low": found(("conv2", 2, 0.5), ("conv2", 5, 0.3)),
            "black-and-white": found(("conv2", 2, 0.1), ("conv2", 5, 0.1)),
            "example": found(("conv3", 4, 0.9)),
            "bottleneck": found(("conv3", 4, 0.9)),
            "oriented-targets": oriented("conv3", 1, 6),
            "oriented-sources": oriented("conv2", 0, 3, 7),
        },
        "shown": {
            "centre": {
                "inputs": rows(2, 4), "back": [*rows(0, layer="conv1", factor=1), *rows(5, layer="conv1", factor=0)],
                "explained": 0.7, "colour": [-0.1, 0.2], "back_share": 0.45, "back_channels": 6,
            },
            "position": {"inputs": rows(1, 2), "bottleneck": [], "channels": 8},
            "bottleneck": {"layers": ["point"], "channels": 4, "wide": 8,
                "direct": rows(0, layer="point"), "across": rows(3, 1)},
            "high-low": family,
            "black-and-white": family,
            "oriented": {"correlation": 0.1, "null": 0.3},
            "pair": {"target": "conv3", "bottleneck": [], "sources": [["conv2", i] for i in range(8)]},
        },
        "directions": [{"name": "position-0-0", "place": "conv3", "side": "input"}],
        "pictures": {}, "unpictured": 0,
    }  # fmt: skip
    for name, reason in changes.items():
        values["found"][name.replace("_", "-")] = {"title": "a thing", "rule": "a rule", "reason": reason}
    rng = np.random.default_rng(0)
    shapes = {
        "centre_kernels": (2, 3, 3), "centre_back": (2, 5, 5), "position_kernels": (2, 3, 3),
        "bottleneck_direct": (1, 3, 3), "bottleneck_across": (2, 3, 3), "pair_kernels": (10, 8, 3, 3),
    }  # fmt: skip
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays["position_norms"] = np.arange(9, dtype=np.float32).reshape(3, 3)
    for name in ("high-low", "black-and-white"):
        for kind in ("excitatory", "inhibitory"):
            arrays[f"{name}/{kind}"] = rng.random((2, 3, 3, 2)).astype(np.float32)
    return Contents(values, arrays)


def direction_pictures() -> Contents:
    import pandas as pd

    held = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(held, "WEBP")
    names = ["position-0-0", "high-low-factor-0"]
    table = pd.DataFrame({"name": names, "activation": [1.0, 0.0], "dead": [False, True]})
    return Contents({}, {}, {"rows": table}, {f"{name}.webp": held.getvalue() for name in names})


@pytest.fixture
def drawn(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Draws a figure of speck with a made-up result: drawn(name, result, option=…)."""
    site = Site(Store(built / "build" / "store"), ["speck"])
    model, own = site.models[0], Store(tmp_path / "own")
    assert model.layers, "kept before its results are replaced"

    def draw(name: str, result: Contents | None = None, **options: Any) -> Any:
        results = {"examples": result or made_up(), "direction_pictures": direction_pictures()}
        entries = {analysis: own.put(f"{i:064x}", one, {}) for i, (analysis, one) in enumerate(results.items())}

        def look(analysis: str, layer: str = "") -> Entry | Gap:
            return entries.get(analysis) or Gap("it was not computed", failed=False)

        monkeypatch.setattr(model, "found", look)
        scene = Scene(site, model, up="../", options=options)
        figure = registry.named("figures", name, "figure")
        figure.check(scene)
        return figure.draw(scene)

    return draw


NAMES = (
    "found-units", "connection-grid", "position-weights", "weight-factors", "factor-variance", "example-expanded",
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
        assert (
            "Red excites, blue inhibits" in drawing.caption or "excited (red) and inhibited (blue)" in drawing.caption
        )
        assert "wb-scale" in drawing.body
    if name not in ("found-units", "factor-variance", "connection-grid"):
        assert "Found by rule: the unit that is a thing (score " in drawing.caption
    assert f"{name}.csv" in files


@pytest.mark.parametrize("name", NAMES)
def test_without_a_result_there_is_a_gap(built: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(Store(built / "build" / "store"), ["speck"])
    monkeypatch.setattr(site.models[0], "found", lambda *_: Gap("it was not computed", failed=True))
    gap = registry.named("figures", name, "figure").draw(Scene(site, site.models[0]))
    assert isinstance(gap, Gap)
    assert gap.failed


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("connection-grid", "oriented_sources"),
        ("position-weights", "example"),
        ("weight-factors", "high_low"),
        ("example-expanded", "black_and_white_centre"),
        ("bottleneck", "bottleneck"),
    ],
)
def test_what_was_not_found_leaves_its_reason(drawn: Callable[..., Any], name: str, rule: str) -> None:
    gap = drawn(name, made_up(**{rule: "this network has no such thing"}))
    assert isinstance(gap, Gap)
    assert gap.reason == "this network has no such thing"
    assert not gap.failed
    table = drawn("found-units", made_up(**{rule: "this network has no such thing"}))
    assert "this network has no such thing" in table.body


def test_the_table_leads_to_the_units_and_says_what_chance_would_give(drawn: Callable[..., Any]) -> None:
    drawing = drawn("found-units")
    assert 'href="../models/speck/conv3/#unit-7"' in drawing.body
    assert drawing.body.count("(not above)") == 1, "the family whose score is 0.1 against 0.2"
    assert "0.300 to 0.500" in drawing.body
    assert len(drawing.data) == 1 + 2 + 2 + 1 + 1 + 2 + 3


def test_positions_stand_where_the_kernel_has_them_and_fade_with_their_norm(drawn: Callable[..., Any]) -> None:
    drawing = drawn("position-weights")
    assert "--wb-columns:3" in drawing.body
    cells = re.findall(r'<div class="wb-position">(.*?)</div>', drawing.body)
    assert len(cells) == 9
    assert 'src="speck-position-0-0.webp"' in cells[0] and "opacity:0.50" in cells[0]
    assert all("wb-direction-none" in cell for cell in cells[1:])
    assert list(drawing.files) == ["speck-position-0-0.webp"]
    assert "1 of 9 positions have a picture" in drawing.caption
    assert drawing.data["norm"].tolist() == list(range(9))


def test_factors_are_named_by_their_units_and_a_dead_picture_says_so(drawn: Callable[..., Any]) -> None:
    drawing = drawn("weight-factors")
    assert "which found nothing" in drawing.body
    assert 'href="../models/speck/conv1/#unit-3"' in drawing.body
    assert drawing.body.count("wb-kernel") == 2 * 2
    other = drawn("weight-factors", family="black-and-white")
    assert "no more than" in other.caption
    with pytest.raises(WbsiteError, match="unknown family"):
        drawn("weight-factors", family="high")


def test_the_chart_compares_with_random_groups(drawn: Callable[..., Any]) -> None:
    drawing = drawn("factor-variance")
    assert drawing.height > 0
    assert set(drawing.data["group"]) == {"family", "random 1", "random 2"}
    assert "a thing 80% against 40% to 50%" in drawing.caption


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
    kernel = made_up().arrays["pair_kernels"][6, 3]
    found = drawing.data.query("target == 6 and source == 3")["weight"].to_numpy().reshape(3, 3)
    np.testing.assert_allclose(found, kernel, rtol=2e-3)
    assert "0.100 with the cosine of twice the difference of angles, no more than the 0.300" in drawing.caption


def test_an_author_chooses_units_by_hand(drawn: Callable[..., Any]) -> None:
    drawing = drawn("connection-grid", source_units="7, 2", target_units="conv3/4")
    assert drawing.data.drop_duplicates("source")["source"].tolist() == [7, 2]
    assert set(drawing.data["target"]) == {4}
    assert "chosen by hand" in drawing.caption


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source_units": "8"}, "source_units: '8' is no unit of conv2"),
        ({"target_units": "1, x"}, "target_units: 'x' is no unit of conv3"),
        ({"target_units": ", ".join(map(str, range(13)))}, "names 13 units"),
    ],
)
def test_a_unit_that_does_not_exist_is_refused(drawn: Callable[..., Any], options: dict[str, str], said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        drawn("connection-grid", **options)
