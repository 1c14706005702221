"""Networks with degenerate layers: every page says what is odd about its layer, and no chart is of nothing."""

from __future__ import annotations

import csv
import html
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.store import Store
from wbsite.results.network.kernels import Kernels
from wbsite.results.site import Site

NETWORKS = Path(__file__).parents[2] / "models" / "degenerate_networks.py"
NAMES = ("dense", "grouped")

SAID = {
    ("dense", "middle"): ["not defined: only the middle tap is non-zero", "what a 1×1 convolution does"],
    ("dense", "flat"): ["not defined: every kernel is constant over its positions", "Centring leaves nothing"],
    ("dense", "profile"): ["one 3×3 profile times a factor (rank one)", "Every unit has the same H"],
    ("dense", "nearly"): ["99.9 % of this layer's squared weights are in the middle tap", "H says little"],
    ("dense", "dead"): ["3 of 8 units have weights of zero", "3 of 8 have no shape and no H of their own"],
    ("dense", "copies"): ["4 of 8 units have the kernel of an earlier unit up to a factor, 2 of them exactly"],
    ("dense", "long"): ["A kernel of 3×9 has H = −0.231 by its size alone", "; against chance, −0.231, it is "],
    ("dense", "one"): ["The layer has one unit, so that there is no interval over units", "without an interval"],
    ("dense", "zero"): ["not defined: all weights are zero", "are black: all their weights are zero"],
    ("grouped", "zero"): ["not defined: all weights are zero", "all their weights are zero"],
    ("grouped", "identity"): ["not defined: only the middle tap is non-zero"],
    ("grouped", "shift"): ["not defined: no kernel has a shape: 1 of the middle tap alone, 7 of single taps"],
    ("grouped", "corner"): ["not defined: no channel has more than a single tap"],
    ("grouped", "row"): ["Weights lie in row 2 and columns 1 to 3 of the 3×3 kernels only: they are 1×3 kernels"],
    ("grouped", "masked"): ["12 of 25 taps are in use; the others are zero in every unit"],
    ("grouped", "last"): ["not defined: only the middle tap is non-zero"],
}  # fmt: skip
"""Network and layer → what its page must say."""

MARKS = {
    "dense": {
        "middle": "middle tap only", "flat": "constant", "profile": "one profile", "nearly": "99.9 % in the middle tap",
        "dead": "3 units zero", "copies": "4 copies", "one": "one unit", "zero": "all zero",
    },
    "grouped": {
        "zero": "all zero", "identity": "middle tap only", "shift": "no shapes", "corner": "single taps",
        "row": "1×3 in use", "masked": "12 of 25 taps in use", "last": "middle tap only",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(
    process: Callable[..., Any], copy_store: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where a site of both networks was built."""
    folder = tmp_path_factory.mktemp("degenerate")
    copy_store(folder)
    shutil.copy(NETWORKS, folder)
    models = ",".join(f"degenerate_networks:{name}" for name in NAMES)
    ran = process(folder, "build", "--models", models, "--articles", "weight-banding", "--strict")
    assert ran.status == 0, ran.err
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> Callable[..., str]:
    """text("models/…"): a page's words, without markup."""

    def words(page: str) -> str:
        marked = (folder / "site" / page / "index.html").read_text(encoding="utf-8")
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", marked)))

    return words


@pytest.mark.parametrize(("network", "layer"), SAID)
def test_a_layer_s_page_says_what_is_odd_about_it(text: Callable[..., str], network: str, layer: str) -> None:
    page = text(f"models/degenerate_networks-{network}/{layer}")
    for words in SAID[network, layer]:
        assert words in page
    for nonsense in (" nan ", "None", "– to –"):
        assert nonsense not in page


@pytest.mark.parametrize("network", NAMES)
def test_ordinary_layers_are_not_remarked_on(folder: Path, text: Callable[..., str], network: str) -> None:
    ordinary = {"dense": ("plain", "long", "last", "fc"), "grouped": ("fc",)}[network]
    for layer in ordinary:
        assert "Note:" not in text(f"models/degenerate_networks-{network}/{layer}")


@pytest.mark.parametrize("network", NAMES)
def test_the_model_s_table_has_marks_chance_and_no_false_numbers(
    folder: Path, text: Callable[..., str], network: str
) -> None:
    page = (folder / "site" / "models" / f"degenerate_networks-{network}" / "index.html").read_text(encoding="utf-8")
    table = page[page.rindex('<table class="wb-layers"') :]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in table[: table.index("</table>")].split("</tr>")]
    by_layer = {row[0]: row for row in rows if row}
    for layer, mark in MARKS[network].items():
        assert mark in " ".join(by_layer[layer])
    if network == "dense":
        *_, chance, against = by_layer["long"]
        assert chance == "−0.231"
        assert abs(float(against.replace("−", "-"))) < 0.2
    assert ("H against E[H]" in page) == (network == "dense")


def test_layers_without_an_index_are_named_where_they_are_missing(text: Callable[..., str]) -> None:
    assert "H is not defined for middle (only the middle tap is non-zero)" in text("models/degenerate_networks-dense")
    article = text("articles/weight-banding")
    assert "last of degenerate_networks:grouped (only the middle tap is non-zero)" in article
    assert "has no index in its last convolution with rows and columns" in article


@pytest.mark.parametrize("network", NAMES)
def test_counts_of_kinds(folder: Path, network: str) -> None:
    site = Site(Store(folder / "build" / "store"), [f"degenerate_networks-{network}"])
    (model,) = site.models
    found = {}
    for layer in model.layers:
        kernels = model.result(Kernels, layer.name)
        assert kernels is not None
        if kernels.kinds.mark:
            found[layer.name] = kernels.kinds.mark
    assert found == MARKS[network]


@pytest.mark.parametrize("network", NAMES)
def test_export_gives_chance_and_the_reason(folder: Path, process: Callable[..., Any], network: str) -> None:
    ran = process(folder, "export", "banding", "--model", f"degenerate_networks:{network}")
    assert ran.status == 0, ran.err
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    for row in rows:
        undefined = row["not_defined"] != ""
        assert (row["index"] == "") == (row["index_adjusted"] == "") == undefined
        assert float(row["index_null"]) == pytest.approx(-6 / 26 if row["layer"] == "long" else 0)
    reasons = {row["layer"]: row["not_defined"] for row in rows if row["source"] == "weights" and row["not_defined"]}
    expected = {
        (name, layer): said[0].removeprefix("not defined: ")
        for (name, layer), said in SAID.items()
        if said[0].startswith("not defined")
    }
    assert reasons == {layer: reason for (name, layer), reason in expected.items() if name == network}


def test_dead_units_do_not_flatter_the_error_of_pictures(folder: Path, process: Callable[..., Any]) -> None:
    ran = process(folder, "export", "nmf", "--model", "degenerate_networks:dense")
    rows = [row for row in csv.DictReader(io.StringIO(ran.out)) if row["components"] == "1"]
    units = {row["layer"]: row["units"] for row in rows if row["mode"] == "joint"}
    assert (units["dead"], units["zero"], units["copies"]) == ("5", "0", "8")
    errors = {row["layer"]: row["error"] for row in rows if row["mode"] == "per-unit"}
    assert errors["zero"] == ""
    assert float(errors["dead"]) > 0.5
