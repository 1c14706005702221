"""The store: results survive whatever happens to the process, the disk and the files."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wbsite.core.store import Contents, DamagedEntry, Store, StoreError, canonical, result_key, write_atomically

KEY = result_key({"analysis": "a", "weights": "w"})


def result() -> Contents:
    return Contents(
        values={"index": 0.25, "name": "ö"},
        arrays={"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([1, 2])},
        tables={"rows": pd.DataFrame({"unit": [0, 1], "H": [0.5, -0.5]})},
        pictures={"sheet.png": b"\x89PNG"},
    )


def test_a_result_comes_back_exactly_as_it_was_computed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(KEY, result(), {"analysis": "a"})
    entry = Store(tmp_path).get(KEY)
    assert entry is not None
    assert entry.values == {"index": 0.25, "name": "ö"}
    assert entry.arrays["b"].dtype == np.float32
    assert entry.arrays["b"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert entry.table("rows")["H"].tolist() == [0.5, -0.5]
    assert entry.file("sheet.png") == b"\x89PNG"
    assert entry.about == {"analysis": "a"}
    assert store.damaged() == []
    with pytest.raises(KeyError):
        entry.table("columns")


def test_a_table_is_the_callers_own_to_change(tmp_path: Path) -> None:
    entry = Store(tmp_path).put(KEY, result(), {"analysis": "a"})
    changed = entry.table("rows")
    changed["H"] = 1.0
    changed.loc[0, "unit"] = 7
    pd.testing.assert_frame_equal(entry.table("rows"), result().tables["rows"])


def test_the_key_changes_with_everything_that_decides_a_result_and_with_nothing_else() -> None:
    """Or a reader sees numbers of other weights, or everything is computed twice."""
    parts = {"analysis": "nmf", "code": "aa", "params": {"n": 3}, "weights": "abc", "needs": {"x": "y"}}
    key = result_key(parts)
    assert result_key(dict(reversed(parts.items()))) == key
    for name in parts:
        assert result_key({**parts, name: "other"}) != key


def test_numbers_that_json_lacks_are_refused_when_written(tmp_path: Path) -> None:
    """NaN in a value would make the file unreadable for other programs."""
    with pytest.raises(ValueError, match="JSON"):
        Store(tmp_path).put(KEY, Contents(values={"index": float("nan")}), {})


@pytest.mark.parametrize("name", ["values.json", "arrays.safetensors", "rows.parquet", "sheet.png"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_file_is_never_used(tmp_path: Path, name: str, damage: str) -> None:
    store = Store(tmp_path)
    store.put(KEY, result(), {})
    path = tmp_path / "objects" / KEY[:2] / KEY / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-1] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    entry = store.get(KEY)
    assert entry is not None
    with pytest.raises(DamagedEntry) as caught:
        entry.check()
    assert caught.value.key == KEY
    assert name in str(caught.value)
    assert "wbsite build" in str(caught.value)
    assert store.damaged() == [KEY]


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null", "7", '{"files": {}}', '{"digest": "0"}', "\xff\xfe"])
def test_a_damaged_manifest_is_no_entry(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    store.put(KEY, result(), {})
    (tmp_path / "objects" / KEY[:2] / KEY / "manifest.json").write_bytes(text.encode("latin-1"))
    assert store.get(KEY) is None
    assert store.torn(KEY)
    assert store.damaged() == [KEY]
    store.put(KEY, result(), {})
    assert store.damaged() == []


def test_a_manifest_changed_by_hand_is_no_entry(tmp_path: Path) -> None:
    """Or someone else's file with a matching digest would be shown as ours."""
    store = Store(tmp_path)
    store.put(KEY, result(), {"weights": "abc"})
    path = tmp_path / "objects" / KEY[:2] / KEY / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "about": {"weights": "xyz"}}))
    assert store.get(KEY) is None


def _put_and_die(root: str) -> None:
    store, count = Store(root), 0
    write = store._write

    def dying(path: str, data: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            os._exit(9)
        write(path, data)

    store._write = dying  # type: ignore[method-assign]
    store.put(KEY, result(), {})


def test_a_write_that_is_cut_off_leaves_no_entry_and_can_be_repeated(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_put_and_die, args=(str(tmp_path),))
    child.start()
    child.join()
    assert child.exitcode == 9
    store = Store(tmp_path)
    assert store.keys() == [KEY]
    assert store.get(KEY) is None
    assert not store.torn(KEY)
    store.put(KEY, result(), {})
    assert store.damaged() == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_no_space_left_is_said_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    store.put_record("models/a", {"digest": "1"})
    # The very file the store writes to first is on a full device.
    (tmp_path / "records" / "models" / f".a.json.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="no space left") as caught:
        store.put_record("models/a", {"digest": "2"})
    assert "--store" in caught.value.hint
    assert store.record("models/a") == {"digest": "1"}
    assert [path.name for path in (tmp_path / "records" / "models").iterdir()] == ["a.json"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    with pytest.raises(StoreError, match=r"file/store cannot be created \(Not a directory\)"):
        store.prepare()
    with pytest.raises(StoreError, match="cannot be written"):
        store.put(KEY, result(), {})
    with pytest.raises(StoreError, match="cannot be locked"), store.lock(KEY):
        pass
    assert (tmp_path / "file").read_text() == ""


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "records" / "last.json").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be read"):
        Store(tmp_path).record("last")


@pytest.mark.parametrize("url", ["foo://x", "nothing::y://z"])
def test_an_address_of_no_known_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Store(url)
    assert url in str(caught.value)


def test_opening_a_store_writes_nothing(tmp_path: Path) -> None:
    """A typing error in another option must not leave folders behind."""
    store = Store(tmp_path / "store")
    assert not store.exists()
    assert store.record("last") is None
    assert store.get(KEY) is None
    assert store.keys() == store.records("models") == store.damaged() == []
    assert not (tmp_path / "store").exists()


def test_a_store_need_not_be_a_folder() -> None:
    """Object storage is reached the same way; fsspec's memory stands in for it."""
    store = Store("memory://wbsite-test")
    store.prepare()
    with store.lock(KEY):
        store.put(KEY, result(), {"analysis": "a"})
    store.put_record("models/x", {"id": "x"})
    again = Store("memory://wbsite-test")
    entry = again.get(KEY)
    assert entry is not None
    assert entry.values["index"] == 0.25
    assert again.records("models") == ["models/x"]
    assert again.exists()
    again.fs.pipe_file(f"{again.root}/objects/{KEY[:2]}/{KEY}/values.json", b"{}")
    assert again.damaged() == [KEY]
    again.remove(KEY)
    assert again.keys() == []


def test_a_relative_store_stays_where_it_was_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("store")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put_record("last", {"models": []})
    assert (tmp_path / "store" / "records" / "last.json").is_file()


def test_records_are_replaced_whole_and_left_alone_when_equal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_record("models/a", {"digest": "1"})
    path = tmp_path / "records" / "models" / "a.json"
    before = path.stat().st_mtime_ns
    store.put_record("models/a", {"digest": "1"})
    assert path.stat().st_mtime_ns == before
    store.put_record("models/a", {"digest": "2"})
    assert store.record("models/a") == {"digest": "2"}
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    store.put_record("last", {"models": ["a"]})
    (tmp_path / "records" / "last.json").write_text(text)
    assert store.record("last") is None


def test_a_key_is_computed_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Two builds on one disk must not do the same work twice."""
    first, second, order = Store(tmp_path), Store(tmp_path), []

    def other() -> None:
        with second.lock(KEY):
            order.append("second")

    with first.lock(KEY):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_what_is_cached_in_files_is_not_a_folder() -> None:
    """Or results meant for a remote store would go to a folder of the same name here."""
    assert not Store("filecache::memory://somewhere").local
    assert not Store("memory://somewhere").local
    assert Store("somewhere").local


def test_what_interrupted_writes_left_is_swept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.lock(KEY):
        store.put(KEY, result(), {})
    left = tmp_path / "objects" / KEY[:2] / KEY / ".values.json.123.partial"
    left.write_text("half")
    store.sweep()
    assert not left.exists()
    assert not list((tmp_path / "locks").iterdir())
    assert store.damaged() == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")
    path.with_name(f".a.json.{os.getpid()}.partial").mkdir()
    with pytest.raises(OSError, match="a directory"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_one_value_has_one_text() -> None:
    """Keys are digests of it: spacing or order must not make another result."""
    assert canonical({"b": [1, 2.5], "a": "ö"}) == '{"a":"ö","b":[1,2.5]}'.encode()
    assert result_key({"a": 1, "b": 2}) == result_key({"b": 2, "a": 1})
