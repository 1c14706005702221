"""Figures of the census show what its records hold: every training once, in order, with a way to its package."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wbsite.claims.census.branches import SPECIALIZE
from wbsite.claims.census.hypotheses import CLAIMS
from wbsite.core import registry
from wbsite.core.naming import CENSUS
from wbsite.core.store import Store
from wbsite.render.census._networks import first_trainings
from wbsite.render.census.wild_branches import FINDINGS, OPEN
from wbsite.render.census.wild_wall import enlarged, panel
from wbsite.render.figure import Drawing, Scene
from wbsite.render.text import percent_text
from wbsite.results.census.branches import WildBranches
from wbsite.results.census.census import Census
from wbsite.results.census.hypotheses import Hypotheses
from wbsite.results.site import Site


@pytest.fixture(scope="module")
def site(built: Path) -> Site:
    return Site(Store(str(built / "build" / "store")), ["speck"])


@pytest.fixture(scope="module")
def census(site: Site) -> Census:
    result = site.suite(CENSUS).result_or_gap(Census)
    assert isinstance(result, Census)
    return result


def drawn(site: Site, name: str) -> Drawing:
    drawing = registry.named("figures", name, "figure").draw(Scene(site))
    assert isinstance(drawing, Drawing)
    return drawing


def test_the_wall_has_every_training_once_in_order_of_its_bands(site: Site, census: Census) -> None:
    wall = drawn(site, "wild-wall")
    shown = first_trainings(census.networks)
    shown = shown[shown["network"].isin(census.pictures) & shown["last_nmf"].notna()]
    assert set(wall.data["network"]) == set(shown["network"])
    assert wall.data["last_nmf"].is_monotonic_decreasing
    tiles = re.findall(r'viewBox="(\d+) (\d+) (\d+) (\d+)"', wall.body)
    assert len(tiles) == len(wall.data) > 90
    (sheet,) = wall.files.values()
    pixels = np.array(Image.open(io.BytesIO(sheet)))
    for network, (x, y, width, height) in zip(wall.data["network"], (map(int, tile) for tile in tiles), strict=True):
        part = pixels[y : y + height, x : x + width]
        np.testing.assert_array_equal(part, enlarged(panel(census.pictures[network])), network)


def test_a_panel_has_a_pixel_for_each_weight() -> None:
    pictures = np.arange(5 * 2 * 3 * 3, dtype=np.uint8).reshape(5, 2, 3, 3)
    made = panel(pictures)
    assert made.shape == (2 * 3 - 1, 4 * 4 - 1, 4)
    np.testing.assert_array_equal(made[:2, 4:7, :3], pictures[1])
    np.testing.assert_array_equal(made[3:5, :3, :3], pictures[4])
    assert not made[2].any()
    assert not made[3:5, 4:].any(), "there is no sixth unit"


def test_every_network_leads_to_its_package_and_licence(site: Site, census: Census) -> None:
    body = drawn(site, "wild-networks").body
    rows = re.findall(r"<tr id=.*?</tr>", body)
    assert len(rows) == len(census.networks)
    places = re.findall(r'<tr id="([^"]+)"', body)
    assert len(set(places)) == len(places)
    for row, network in zip(map(unescape, rows), census.networks.to_dict("records"), strict=True):
        assert f'href="{network["homepage"]}"' in row
        assert network["licence"] in row
        assert f"{network['package']} {network['version']}" in row
    assert set(re.findall(r'href="#([^"]+)"', drawn(site, "wild-wall").body)) <= set(places)


def test_verdicts_of_the_figure_are_those_of_the_ledger(site: Site) -> None:
    table = drawn(site, "wild-hypotheses").data
    result = site.suite(CENSUS).result_or_gap(Hypotheses)
    assert isinstance(result, Hypotheses)
    for claim, row in zip(CLAIMS, table.to_dict("records"), strict=True):
        decided = claim.decide(site)
        assert isinstance(decided, tuple)
        expected = {"holds": "holds", "fails": "does not hold", "undecided": "undecided"}.get(
            decided[0], "not testable here"
        )
        assert row["verdict"] == expected, claim.name
        assert row["effect"] == pytest.approx(getattr(result, row["hypothesis"]).effect)


def test_branches_have_a_row_for_each_group_that_counts_and_a_place_of_their_own(site: Site) -> None:
    result = site.suite(CENSUS).result_or_gap(WildBranches)
    assert isinstance(result, WildBranches)
    drawing = drawn(site, "wild-branches")
    counted = result.groups[result.groups["counts"]]
    assert len(drawing.data) == len(counted) > 5
    assert not drawing.data.duplicated(["network", "branching"]).any(), "one would hide another on its line"
    assert drawing.data["package"].nunique() == result.sorted.packages
    decided = SPECIALIZE.decide(site)
    assert isinstance(decided, tuple)
    trained, untrained = (percent_text(share, 1) for share in (result.sorted.trained, result.sorted.untrained))
    assert drawing.finding == FINDINGS.get(decided[0], OPEN).format(trained=trained, untrained=untrained)


@pytest.mark.parametrize("name", ["wild-tasks", "wild-depth", "wild-symmetry"])
def test_files_of_weights_alone_have_no_late_layers(site: Site, census: Census, name: str) -> None:
    alone = set(census.networks.loc[census.networks["weights_alone"], "network"])
    shown = set(drawn(site, name).data["network"])
    assert shown
    assert not shown & alone
