"""The finished site's folder: brought up to date without touching what wbsite did not write."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import signed
from wbsite.render.finished import OURS, publish, refuse_foreign, up_to_date
from wbsite.render.output import digest
from wbsite.render.publish import mkdocs_site, run_mkdocs


def site(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_the_users_own_files_survive_and_stale_pages_go(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(site(tmp_path / "1", index_html="1", a__index_html="a"), out, "x", strict=False)
    (out / "CNAME").write_text("example.org")
    (out / "a" / "mine.txt").write_text("mine")
    publish(site(tmp_path / "2", index_html="2", b__index_html="b"), out, "y", strict=False)
    assert names(out) == [OURS, "CNAME", "a/mine.txt", "b/index.html", "index.html"]
    assert (out / "index.html").read_text() == "2"


def test_a_record_half_written_by_a_killed_run_goes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(site(tmp_path / "1", index_html="1"), out, "x", strict=False)
    (out / f".{OURS}.123.partial").write_text("{")
    (out / ".upload.partial").write_text("mine")
    publish(site(tmp_path / "2", index_html="2"), out, "y", strict=False)
    assert names(out) == [".upload.partial", OURS, "index.html"]


def listed(out: Path, files: dict[str, str], right: bool) -> None:
    """Puts these files on the list of a site, with a digest that is right or that of the list before."""
    before = json.loads((out / OURS).read_text())
    changed = {**before, "files": {**before["files"], **files}}
    changed.pop("sha256")
    (out / OURS).write_bytes(signed(changed) if right else json.dumps({**changed, "sha256": before["sha256"]}).encode())


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("name", ["../mine.txt", "/ABSOLUTE/mine.txt", "a/../../mine.txt", "link/mine.txt", ".."])
def test_nothing_outside_is_removed_whatever_the_list_of_files_says(tmp_path: Path, name: str, right: bool) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine.txt"
    mine.write_text("mine")
    publish(site(tmp_path / "1", index_html="1", a__index_html="a"), out, "x", strict=False)
    (out / "link").symlink_to(tmp_path)
    listed(out, {name.replace("/ABSOLUTE", str(tmp_path)): digest(b"mine")}, right)
    doubt = publish(site(tmp_path / "2", index_html="1"), out, "y", strict=False)
    assert mine.read_text() == "mine"
    if not right or name != "link/mine.txt":
        assert f"the list of files {out / OURS} is not believed" in doubt
        assert (out / "a" / "index.html").exists()  # what only that list names stays
    assert up_to_date(out, "y", strict=False)


@pytest.mark.parametrize("place", ["index.html", "a/index.html", "a", OURS])
def test_links_in_the_site_are_replaced_and_never_followed(tmp_path: Path, place: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    publish(site(tmp_path / "1", index_html="1", a__index_html="a", a__b_html="b"), out, "x", strict=False)
    elsewhere.mkdir()
    (out / place).rename(elsewhere / "target")
    (out / place).symlink_to(elsewhere / "target")
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    assert up_to_date(out, "x", strict=False) == (place == OURS)
    publish(site(tmp_path / "2", index_html="2", a__index_html="c"), out, "y", strict=False)
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before
    assert [path for path in out.rglob("*") if path.is_symlink()] == []
    assert ((out / "index.html").read_text(), (out / "a" / "index.html").read_text()) == ("2", "c")


def test_a_damaged_list_lets_the_site_be_brought_up_to_date_all_the_same(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(site(tmp_path / "1", index_html="1", other_html="o"), out, "x", strict=False)
    listed(out, {"index.html": digest(b"1")}, right=False)
    (out / OURS).write_bytes((out / OURS).read_bytes().replace(b'"made_from": "x"', b'"made_from": "z"'))
    assert not up_to_date(out, "z", strict=False)
    assert "its digest is another's" in publish(site(tmp_path / "2", index_html="2"), out, "z", strict=False)
    assert (out / "index.html").read_text() == "2"
    (out / OURS).write_bytes(b"{")
    with pytest.raises(WbsiteError, match="in the way"):  # nothing tells whose it is
        publish(site(tmp_path / "3", index_html="3"), out, "y", strict=False)
    assert "it is no JSON" in publish(site(tmp_path / "4", index_html="2"), out, "y", strict=False)


def test_a_page_that_was_changed_is_put_right(tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(site(tmp_path / "1", index_html="1"), out, "x", strict=False)
    (out / "index.html").write_text("2")
    assert not up_to_date(out, "x", strict=False)


@pytest.mark.parametrize("place", ["index.html", "a", "a/index.html/x"])
def test_a_file_of_the_user_in_the_way_is_named_and_nothing_changes(tmp_path: Path, place: str) -> None:
    out = tmp_path / "out"
    publish(site(tmp_path / "1", other_html="1"), out, "x", strict=False)
    path = out / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(WbsiteError, match="was not written by wbsite"):
        publish(site(tmp_path / "2", index_html="2", a__index_html="b"), out, "y", strict=False)
    assert path.read_text() == "mine"
    assert (out / "other.html").read_text() == "1"


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(WbsiteError, match="holds files that wbsite did not write"):
        refuse_foreign(tmp_path)
    with pytest.raises(WbsiteError, match="is a file"):
        refuse_foreign(tmp_path / "thesis.tex")
    with pytest.raises(WbsiteError, match="cannot be written"):
        refuse_foreign(tmp_path / "thesis.tex" / "site")
    refuse_foreign(tmp_path / "free" / "site")
    assert names(tmp_path) == ["thesis.tex"]
    assert not (tmp_path / "free").exists()


def test_a_site_is_up_to_date_only_when_it_was_finished_from_the_present_pages(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert not up_to_date(out, "x", strict=False)
    publish(site(tmp_path / "1", index_html="1"), out, "x", strict=False)
    assert up_to_date(out, "x", strict=False)
    assert not up_to_date(out, "y", strict=False)
    assert not up_to_date(out, "x", strict=True)  # mkdocs may have warned
    (out / "index.html").unlink()
    assert not up_to_date(out, "x", strict=False)
    (out / OURS).write_text("[]")
    assert not up_to_date(out, "x", strict=False)


def test_no_file_is_lost_when_the_build_is_sent_to_a_folder_in_use(
    work: Path, build: Callable[..., Any], cli: Callable[..., Any]
) -> None:
    (work / "papers").mkdir()
    (work / "papers" / "thesis.tex").write_text("mine")
    ran = build("--out", "papers")
    assert ran.status == 2
    assert "holds files that wbsite did not write" in ran.err
    assert names(work) == ["papers/thesis.tex"]


def test_a_mkdocs_yml_of_another_project_is_left_alone(work: Path, build: Callable[..., Any]) -> None:
    (work / "mkdocs.yml").write_text("site_name: Mine\n")
    ran = build()
    assert ran.status == 2
    assert "makes another site" in ran.err
    assert names(work) == ["mkdocs.yml"]


def test_a_folder_build_mkdocs_of_another_project_is_left_alone(work: Path, build: Callable[..., Any]) -> None:
    (work / "build" / "mkdocs").mkdir(parents=True)
    (work / "build" / "mkdocs" / "index.html").write_text("mine")
    ran = build()
    assert ran.status == 2
    assert "holds files that wbsite did not write" in ran.err
    assert names(work) == ["build/mkdocs/index.html"]


def test_build_docs_of_another_project_is_left_alone(rebuilt: Path, build: Callable[..., Any]) -> None:
    import shutil

    shutil.rmtree(rebuilt / "build" / "docs")
    site(rebuilt / "build" / "docs", index_md="mine")
    ran = build()
    assert ran.status == 2
    assert "was not written by wbsite and is in the way" in ran.err
    assert (rebuilt / "build" / "docs" / "index.md").read_text() == "mine"


def test_a_disk_that_mkdocs_fills_is_said_in_our_words(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the advice would be to repair mkdocs.yml. (The torture fills real disks.)"""
    said = b"Traceback (most recent call last):\nOSError: [Errno 28] No space left on device: 'index.html'"
    ended = subprocess.CompletedProcess([], 1, stdout=b"", stderr=said)
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: ended)
    (work / "build" / "docs").mkdir(parents=True)
    (work / "build" / "docs" / "index.md").write_bytes(bytes(3_000_000))
    with pytest.raises(WbsiteError, match="no space left for the site that mkdocs makes in build/mkdocs") as caught:
        run_mkdocs(work / "built", strict=False)
    assert "take about 6 MB there" in caught.value.hint
    assert "Traceback" not in str(caught.value)


def test_only_folders_of_our_own_in_build_mkdocs_are_removed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wbsite.render.publish.run_mkdocs", lambda *given: None)
    (work / "mine").mkdir()
    (work / "mine" / "index.html").write_text("mine")
    for place in ("mine", "wbsite-left"):
        (work / "build" / "mkdocs" / place).mkdir(parents=True)
    with mkdocs_site(strict=False) as built:
        assert built.is_dir()
    assert [path.name for path in (work / "build" / "mkdocs").iterdir()] == ["mine"]
    (work / "build" / "mkdocs" / "mine").rmdir()
    (work / "build" / "mkdocs").rmdir()
    (work / "build" / "mkdocs").symlink_to(work / "mine")
    with mkdocs_site(strict=False):
        pass
    assert (work / "mine" / "index.html").read_text() == "mine"
