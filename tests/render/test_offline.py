"""A site made with --offline works from its folder, in a browser without a server: pages, units, charts and search."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from faults import STILL, VIEWS, faults, pages

from wbsite.render.offline.configuration import POLYFILLS, configuration
from wbsite.render.offline.standalone import script, with_files_named

RENDER = ("render", "--models", "speck", "--offline", "--out", "folder", "--zip")


@pytest.fixture(scope="module")
def work_folder(built: Path, process: Callable[..., Any], once: Callable[..., Path]) -> Path:
    """A folder in which the site of `built` was rendered with --offline, into `folder` and folder.zip. Look only."""

    def render(work: Path) -> None:
        shutil.copytree(built, work, dirs_exist_ok=True)
        ran = process(work, *RENDER, "--strict")
        assert ran.status == 0, ran.err

    return once("offline", render)


@pytest.fixture(scope="module")
def folder(work_folder: Path) -> Path:
    """The site that works from a folder."""
    return work_folder / "folder"


@pytest.mark.parametrize("view", [VIEWS[0], VIEWS[-1]], ids=str)
def test_every_page_is_whole_when_it_is_opened_as_a_file(folder: Path, browser: Any, view: Any) -> None:
    found = dict(faults(browser, f"{folder.as_uri()}/", pages(folder), view))
    assert len(found) > 10
    assert not {name: wrong for name, wrong in found.items() if wrong}


def test_pages_without_scripts_ask_for_nothing_that_is_not_there(folder: Path, browser: Any) -> None:
    found = dict(faults(browser, f"{folder.as_uri()}/", pages(folder), STILL[0]))
    assert not [fault for wrong in found.values() for fault in wrong if not fault.startswith("nothing in figure")]


def test_every_link_names_a_file(folder: Path) -> None:
    for name in pages(folder):
        for address in re.findall(r'<a\b[^>]*\shref="([^"#?]*)', (folder / name).read_text(encoding="utf-8")):
            if address and ":" not in address:
                assert (folder / name).parent.joinpath(address).is_file(), f"{name} links to {address}"


def test_check_finds_no_problem_in_it(folder: Path, process: Callable[..., Any]) -> None:
    ran = process(folder.parent, "check", "folder")
    assert ran.status == 0, ran.out


def test_the_search_leads_to_a_unit_and_its_panel(folder: Path, browser: Any) -> None:
    root = f"{folder.as_uri()}/"
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{root}articles/weight-banding/index.html")
    page.click(".md-search__input")
    page.fill(".md-search__input", "conv3 ")
    page.press(".md-search__input", "7")
    page.wait_for_selector(".md-search-result__item", state="attached")
    page.press(".md-search__input", "Enter")
    page.wait_for_selector(".wb-unitpanel[data-shown='7']")
    assert page.url.startswith(f"{root}models/speck/conv3/index.html")
    page.locator("a.wb-connection").first.click()  # made by a script
    page.wait_for_selector(".wb-unitpanel[data-shown]:not([data-shown='7'])")
    assert re.fullmatch(re.escape(root) + r"models/speck/\w+/index\.html#unit-\d+", page.url)
    page.close()


def test_a_second_run_leaves_the_archive_as_it_is(folder: Path, process: Callable[..., Any]) -> None:
    archive = folder.parent / "folder.zip"
    before = archive.stat().st_mtime_ns, archive.read_bytes()
    ran = process(folder.parent, *RENDER)
    assert ran.status == 0, ran.err
    assert (archive.stat().st_mtime_ns, archive.read_bytes()) == before
    with zipfile.ZipFile(archive) as file:
        packed = {name: file.read(name) for name in file.namelist()}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert packed == {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files}


def test_a_file_in_the_archives_place_is_refused_and_kept(rebuilt: Path, cli: Callable[..., Any]) -> None:
    (rebuilt / "site.zip").write_text("mine")
    ran = cli("render", "--models", "speck", "--zip")
    assert ran.status == 2
    assert "site.zip was not written by wbsite" in ran.err
    assert (rebuilt / "site.zip").read_text() == "mine"


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [
        (None, ["search", {"offline": {"enabled": True}}]),
        (["search", "tags"], ["search", "tags", {"offline": {"enabled": True}}]),
        ([{"offline": {"enabled": False}}, "search"], ["search", {"offline": {"enabled": True}}]),
        ({"search": {}}, {"offline": {"enabled": True}}),
    ],
)
def test_plugins_and_polyfills_of_mkdocs_yml_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugins: Any, expected: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"site_name": "mine", "extra": {"polyfills": ["mine.js"]}, **({"plugins": plugins} if plugins else {})}
    Path("mkdocs.yml").write_text(yaml.safe_dump(own))
    settings = yaml.safe_load(configuration())
    assert settings["plugins"] == expected
    assert settings["extra"]["polyfills"] == ["mine.js", *POLYFILLS]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<a href="../b/">', '<a href="../b/index.html">'),
        ('<a class="x" href=\'../b\' title="href=y">', '<a class="x" href="../b/index.html" title="href=y">'),
        ('<a title=" href=x" HREF="../b/?q=1&amp;r=2#d">', '<a title=" href=x" HREF="../b/index.html?q=1&amp;r=2#d">'),
        ("<a href=..>", '<a href="../index.html">'),
        ("<a href='../b/index.html'>", "<a href='../b/index.html'>"),
        ('<a href="#b">', '<a href="#b">'),
        ('<a href="https://example.org/b/">', '<a href="https://example.org/b/">'),
        ('<a href="../../outside/">', '<a href="../../outside/">'),
        ('<a href="../none/">', '<a href="../none/">'),
        ('<script>x = "<a href=../b/>"</script>', '<script>x = "<a href=../b/>"</script>'),
        ("é\r\n<p>\n<a\n href='../b/'>é", 'é\r\n<p>\n<a\n href="../b/index.html">é'),
    ],
)
def test_links_to_folders_of_the_site_name_their_file(tmp_path: Path, link: str, expected: str) -> None:
    for name in ("outside/index.html", "site/index.html", "site/a/index.html", "site/b/index.html"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert with_files_named(link, tmp_path / "site" / "a", tmp_path / "site") == expected


def test_a_specification_brings_its_data_along(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    spec = tmp_path / "a.vl.json"
    spec.write_text('{"layer":[{"data":{"url":"a.csv"}},{"data":{"url":"https://example.org/b.csv"}}]}')
    inner = yaml.safe_load(script(spec).removeprefix("wbsiteData(").removesuffix(");\n"))
    first, second = yaml.safe_load(inner)["layer"]
    assert first == {"data": {"values": "x\n1\n", "format": {"type": "csv"}}}
    assert second == {"data": {"url": "https://example.org/b.csv"}}
