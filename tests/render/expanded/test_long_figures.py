"""Orbitals, smoothness and the long tail as a reader sees them: counts, null and photographs said, gaps explained."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from expanded_results import long_range, long_tail

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.figure import Drawing, Gap, Scene
from wbsite.render.text import fixed_text
from wbsite.results.expanded.long_range import SkippedPair
from wbsite.results.site import Site

FIGURES = ("orbitals", "smoothness", "long-tail")


@pytest.fixture(scope="module")
def site(built: Path) -> Site:
    return Site(Store(built / "build" / "store"), ["speck"])


@pytest.fixture(scope="module")
def draw(site: Site) -> Callable[..., Any]:
    """Draws a figure of the built network: draw(name, option=…)."""

    def of(name: str, **options: Any) -> Any:
        scene = Scene(site, site.models[0], up="../", options=options)
        figure = registry.named("figures", name, "figure")
        figure.check(scene)
        return figure.draw(scene)

    return of


@pytest.mark.parametrize("name", FIGURES)
def test_what_could_not_be_measured_is_a_gap_with_its_reason(made_site: Callable[..., Site], name: str) -> None:
    reason = "torch.mul in gate has no linear form, so"
    skipped = [SkippedPair(target="conv3", source="conv1", kind="2", reason=reason)]
    results = {"long_range": {"": long_range(skipped=skipped)}, "long_tail": {"": long_tail()}}
    site = made_site(models={"speck": results})
    gap = registry.named("figures", name, "figure").draw(Scene(site, site.models[0]))
    assert isinstance(gap, Gap)
    assert not gap.failed
    assert ("no linear form" in gap.reason) == (name != "long-tail")


def test_maps_stand_beside_their_units_with_sign_and_scale(draw: Callable[..., Any]) -> None:
    drawn = draw("orbitals")
    assert drawn.body.count('class="wb-kernel"') == len(drawn.data)
    assert drawn.body.count("wb-scale") == drawn.data["example"].nunique()
    assert drawn.body.count('href="../models/speck/conv1/#unit-') == (drawn.data["layer"] == "conv1").sum()
    assert 'href="../models/speck/conv3/#unit-' in drawn.body
    assert re.search(r'alt="Expanded weights from unit \d of conv1; strongest weight', drawn.body)
    assert "Not chosen by eye" in drawn.method
    assert "seed 0" in drawn.method
    low, high = drawn.data["smoothness"].min(), drawn.data["smoothness"].max()
    assert f"have a Moran's I of {fixed_text(low)} to {fixed_text(high)}" in drawn.finding


def test_the_maps_themselves_can_be_downloaded(draw: Callable[..., Any]) -> None:
    drawn = draw("orbitals")
    (file,) = [data for name, data in drawn.files.items() if name.endswith(".npz")]
    with np.load(io.BytesIO(file)) as maps:
        for number, rows in drawn.data.groupby("example"):
            norms = np.sqrt((maps[f"example_{number}"] ** 2).sum((1, 2)))
            np.testing.assert_allclose(norms, rows["norm"], rtol=1e-5)


def test_a_distance_can_be_chosen_and_a_misspelt_one_is_refused(draw: Callable[..., Any]) -> None:
    assert set(draw("orbitals", back=2).data["kind"]) == {"2"}
    assert isinstance(draw("orbitals", back="first"), Gap)
    with pytest.raises(WbsiteError, match="back='second'") as caught:
        draw("orbitals", back="second")
    assert "2, 3, first" in caught.value.hint


def test_smoothness_shows_units_and_the_null_they_are_held_against(draw: Callable[..., Any]) -> None:
    drawn = draw("smoothness")
    assert isinstance(drawn, Drawing)
    for _, rows in drawn.data.groupby("measure"):
        units, pairs = (rows[rows["mark"] == mark] for mark in ("unit", "pair"))
        assert (units["above"].astype(bool) == (units["value"] > pairs["null_limit"].iloc[0])).all()
        assert len(units) == pairs["units"].iloc[0]
        assert pairs["share"].iloc[0] == pytest.approx(units["above"].mean(), abs=1e-4)
    assert set(drawn.data["measure"]) == {"smoothness", "balance"}
    assert "positions in every kernel on the path shuffled" in drawn.method
    assert "would by chance" in drawn.method
    assert "nan" not in drawn.method.lower()
    assert "of units are smoother than with shuffled kernels two convolutions back" in drawn.finding


def test_the_long_tail_says_which_photographs_and_starts_with_all_choices(draw: Callable[..., Any]) -> None:
    drawn = draw("long-tail")
    assert "crops of the two photographs that come with scikit-learn" in drawn.method
    assert "nan" not in drawn.method.lower()
    assert "strongest inputs bring a typical unit to an R² of" in drawn.finding
    specs = {name: json.loads(data) for name, data in drawn.files.items()}
    kept = next(spec for name, spec in specs.items() if name.endswith("kept.vl.json"))
    assert {param["name"]: param.get("value") for param in kept["params"] if "value" in param} == {
        "order": "norm", "measure": "before", "counted": "kept",
    }  # fmt: skip
    whole = drawn.data[drawn.data["kept"] == drawn.data["inputs"]]
    assert (whole["median"] == 1).all()
    assert set(drawn.data["order"]) == {"norm", "contribution", "random"}
    assert whole["needed"].between(0, 1).all()
