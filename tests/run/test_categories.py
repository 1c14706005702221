"""The user's categories: units numbered as on their pages, part of what reads them and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Entry, Store
from wbsite.datasets._categories import CategoriesError, check_layers, labels
from wbsite.run.subjects.model import ModelSubject

HEAD = "layer,unit,category\n"


@pytest.fixture
def mine(work: Path) -> Path:
    path = work / "mine.csv"
    path.write_text(HEAD + "conv2,7,edge\nconv1,0,colour\nconv1,5,colour\n")
    return path


def labelled(folder: str = "build/store") -> Entry:
    store = Store(folder)
    entry = store.get((store.record("models/speck") or {})["results"]["labelled"][""]["key"])
    assert entry is not None
    return entry


def rows() -> list[tuple[Any, ...]]:
    return list(labelled().table("rows").itertuples(index=False, name=None))


def test_they_reach_what_declares_them_and_its_record(bench: Any, mine: Path) -> None:
    ran = bench.compute("--categories", str(mine))
    assert ran.status == 0, ran.err
    assert rows() == [("conv1", 0, "colour"), ("conv1", 5, "colour"), ("conv2", 7, "edge")]
    assert labelled().about["categories"] == {"name": "mine.csv", "units": 3}
    store = Store("build/store")
    others = [entry for entry in map(store.get, store.keys()) if entry and entry.about["analysis"] != "labelled"]
    assert all("categories" not in entry.about for entry in others)
    assert bench.compute("--categories", str(mine)).err == ""
    exported = bench.export("labelled", "--categories", str(mine))
    assert exported.out.splitlines()[1] == "speck,conv1,0,colour"


def test_only_what_they_say_of_the_network_is_computed_anew(bench: Any, mine: Path) -> None:
    bench.compute()
    assert rows() == []
    none = labelled().key
    assert "compute 1 of " in bench.compute("--categories", str(mine)).err
    mine.write_text("\n".join([HEAD.strip(), *reversed(mine.read_text().splitlines()[1:])]) + "\n")
    assert "compute" not in bench.compute("--categories", str(mine)).err, "the order of lines decides nothing"
    mine.write_text(HEAD + "conv2,6,edge\n")
    assert "compute 1 of " in bench.compute("--categories", str(mine)).err
    assert rows() == [("conv2", 6, "edge")]
    bench.compute()
    assert labelled().key == none


def test_layers_of_another_network_of_the_site_are_left_to_it(bench: Any, mine: Path) -> None:
    mine.write_text(mine.read_text() + "5b,3,band\n")
    of = ("--models", "speck,simplified_32", "--weights-dir", str(bench.weights), "--categories", str(mine))
    ran = bench.command("compute", *of)
    assert ran.status == 0, ran.err
    assert len(rows()) == 3
    alone = bench.compute("--categories", str(mine))
    assert alone.status == 2, "nothing is to compute, and yet nobody has that layer"
    assert "unknown layer '5b'" in alone.err


def test_an_analysis_cannot_see_them_without_saying_so(bench: Any, mine: Path) -> None:
    """Or its results would stay when the categories change."""
    with bench.changed("labelled", inputs=()):
        ran = bench.compute("--categories", str(mine))
    assert ran.status == 3
    assert "an analysis asks for categories that are no part" in ran.err


def test_units_have_the_numbers_of_their_pages(work: Path) -> None:
    """In a block they go on from one branch to the next, under the block's name and the layer's."""
    units = ModelSubject("inceptionv1_32").load("quick").units()
    path = work / "blocks.csv"
    # mixed3a: 24 units of 1x1, 48 of 3x3, 12 of 5x5, 12 of pool_reduce
    path.write_text(HEAD + "mixed3a,23,a\nmixed3a,24,a\nmixed3a_5x5,72,a\nmixed3a,72,a\nmixed3a_3x3_bottleneck,0,b\n")
    found = labels(str(path), "inceptionv1_32", units)
    assert list(found.table.itertuples(index=False, name=None)) == [
        ("mixed3a_1x1", 23, "a"),
        ("mixed3a_3x3", 0, "a"),
        ("mixed3a_3x3_bottleneck", 0, "b"),
        ("mixed3a_5x5", 0, "a"),
    ]
    assert set(found.named) == {"mixed3a", "mixed3a_5x5", "mixed3a_3x3_bottleneck"}
    for row, has in (("mixed3a_5x5,0", "72 to 83"), ("mixed3a,96", "0 to 23, 24 to 71, 72 to 83, 84 to 95")):
        path.write_text(f"{HEAD}{row},a\n")
        with pytest.raises(CategoriesError, match=f"has no unit {row.split(',')[1]}, but {has}"):
            labels(str(path), "inceptionv1_32", units)


def test_the_nearest_names_of_all_networks_are_given(mine: Path) -> None:
    with pytest.raises(WbsiteError) as error:
        check_layers(str(mine), ["conv2"], ["conv1_1", "conv2", "fc"])
    assert error.value.message == "unknown layer 'conv1'."
    assert "'conv1_1'" in error.value.hint
    assert "mine.csv, line 3" in error.value.hint


def test_a_file_that_changes_while_it_is_read_is_noticed(
    bench: Any, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wbsite.run import inputs

    calls: list[Any] = []

    def other(path: str, *given: Any) -> Any:
        if calls:  # it was planned with
            mine.write_text(HEAD + "conv1,1,colour\n")
        calls.append(given)
        return labels(path, *given)

    monkeypatch.setattr(inputs, "labels", other)
    ran = bench.compute("--categories", str(mine))
    assert ran.status == 3
    assert "the categories of speck changed while they were analysed" in ran.err
