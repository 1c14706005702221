"""The generated folder: what changed is written, what is stale goes, what is not ours stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical, opened, signed
from wbsite.render.output import JOURNAL, MANIFEST, Output, digest
from wbsite.render.page import Files, Incomplete, Page


def page(path: str, text: str, inputs: object = None) -> Page:
    def make() -> Files:
        return {"index.md": text.encode(), "data.csv": b"a\n1\n"}

    return Page(path, inputs or text, make)


def put(output: Output, one: Page, common: str = "code") -> None:
    output.page(one, common, one.make())


def run(root: Path, *pages: Page, common: str = "code") -> Output:
    output = Output(root)
    for one in pages:
        if not output.is_fresh(one, common):
            put(output, one, common)
    output.finish()
    return output


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_only_what_changed_is_made_and_written(tmp_path: Path) -> None:
    first = run(tmp_path, page("", "home"), page("models/a", "a"))
    assert (first.made, first.changed) == (2, 4)
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)}
    again = run(tmp_path, page("", "home"), page("models/a", "a"))
    assert (again.made, again.changed) == (0, 0)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)} == times
    other = run(tmp_path, page("", "home"), page("models/a", "changed"))
    assert (other.made, other.changed) == (1, 1)


def test_other_code_makes_all_pages_again_but_writes_only_what_differs(tmp_path: Path) -> None:
    run(tmp_path, page("", "home"))
    again = run(tmp_path, page("", "home"), common="newer code")
    assert (again.made, again.changed) == (1, 0)


def test_pages_that_are_no_longer_made_go_with_their_folders(tmp_path: Path) -> None:
    run(tmp_path, page("models/a", "a"), page("models/b/c", "c"))
    run(tmp_path, page("models/a", "a"))
    assert names(tmp_path) == [MANIFEST, "models/a/data.csv", "models/a/index.md"]
    assert not (tmp_path / "models" / "b").exists()


def test_a_page_that_was_changed_or_removed_by_hand_is_made_again(tmp_path: Path) -> None:
    run(tmp_path, page("", "home"))
    (tmp_path / "index.md").write_text("scribble")
    (tmp_path / "data.csv").unlink()
    run(tmp_path, page("", "home"))
    assert (tmp_path / "index.md").read_text() == "home"
    assert (tmp_path / "data.csv").exists()


def test_files_of_others_survive(tmp_path: Path) -> None:
    run(tmp_path, page("models/a", "a"))
    for name in ("mine.md", "models/a/mine.txt"):
        (tmp_path / name).write_text("mine")
    run(tmp_path)
    assert names(tmp_path) == [MANIFEST, "mine.md", "models/a/mine.txt"]


def test_a_file_of_others_in_the_way_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("a year of my work")
    with pytest.raises(WbsiteError, match=r"index.md was not written by wbsite") as caught:
        run(tmp_path, page("", "home"))
    assert "Move it" in caught.value.hint
    assert (tmp_path / "index.md").read_text() == "a year of my work"


def test_what_an_interrupted_run_wrote_is_known_to_be_ours(tmp_path: Path) -> None:
    killed = Output(tmp_path)
    put(killed, page("models/a", "half"))
    put(killed, page("models/b", "gone"))
    assert (tmp_path / JOURNAL).exists()
    assert not (tmp_path / MANIFEST).exists()
    run(tmp_path, page("models/a", "whole"))
    assert names(tmp_path) == [MANIFEST, "models/a/data.csv", "models/a/index.md"]
    assert (tmp_path / "models" / "a" / "index.md").read_text() == "whole"


def test_half_written_files_go_and_those_of_others_stay(tmp_path: Path) -> None:
    run(tmp_path, page("models/a", "a"))
    ours = [tmp_path / "models" / "a" / ".index.md.123.partial", tmp_path / f".{MANIFEST}.123.partial"]
    others = [tmp_path / name for name in (".download.partial", ".thesis.tex.7.partial", "models/a/.x.1.partial")]
    for path in ours + others:
        path.write_text("half")
    run(tmp_path, page("models/a", "a"))
    assert [path for path in ours if path.exists()] == []
    assert [path for path in others if not path.exists()] == []


def test_a_page_with_a_figure_that_failed_is_made_again(tmp_path: Path) -> None:
    """The defect may lie in something that no digest covers."""

    def make() -> Files:
        return Incomplete({"index.md": b"card"}, {"chart": "KeyError"})

    first = run(tmp_path, Page("a", "same", make))
    assert (first.made, first.defects) == (1, {"a": {"chart": "KeyError"}})
    again = run(tmp_path, Page("a", "same", make))
    assert (again.made, again.changed) == (1, 0)
    mended = run(tmp_path, page("a", "whole", "same"))
    assert (mended.made, mended.defects) == (1, {})
    assert run(tmp_path, page("a", "whole", "same")).made == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pages": 3}', '{"pages": {"a": {}}}', "\xff"])
def test_a_damaged_record_costs_a_rendering_and_no_file(tmp_path: Path, text: str) -> None:
    run(tmp_path, page("", "home"))
    (tmp_path / MANIFEST).write_bytes(text.encode("latin-1"))
    again = run(tmp_path, page("", "home"))
    assert (again.made, again.changed) == (1, 0)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WbsiteError, match=r"file/docs cannot be written \(Not a directory\)"):
        Output(tmp_path / "file" / "docs")
    output = Output(tmp_path / "docs")
    (tmp_path / "docs" / "models").write_text("a file where a folder should be")
    with pytest.raises(WbsiteError, match="cannot be written"):
        put(output, page("models/a", "a"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_no_space_left_is_said_and_the_old_page_kept(tmp_path: Path) -> None:
    run(tmp_path, page("", "old"))
    output = Output(tmp_path)
    # The very file the page is written to first is on a full device.
    (tmp_path / f".index.md.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(WbsiteError, match=r"index.md cannot be written \(No space left on device\)") as caught:
        put(output, page("", "new"))
    assert "Make room" in caught.value.hint
    assert (tmp_path / "index.md").read_text() == "old"
    run(tmp_path, page("", "new"))
    assert (tmp_path / "index.md").read_text() == "new"


@pytest.mark.parametrize("name", ["../mine.txt", "/ABSOLUTE/mine.txt", "link/mine.txt", "models"])
@pytest.mark.parametrize("by", ["journal", "record", "signed record"])
def test_nothing_outside_is_removed_whatever_the_folder_says_of_itself(tmp_path: Path, name: str, by: str) -> None:
    root, mine, name = tmp_path / "docs", tmp_path / "mine.txt", name.replace("/ABSOLUTE", str(tmp_path))
    mine.write_text("mine")
    run(root, page("", "first"))
    (root / "link").symlink_to(tmp_path)
    (root / "models").mkdir()
    if by == "journal":
        (root / JOURNAL).write_text(f"{name}\n")
    else:
        document = opened((root / MANIFEST).read_bytes())
        document["pages"]["x"] = {"inputs": "", "files": {name: digest(b"mine")}}
        (root / MANIFEST).write_bytes(signed(document) if by == "signed record" else canonical(document))
    run(root, page("", "second"))
    assert mine.read_text() == "mine"
    assert (root / "models").is_dir()
    assert not (root / JOURNAL).exists()


def test_links_among_the_pages_are_replaced_and_never_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "docs", tmp_path / "elsewhere"
    run(root, page("", "first"), page("a", "a"))
    elsewhere.mkdir()
    for place in ("index.md", "a"):
        (root / place).rename(elsewhere / place)
        (root / place).symlink_to(elsewhere / place)
    run(root, page("", "second"), page("a", "b"))
    assert ((elsewhere / "index.md").read_text(), (elsewhere / "a" / "index.md").read_text()) == ("first", "a")
    assert ((root / "index.md").read_text(), (root / "a" / "index.md").read_text()) == ("second", "b")
    assert not [path for path in root.rglob("*") if path.is_symlink()]
