"""The store: results survive whatever happens to the process, the disk and the files."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wbsite.core.filing.documents import canonical
from wbsite.core.filing.files import write_atomically
from wbsite.core.store import Contents, DamagedEntry, Store, StoreError, result_key

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


def test_no_space_left_is_said_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    store.put_record("models/a", {"digest": "1"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))  # bytes that a file may have
    try:
        with pytest.raises(StoreError, match="no space left") as caught:
            store.put_record("models/a", {"digest": "2"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
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


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"models": ["a"]}', '{"models": ["a"], "sha256": "0"}'])
def test_a_damaged_record_is_none_and_what_is_wrong_is_said(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    store.put_record("last", {"models": ["a"]})
    assert store.damage("last") == ""
    (tmp_path / "records" / "last.json").write_text(text)
    assert store.record("last") is None
    assert store.damage("last")
    store.put_record("last", {"models": ["a"]})
    assert store.record("last") == {"models": ["a"]}


def test_every_flip_and_every_cut_of_a_record_and_of_a_manifest_is_noticed(tmp_path: Path) -> None:
    """Or a site lacks a suite, or says a wrong sentence, and nobody knows."""
    store = Store(tmp_path)
    store.put_record("models/a", {"title": "Ä", "results": {"banding": {"conv1": {"key": KEY}}}, "share": 0.25})
    store.put(KEY, Contents(values={"index": 1}), {"analysis": "a"})
    record, manifest = tmp_path / "records/models/a.json", tmp_path / "objects" / KEY[:2] / KEY / "manifest.json"
    for path, noticed in ((record, lambda: bool(store.damage("models/a"))), (manifest, lambda: store.torn(KEY))):
        whole = path.read_bytes()
        for place in range(len(whole)):
            for data in (whole[:place], whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]):
                path.write_bytes(data)
                assert noticed(), data
        path.write_bytes(whole)
        assert not noticed()


@pytest.mark.parametrize("key", ["", "..", "../../x", "a/b", "/etc", "a\0b"])
def test_a_key_that_leads_elsewhere_is_none(tmp_path: Path, key: str) -> None:
    """Records name keys, and may come from someone else."""
    (tmp_path / "objects" / "x").mkdir(parents=True)
    (tmp_path / "x").write_text("kept")
    store = Store(tmp_path / "objects" / "x")
    store.prepare()
    assert store.get(key) is None
    assert not store.torn(key)
    store.remove(key)
    with pytest.raises(StoreError, match="is no key"):
        store.put(key, result(), {})
    assert (tmp_path / "x").read_text() == "kept"


@pytest.mark.parametrize("name", ["", "../last", "/last", "a/../../last"])
def test_a_record_whose_name_leads_elsewhere_is_none(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "store")
    (tmp_path / "last.json").write_bytes(b"{}")
    assert store.record(name) is None
    with pytest.raises(StoreError, match="is no name of a record"):
        store.put_record(name, {})


def test_what_the_store_did_not_file_is_no_entry_of_it(tmp_path: Path) -> None:
    """`wbsite clean` removes what nothing names: another program's folders of the same names must stay."""
    store = Store(tmp_path)
    store.put(KEY, result(), {})
    (tmp_path / "objects" / "pack" / "mine").mkdir(parents=True)
    (tmp_path / "objects" / "00" / KEY).mkdir(parents=True)
    (tmp_path / "objects" / "file").write_text("")
    assert store.keys() == [KEY]


def test_a_folder_of_other_files_is_no_place_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    for write in (
        Store.prepare,
        lambda store: store.put_record("last", {}),
        lambda store: store.put(KEY, result(), {}),
    ):
        with pytest.raises(StoreError, match=r"holds other files than a store's, such as thesis\.tex"):
            write(Store(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(StoreError, match="root of all folders"):
        Store("/")


def test_a_link_in_place_of_an_entry_is_taken_away_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "values.json").write_text("kept")
    store = Store(tmp_path / "store")
    store.prepare()
    place = tmp_path / "store" / "objects" / KEY[:2] / KEY
    place.parent.mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    store.remove(KEY)
    assert not place.is_symlink()
    assert (tmp_path / "elsewhere" / "values.json").read_text() == "kept"


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
