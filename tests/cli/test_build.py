"""The whole of `wbsite build`: nothing is done twice, nothing is lost, what is missing is shown."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import registry
from wbsite.core.store import Store

FLAKY = """
from pathlib import Path
from wbsite.analyses.base import Analysis
from wbsite.results.base import Result, value

class Flaky(Result, analysis="flaky", summary="fails when told to"):
    x: int = value("one")

def run(context):
    if context.layer.name == "conv2" and Path("fail").exists():
        raise ValueError(Path("fail").read_text())
    if context.layer.name == "conv2" and Path("odd").exists():
        return Flaky(x=float("nan"))
    return Flaky(x=1)

ANALYSES = (Analysis(Flaky, "layer", run),)
"""
"""A plug-in analysis that fails for one layer while a file `fail` or `odd` is there."""


SLOW = """
import time
from pathlib import Path
from wbsite.analyses.base import Analysis
from wbsite.results.base import Result

class Slow(Result, analysis="slow", summary="waits, the first time, to be interrupted"):
    pass

def run(context):
    if context.layer.name == "conv3" and not Path("waiting").exists():
        Path("waiting").touch()
        time.sleep(120)
    return Slow()

ANALYSES = (Analysis(Slow, "layer", run),)
"""
"""A plug-in analysis that says when it is in the middle of its work."""


def plug_in(folder: Path, name: str, code: str) -> Path:
    """Makes a folder in which a package with an analysis is installed; returns the folder."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[wbsite.analyses]\n{name} = {name}_plugin:ANALYSES\n")
    (folder / f"{name}_plugin.py").write_text(code)
    return folder


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def content(folder: Path) -> dict[str, bytes]:
    return {name: data for name, (_, data) in snapshot(folder).items()}


def object_of(folder: Path, analysis: str, layer: str) -> Path:
    """Folder of a stored result."""
    store = folder / "build" / "store"
    record = json.loads((store / "records" / "models" / "speck.json").read_text())
    key = record["results"][analysis][layer]["key"]
    return store / "objects" / key[:2] / key


def forget_inputs(folder: Path) -> None:
    """Removes the record that says of what speck was computed: a process looks for changed code only once."""
    (folder / "build" / "store" / "records" / "models" / "speck.json").unlink()


@pytest.fixture
def flaky(rebuilt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with a site that was built, and the plug-in analysis installed since."""
    plug_in(tmp_path / "plugin", "flaky", FLAKY)
    monkeypatch.syspath_prepend(str(tmp_path / "plugin"))
    registry.entries.cache_clear()
    forget_inputs(rebuilt)
    yield rebuilt
    sys.modules.pop("flaky_plugin", None)


def test_an_empty_folder_gets_a_site_and_a_configuration_for_mkdocs_serve(built: Path) -> None:
    assert (built / "mkdocs.yml").is_file()
    assert (built / "site" / "index.html").is_file()
    assert (built / "site" / "models" / "speck" / "conv2" / "index.html").is_file()
    assert (built / "site" / "articles" / "weight-banding" / "index.html").is_file()
    assert not list((built / "build" / "mkdocs").iterdir())


def test_check_finds_nothing(built: Path) -> None:
    from wbsite.render.check.check import check_site

    assert check_site(built / "site") == []


def test_a_second_build_computes_nothing_and_writes_nothing(rebuilt: Path, build: Callable[..., Any]) -> None:
    before = {name: snapshot(rebuilt / name) for name in ("build/docs", "build/theme", "build/store/objects", "site")}
    ran = build()
    assert ran.status == 0
    assert ran.err.splitlines()[-1].startswith("rendered 0 of ")
    assert "compute" not in ran.err
    assert "mkdocs" not in ran.err
    assert {name: snapshot(rebuilt / name) for name in before} == before


def test_a_second_build_does_not_even_load_torch(
    rebuilt: Path, environment: dict[str, str], speck_weights: Path
) -> None:
    """Or it could not be done in four seconds."""
    arguments = ["wbsite", "build", "--models", "speck", "--weights-dir", str(speck_weights)]
    code = (
        f"import sys\nsys.argv = {arguments!r}\nfrom wbsite.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('loaded:', [name for name in ('torch', 'torchvision', 'altair', 'sklearn') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=rebuilt, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout


def test_a_changed_article_is_the_only_page_made_again(rebuilt: Path, build: Callable[..., Any]) -> None:
    from wbsite.render import sources

    source = sources.articles()[0]
    shutil.copytree(source.parent, rebuilt / "content")
    assert "rendered 0 of" in build().err
    before = snapshot(rebuilt / "build" / "docs")
    article = rebuilt / "content" / source.name
    article.write_text(article.read_text(encoding="utf-8") + "\nOne sentence more.\n", encoding="utf-8")
    ran = build("--strict")
    assert ran.status == 0, ran.err
    assert "rendered 1 of" in ran.err
    assert "compute" not in ran.err
    after = snapshot(rebuilt / "build" / "docs")
    page = f"articles/{source.stem}/index.md"
    assert {name for name in after if after[name] != before.get(name)} == {page, ".wbsite.json"}
    assert "One sentence more." in (rebuilt / "site" / "articles" / source.stem / "index.html").read_text()


@pytest.mark.parametrize("name", ["arrays.safetensors", "manifest.json"])
def test_a_damaged_result_is_reported_computed_again_and_the_site_right(
    rebuilt: Path, build: Callable[..., Any], cli: Callable[..., Any], name: str
) -> None:
    before = content(rebuilt / "build" / "docs")
    path = object_of(rebuilt, "nmf", "conv2") / name
    path.write_bytes(path.read_bytes()[:-8])
    shutil.rmtree(rebuilt / "build" / "docs" / "models" / "speck" / "conv2")
    ran = cli("render")
    assert ran.status == 2
    assert "is damaged" in ran.err
    assert "wbsite build" in ran.err
    ran = build()
    assert ran.status == 0, ran.err
    assert "damaged in the store" in ran.err
    assert "compute 1 of" in ran.err
    assert content(rebuilt / "build" / "docs") == before
    assert Store(rebuilt / "build" / "store").damaged() == []


def test_several_damaged_results_are_all_computed_again(rebuilt: Path, build: Callable[..., Any]) -> None:
    before = content(rebuilt / "build" / "docs")
    places = (
        ("architecture", "", "values.json"),
        ("banding", "conv3", "values.json"),
        ("nmf", "conv2", "rows.parquet"),
    )
    for analysis, layer, name in places:
        (object_of(rebuilt, analysis, layer) / name).write_bytes(b"")
    shutil.rmtree(rebuilt / "build" / "docs" / "models")
    assert build().status == 0
    assert content(rebuilt / "build" / "docs") == before
    assert Store(rebuilt / "build" / "store").damaged() == []


def test_export_computes_a_damaged_result_again(rebuilt: Path, cli: Callable[..., Any], speck_weights: Path) -> None:
    of = ("export", "banding", "--model", "speck", "--weights-dir", str(speck_weights))
    before = cli(*of)
    (object_of(rebuilt, "banding", "conv3") / "rows.parquet").write_bytes(b"PAR1")
    after = cli(*of)
    assert (before.status, after.status) == (0, 0)
    assert before.out == after.out
    assert "damaged in the store: banding speck conv3" in after.err


@pytest.mark.parametrize("record", ["last.json", "models/speck.json"])
def test_a_damaged_record_is_written_again(rebuilt: Path, build: Callable[..., Any], record: str) -> None:
    path = rebuilt / "build" / "store" / "records" / record
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    ran = build()
    assert ran.status == 0
    assert "compute" not in ran.err
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("fault", "error"), [("fail", "ValueError"), ("odd", "SchemaError")])
def test_an_analysis_that_fails_leaves_a_card_and_status_3_and_is_tried_again(
    flaky: Path, build: Callable[..., Any], fault: str, error: str
) -> None:
    """`odd`: it returns what cannot be stored."""
    (flaky / fault).write_text("no <b>convergence</b>")
    (flaky / "site" / "index.html").unlink()
    ran = build("--keep-going")
    assert ran.status == 3, ran.err
    assert "Built with 1 gap:" in ran.err
    assert f"flaky speck conv2 failed: {error}" in ran.err
    assert (flaky / "site" / "index.html").is_file()
    assert build().status == 3
    (flaky / fault).unlink()
    ran = build()
    assert ran.status == 0
    assert "compute 1 of" in ran.err


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Makes an analysis fail for one layer: spoil(analysis, layer)."""
    from dataclasses import replace

    every = registry.entries
    with monkeypatch.context() as patch:

        def run(name: str, place: str) -> None:
            whole = registry.named("analyses", name, "analysis")

            def broken(context: Any) -> Any:
                if place in ("", context.layer and context.layer.name):
                    raise RuntimeError("no <b>convergence</b>")
                return whole.run(context)

            spoilt = tuple(replace(entry, run=broken) if entry is whole else entry for entry in every("analyses"))
            patch.setattr(registry, "entries", lambda kind: spoilt if kind == "analyses" else every(kind))

        yield run


def test_the_card_of_a_failed_analysis_says_why(
    rebuilt: Path, build: Callable[..., Any], cli: Callable[..., Any], spoil: Callable[[str, str], None]
) -> None:
    spoil("banding", "conv2")
    (object_of(rebuilt, "banding", "conv2") / "values.json").write_bytes(b"")
    forget_inputs(rebuilt)
    assert build().status == 3
    page = (rebuilt / "site" / "models" / "speck" / "conv2" / "index.html").read_text()
    assert "RuntimeError: no <b>convergence</b>" in html.unescape(page) and "<b>convergence" not in page
    assert "Not computed:" in page
    assert cli("check").status == 0
    assert cli("render").status == 3


def test_a_network_whose_architecture_fails_has_a_page_that_says_so(
    work: Path, build: Callable[..., Any], cli: Callable[..., Any], spoil: Callable[[str, str], None]
) -> None:
    spoil("architecture", "")
    ran = build("--strict", "--articles", "weight-banding")
    assert ran.status == 3, ran.err
    page = (work / "site" / "models" / "speck" / "index.html").read_text()
    assert "RuntimeError: no <b>convergence</b>" in html.unescape(page) and "<b>convergence" not in page
    assert cli("check").status == 0


def test_a_network_that_cannot_be_loaded_ends_the_build_or_becomes_a_card(
    rebuilt: Path, cli: Callable[..., Any], speck_weights: Path
) -> None:
    before = content(rebuilt / "site")
    models = ("build", "--models", "speck,nonsense", "--weights-dir", str(speck_weights))
    ran = cli(*models)
    assert ran.status == 2
    assert "unknown model 'nonsense'" in ran.err
    assert content(rebuilt / "site") == before
    ran = cli(*models, "--keep-going", "--strict")
    assert ran.status == 3, ran.err
    assert "unknown model" in (rebuilt / "site" / "models" / "nonsense" / "index.html").read_text()
    assert (rebuilt / "site" / "models" / "speck" / "index.html").is_file()
    assert cli("check").status == 0


def test_a_defect_of_a_figure_leaves_a_card_and_status_3_and_the_figure_is_tried_again(
    rebuilt: Path, build: Callable[..., Any], cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One chart's defect must not cost the site."""
    from dataclasses import replace

    before, every = content(rebuilt / "build" / "docs"), registry.entries
    whole = registry.named("figures", "banding-histogram", "figure")

    def broken(scene: Any) -> Any:
        if scene.layer.name == "conv2":
            raise KeyError("no <b>column</b>")
        return whole.draw(scene)

    spoilt = tuple(replace(figure, draw=broken) if figure is whole else figure for figure in every("figures"))
    (rebuilt / "build" / "docs" / "models" / "speck" / "conv2" / "index.md").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: spoilt if kind == "figures" else every(kind))
        for _ in range(2):
            ran = build("--strict")
            assert ran.status == 3, ran.err
            assert "figure banding-histogram of /models/speck/conv2 could not be drawn: KeyError" in ran.err
            assert "rendered 1 of" in ran.err
            assert "Built with 1 gap:" in ran.err
        assert cli("render").status == 3
        page = (rebuilt / "site" / "models" / "speck" / "conv2" / "index.html").read_text()
        assert "Not computed:" in page
        assert "no <b>column</b>" in html.unescape(page) and "<b>column" not in page
        assert cli("check").status == 0
    assert build("--strict").status == 0
    assert content(rebuilt / "build" / "docs") == before


def test_render_takes_a_model_as_build_does_or_by_the_name_of_its_pages(
    rebuilt: Path, cli: Callable[..., Any], speck_weights: Path
) -> None:
    token = "speck@grey"
    assert cli("compute", "--models", token, "--weights-dir", str(speck_weights)).status == 0
    for name in (token, "speck-grey"):
        ran = cli("render", "--models", name)
        assert ran.status == 0, ran.err
        assert (rebuilt / "site" / "models" / "speck-grey" / "index.html").is_file()
    ran = cli("render", "--models", "speck@gray")
    assert ran.status == 2
    assert "'speck-grey'" in ran.err


def test_a_corrected_bibliography_reaches_the_model_pages(rebuilt: Path, build: Callable[..., Any]) -> None:
    """A model's page cites the paper it comes from."""
    from wbsite.render import sources

    shutil.copytree(sources.bibliographies()[0].parent, rebuilt / "content")
    assert "rendered 0 of" in build().err
    works = rebuilt / "content" / "refs.bib"
    works.write_text(works.read_text(encoding="utf-8") + "\n% corrected\n", encoding="utf-8")
    assert "rendered 7 of" in build().err  # the model and the articles


def test_no_note_beside_the_assets_becomes_a_page(built: Path) -> None:
    assert not list((built / "build" / "docs" / "assets").rglob("*.md"))
    assert not list((built / "site" / "assets").rglob("*.html"))


def test_render_works_where_torch_cannot_be_imported(rebuilt: Path, environment: dict[str, str]) -> None:
    """A CI runner publishes what a machine with a GPU has computed."""
    before = content(rebuilt / "build" / "docs")
    for name in ("build/docs", "site"):
        shutil.rmtree(rebuilt / name)
    code = (
        "import sys\nsys.modules['torch'] = sys.modules['torchvision'] = None\n"
        "sys.argv = ['wbsite', 'render', '--strict']\nfrom wbsite.cli.app import main\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=rebuilt, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert content(rebuilt / "build" / "docs") == before
    assert (rebuilt / "site" / "models" / "speck" / "conv2" / "index.html").is_file()


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(
    rebuilt: Path, tmp_path: Path, environment: dict[str, str], process: Callable[..., Any], speck_weights: Path
) -> None:
    """A plug-in's analysis alone is still to be computed."""
    arguments = ["compute", "--models", "speck", "--weights-dir", str(speck_weights)]
    installed = plug_in(tmp_path / "plugin", "slow", SLOW)
    paths = os.pathsep.join((environment["PYTHONPATH"], str(installed)))
    store = Store(rebuilt / "build" / "store")
    before = len(store.keys())
    child = subprocess.Popen(
        [sys.executable, "-m", "wbsite.cli", *arguments],
        cwd=rebuilt, env={**environment, "PYTHONPATH": paths}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (rebuilt / "waiting").exists() and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert "interrupted. What is done is kept; run the same command again" in said
    assert "Traceback" not in said
    done = len(store.keys()) - before
    assert done
    ran = process(rebuilt, *arguments, PYTHONPATH=paths)
    assert ran.status == 0, ran.err
    assert f"compute {6 - done} of " in ran.err  # speck has six layers
    assert store.damaged() == []


def test_clean_prunes_what_no_record_names(rebuilt: Path, cli: Callable[..., Any], build: Callable[..., Any]) -> None:
    store = Store(rebuilt / "build" / "store")
    cli("clean")  # of the parts that finished pictures were put together from
    kept = store.keys()
    left_over = rebuilt / "build" / "store" / "objects" / "ab" / ("ab" * 32)
    left_over.mkdir(parents=True)
    (left_over / "values.json").write_text("{}")
    ran = cli("clean")
    assert ran.status == 0
    assert "1 entries removed, 1 of them damaged" in ran.out
    assert store.keys() == kept
    assert "rendered 0 of" in build().err


def test_mkdocs_that_failed_runs_again_though_no_page_changed(rebuilt: Path, build: Callable[..., Any]) -> None:
    """Or the site would stay out of date for good."""
    configuration = rebuilt / "mkdocs.yml"
    whole = configuration.read_text()
    configuration.write_text(whole + "nonsense: [\n")
    ran = build()
    assert ran.status == 2
    assert "mkdocs.yml cannot be read" in ran.err
    configuration.write_text(whole.replace("site_name: wbsite", "site_name: Mine"))
    assert build().status == 0
    assert "Mine" in (rebuilt / "site" / "index.html").read_text()


def test_a_file_missing_from_the_site_comes_back(rebuilt: Path, build: Callable[..., Any]) -> None:
    (rebuilt / "site" / "index.html").unlink()
    ran = build()
    assert ran.status == 0
    assert (rebuilt / "site" / "index.html").is_file()


def test_the_results_of_two_stores_in_memory_and_on_disk_make_the_same_pages(
    rebuilt: Path, build: Callable[..., Any]
) -> None:
    before = content(rebuilt / "build" / "docs")
    ran = build("--store", "memory://wbsite-build-test")
    assert ran.status == 0, ran.err
    assert content(rebuilt / "build" / "docs") == before


def test_a_killed_run_leaves_no_page_of_another_model(rebuilt: Path, build: Callable[..., Any]) -> None:
    """What a run killed while rendering wrote is known to be ours and goes."""
    left = rebuilt / "build" / "docs" / "models" / "other" / "index.md"
    left.parent.mkdir()
    left.write_text("# Half a model")
    (rebuilt / "build" / "docs" / ".wbsite.journal").write_text("models/other/index.md\n")
    assert build("--strict").status == 0
    assert not left.parent.exists()
    assert not (rebuilt / "build" / "docs" / ".wbsite.journal").exists()


def test_a_user_without_rights_in_the_folder_is_told(process: Callable[..., Any], speck_weights: Path) -> None:
    folder = Path("/proc/self/fdinfo")
    if os.name != "posix" or not folder.is_dir():
        pytest.skip("no folder here that nobody can write to")
    ran = process(Path("/proc"), "build", "--models", "speck", "--weights-dir", str(speck_weights))
    assert ran.status == 2
    assert "cannot be written" in ran.err
    assert "Traceback" not in ran.err
