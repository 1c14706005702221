"""A result that does not fit its schema is refused with the field's name; what fits comes back as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from wbsite.core.errors import WbsiteError
from wbsite.core.store import DamagedEntry, Store
from wbsite.results.base import (
    Record,
    Result,
    SchemaError,
    Table,
    array,
    arrays,
    boolean,
    integer,
    number,
    pictures,
    table,
    text,
    value,
)


class Part(Record):
    name: str
    size: float | None


class Made(Result, analysis="made", summary="made up"):
    """A schema with one field of every kind."""

    count: int = value("how many")
    part: Part | None = value("a group of values", default=None)
    by_name: dict[str, Part] = value("groups by name", default={})
    weights: NDArray[np.float32] = array("unit", "channel", about="weights")
    norm: NDArray[np.float64] | None = array("unit", about="norms", default=None)
    kernels: Mapping[str, NDArray[np.int64]] = arrays("unit", about="kernels by layer", default=None)
    rows: Table = table(unit=integer("unit"), h=number("H", missing=True), name=text("name"), dead=boolean("dead"))
    files: Mapping[str, bytes] = pictures("pictures", default=None)


ROWS = pd.DataFrame({"unit": [0, 1], "h": [0.5, np.nan], "name": ["a", "b"], "dead": [True, False]})


def fields(**changes: Any) -> dict[str, Any]:
    return {"count": 2, "weights": np.zeros((2, 3), np.float32), "rows": ROWS, **changes}


@pytest.fixture
def kept(tmp_path: Any) -> Callable[[Made], Made]:
    """A result as it comes out of a store."""
    store = Store(tmp_path / "store")
    return lambda made: Made.read(store.put("0" * 64, made.contents(), {"seconds": 1.0}))


def test_every_kind_of_field_comes_back_as_it_was(kept: Callable[[Made], Made]) -> None:
    part = Part(name="x", size=0.25)
    made = Made(
        **fields(
            part=part,
            by_name={"y": Part(name="y", size=None)},
            norm=np.ones(2),
            kernels={"conv1": np.arange(3), "conv2": np.arange(5)},
            files={"a.png": b"picture"},
        )
    )
    read = kept(made)
    assert (read.count, read.part, read.by_name["y"].size) == (2, part, None)
    np.testing.assert_array_equal(read.weights, made.weights)
    assert read.norm is not None
    assert {name: len(kernel) for name, kernel in read.kernels.items()} == {"conv1": 3, "conv2": 5}
    pd.testing.assert_frame_equal(read.rows, ROWS)
    assert dict(read.files) == {"a.png": b"picture"}
    assert (read.key, read.about) == ("0" * 64, {"seconds": 1.0})
    assert (made.key, made.about) == ("", {})


def test_fields_with_a_default_may_be_left_out(kept: Callable[[Made], Made]) -> None:
    for made in (Made(**fields()), kept(Made(**fields()))):
        assert (made.part, made.norm, dict(made.by_name)) == (None, None, {})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"counts": 3}, "no field 'counts'"),
        ({"count": "many"}, "made.count"),
        ({"count": 1.5}, "made.count"),
        ({"part": {"name": "x"}}, "made.part"),
        ({"part": {"name": "x", "size": 1, "colour": 2}}, "made.part"),
        ({"part": {"name": "x", "size": float("nan")}}, "made.part"),
        ({"weights": np.zeros((2, 3))}, r"made.weights is float64 \(2, 3\); expected float32 \(unit, channel\)"),
        ({"weights": np.zeros(2, np.float32)}, "made.weights"),
        ({"weights": [[0.0]]}, "made.weights is list"),
        ({"norm": np.zeros(3)}, "3 along 'unit', where another field has 2"),
        ({"kernels": {"conv1": np.zeros(3)}}, r"made.kernels\['conv1'\]"),
        ({"rows": ROWS.drop(columns="name")}, "made.rows has the columns"),
        ({"rows": ROWS[["name", "unit", "h", "dead"]]}, "made.rows has the columns"),
        ({"rows": ROWS.assign(unit=["a", "b"])}, "column 'unit' has type"),
        ({"rows": ROWS.assign(name=["a", None])}, "column 'name' has empty cells"),
        ({"rows": ROWS.assign(h=["0.5", "1"])}, "column 'h' has type"),
        ({"rows": {"unit": [0]}}, "made.rows is dict"),
        ({"files": {"a.png": "text"}}, "made.files must hold bytes"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SchemaError, match=named):
        Made(**fields(**changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weights": np.full((2, 3), np.inf, np.float32)}, "made.weights would hold infinite numbers"),
        ({"rows": ROWS.assign(h=[0.5, -np.inf])}, "made.rows: column 'h' would hold infinite numbers"),
    ],
)
def test_what_overflowed_is_refused_in_words(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(WbsiteError, match=named):
        Made(**fields(**changes))


def test_a_field_that_is_not_given_is_named() -> None:
    with pytest.raises(SchemaError, match="lacks the field 'count'"):
        Made(weights=np.zeros((2, 3), np.float32), rows=ROWS)  # type: ignore[call-arg]


def test_an_empty_table_fits_whatever_types_pandas_gives_it(kept: Callable[[Made], Made]) -> None:
    assert kept(Made(**fields(rows=pd.DataFrame(columns=["unit", "h", "name", "dead"])))).rows.empty


def test_a_result_is_not_changed() -> None:
    with pytest.raises(AttributeError):
        Made(**fields()).count = 3  # type: ignore[misc]


def test_a_field_may_not_take_a_name_that_every_result_has() -> None:
    with pytest.raises(TypeError, match="about"):
        type("Bad", (Result,), {"about": value("no")}, analysis="bad", summary="")


def test_damage_is_noticed_when_the_field_is_read(tmp_path: Any) -> None:
    store = Store(tmp_path / "store")
    read = Made.read(store.put("0" * 64, Made(**fields()).contents(), {}))
    next((tmp_path / "store").rglob("arrays.safetensors")).write_bytes(b"other")
    assert read.count == 2
    with pytest.raises(DamagedEntry):
        _ = read.weights
