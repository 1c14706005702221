"""`wbsite new` starts a folder that builds at once, whatever network it is about, and never touches what is there."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wbsite.cli.project import seen_from
from wbsite.core.config import BUNDLED, Config, read
from wbsite.render.pages.articles import Author
from wbsite.render.pages.articles import read as read_article


def test_the_folder_has_a_valid_configuration_and_is_listed(work: Path, cli: Callable[..., Any]) -> None:
    ran = cli("new", "demo")
    assert ran.status == 0, ran.err
    *files, last = ran.out.splitlines()
    assert sorted(files) == sorted(str(p.relative_to(work)) for p in (work / "demo").rglob("*") if p.is_file())
    assert last == "Next: cd demo && wbsite build"
    assert read(work / "demo" / "wbsite.toml") == {"models": (BUNDLED[0],), "articles": ("first-look",)}
    assert (work / "demo" / "mkdocs.yml").read_text(encoding="utf-8").count('site_name: "demo"') == 1
    assert "@" not in re.sub(r"\S@\S", "", (work / "demo" / "README.md").read_text(encoding="utf-8"))


def test_every_commented_key_of_the_configuration_is_one(work: Path, cli: Callable[..., Any]) -> None:
    assert cli("new", "demo").status == 0
    text = (work / "demo" / "wbsite.toml").read_text(encoding="utf-8")
    keys = re.findall(r"^# (\w+ = .*)$", text, re.MULTILINE)
    options, inputs = keys[: keys.index(next(key for key in keys if key.startswith("input")))], keys
    values = tomllib.loads("\n".join(options))
    assert set(values) == {"profile", "photographs", "offline", "zip"}
    Config(**values)
    table = '[models."x"]\n' + "\n".join(key for key in inputs if key not in options)
    (work / "wbsite.toml").write_text(table, encoding="utf-8")
    assert read(work / "wbsite.toml")["models"] == ("x",)


def test_any_name_of_a_folder_will_do(work: Path, cli: Callable[..., Any]) -> None:
    name = """a, "b"]: {c}' #d"""
    assert cli("new", name).status == 0
    assert yaml.load((work / name / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)["site_name"] == name
    assert read_article(work / name / "content" / "first-look.md").authors == (Author(f"The authors of {name}", ""),)


@pytest.mark.parametrize("own", ["folder", "file"])
def test_a_place_that_is_taken_is_refused_and_kept(work: Path, cli: Callable[..., Any], own: str) -> None:
    mine = work / "demo" / "thesis.tex" if own == "folder" else work / "demo"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    ran = cli("new", "demo")
    assert ran.status == 2
    assert "demo holds files" in ran.err or "demo is a file" in ran.err
    assert "new or empty folder" in ran.err
    assert mine.read_text() == "mine"
    assert [path for path in work.rglob("*") if path.is_file()] == [mine]


def test_an_unknown_network_is_refused_before_anything_is_written(work: Path, cli: Callable[..., Any]) -> None:
    ran = cli("new", "demo", "--model", "resnet51")
    assert ran.status == 2
    assert "'resnet50'" in ran.err
    assert not (work / "demo").exists()


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("speck", "speck"),
        ("timm:resnet50.a1_in1k", "timm:resnet50.a1_in1k"),
        ("mypackage.nets:make", "mypackage.nets:make"),
        ("net.py:make", "../net.py:make"),
        ("./net.py:make@a b.pth", "../net.py:make@../a b.pth"),
        ("mypackage.nets:make@a b.pth", "mypackage.nets:make@../a b.pth"),
        ("net.onnx", "../net.onnx"),
        ("net.onnx#part", "../net.onnx#part"),
        ("sites/inside.onnx", "./inside.onnx"),
    ],
)
def test_paths_are_written_as_seen_from_the_folder(work: Path, token: str, expected: str) -> None:
    (work / "sites").mkdir()
    for name in ("net.py", "a b.pth", "net.onnx", "sites/inside.onnx"):
        (work / name).touch()
    assert seen_from(work / "sites", token) == expected


def test_the_workflows_pin_actions_and_ask_for_no_more_than_they_need(work: Path, cli: Callable[..., Any]) -> None:
    assert cli("new", "demo").status == 0
    workflows = sorted((work / "demo" / ".github" / "workflows").glob("*.yml"))
    assert [path.name for path in workflows] == ["pages.yml", "render.yml"]
    conditions = set()
    for path in [*workflows, *Path(__file__).parents[2].glob(".github/workflows/*.yml")]:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        assert "pull_request_target" not in path.read_text(encoding="utf-8")
        conditions |= {job.get("if") for job in workflow["jobs"].values()}
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                assert "run" in step or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
    assert conditions == {"vars.WBSITE_STORE == ''", "vars.WBSITE_STORE != ''", None}  # one of them publishes


@pytest.fixture
def project(built: Path, work: Path, speck_weights: Path, cli: Callable[..., Any], monkeypatch: Any) -> Path:
    """A new folder about speck, with its results, in which commands run."""
    assert cli("new", "demo", "--model", "speck").status == 0
    folder = work / "demo"
    shutil.copytree(built / "build" / "store", folder / "build" / "store")
    monkeypatch.chdir(folder)
    settings = folder / "wbsite.toml"
    weights = f"weights_dir = {json.dumps(str(speck_weights))}\n"
    settings.write_text(weights + settings.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def test_the_site_has_the_article_and_wbsites_own_where_they_are_asked_for(
    project: Path, cli: Callable[..., Any]
) -> None:
    ran = cli("build", "--strict")
    assert ran.status == 0, ran.err
    assert "compute" not in ran.err
    articles = project / "site" / "articles"
    assert [path.name for path in articles.iterdir() if path.is_dir()] == ["first-look"]
    page = (articles / "first-look" / "index.html").read_text(encoding="utf-8")
    for figure in ("nmf-units", "banding-by-depth", "first-unit", "middle-unit", "last-unit", "verdicts"):
        assert f'id="fig-{figure}"' in page
    assert "wb-gap" not in page
    assert cli("check").status == 0

    (project / "content" / "refs.bib").write_text(
        "@misc{mine, author={A. Author}, title={My Own Work}, year={2020}}\n", encoding="utf-8"
    )
    (project / "content" / "glossary.toml").write_text('[mine]\ntext = "What I mean."\n', encoding="utf-8")
    article = project / "content" / "first-look.md"
    words = '\nA word {{ term("mine") }}, one of wbsite {{ term("H") }}, and a work {{ cite("mine") }}.\n'
    article.write_text(article.read_text(encoding="utf-8") + words, encoding="utf-8")
    ran = cli("build", "--strict", "--articles", "first-look,weight-banding")
    assert ran.status == 0, ran.err
    assert sorted(path.name for path in articles.iterdir() if path.is_dir()) == ["first-look", "weight-banding"]
    page = (articles / "first-look" / "index.html").read_text(encoding="utf-8")
    assert "My Own Work" in page
    assert "What I mean." in page
    assert "Weight Banding" in page  # cited by the article, from wbsite's own bibliography
