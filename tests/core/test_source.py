"""Digests of code: every edit that can change a number is noticed, and no other."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wbsite.core import registry, source
from wbsite.core.errors import WbsiteError

CODE = {
    "__init__": "from .public import value",
    "main": """
from typing import TYPE_CHECKING
from .direct import factor
if TYPE_CHECKING:
    from .typed import Kind

def run(context: "Kind") -> float:
    from .late import shift
    return factor() + shift
""",
    "direct": "from . import deep\ndef factor(): return deep.NUMBER",
    "deep": "NUMBER = 3.0",
    "late": "shift = 1",
    "typed": "class Kind: ...",
    "public": "value = 1",
    "other": "import wbsite.stats.intervals\nfrom oursource import value",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `oursource`, and an empty cache folder."""
    for name, code in CODE.items():
        (tmp_path / "oursource").mkdir(exist_ok=True)
        (tmp_path / "oursource" / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("WBSITE_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "oursource"
    forget()
    for name in [name for name in sys.modules if name.startswith("oursource")]:
        del sys.modules[name]


def forget() -> None:
    """As if another process asked."""
    for cached in (source.digest, source.declaring, source.file_of, source._kept):
        cached.cache_clear()
    importlib.invalidate_caches()


def digest(module: str = "oursource.main") -> str:
    forget()
    return source.digest((module,))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main", "factor() + shift", "factor() * shift"),
        ("main", "factor() + shift", 'factor() + shift + len("")'),
        ("direct", "deep.NUMBER", "-deep.NUMBER"),
        ("deep", "3.0", "3"),
        ("late", "1", "2"),
    ],
)
def test_an_edit_of_anything_that_is_run_is_noticed(package: Path, file: str, old: str, new: str) -> None:
    before = digest()
    edit(package / f"{file}.py", old, new)
    assert digest() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main", "    return", "    # why\n\n    return"),
        ("main", "    from .late", '    """What it does."""\n    from .late'),
        ("main", "factor() + shift", "(factor()\n        + shift)"),
        ("deep", "3.0", '3.00\n"""How much."""'),
        ("direct", "from . import deep", "from . import (deep,)"),
        ("typed", "...", "x = 1"),
        ("other", "oursource", "oursource.deep"),
        ("public", "1", "2"),
    ],
)
def test_what_is_not_run_counts_for_nothing(package: Path, file: str, old: str, new: str) -> None:
    """Or a corrected comment computes everything again."""
    before = digest()
    edit(package / f"{file}.py", old, new)
    assert digest() == before


def test_a_text_that_is_used_is_no_docstring(package: Path) -> None:
    (package / "deep.py").write_text('def NUMBER():\n    """What it does."""\n    return "a"\n')
    before = digest()
    edit(package / "deep.py", '"a"', '"b"')
    assert digest() != before


def test_a_name_of_a_package_is_its_own_files_and_what_that_imports(package: Path) -> None:
    before = digest("oursource.other")
    edit(package / "public.py", "1", "2")
    assert digest("oursource.other") != before


def test_wbsites_own_code_counts_but_for_its_foundation() -> None:
    nothing = source.digest(())
    assert source.digest(("wbsite", "wbsite.core.errors", "wbsite.core.store")) == nothing
    assert source.digest(("wbsite.core.errors",), ()) != nothing
    assert source.digest(("wbsite.stats.intervals",)) != nothing


def test_what_is_reached_through_the_registry_counts(
    package: Path, monkeypatch: pytest.MonkeyPatch, plug_in: Callable[..., Path], tmp_path: Path
) -> None:
    """A data set's file decides what is computed of it, and no module imports it."""
    (package / "main.py").write_text('from wbsite.core import registry\nrun = registry.named("datasets", "ours", "")\n')
    before = digest()
    installed = plug_in(tmp_path / "plugin", "ourdata", "[wbsite.datasets]\nours = ourdata:DATASETS\n", "DATASETS = ()")
    monkeypatch.syspath_prepend(str(installed))
    added = digest()
    assert added != before
    edit(installed / "ourdata.py", "()", "[]")
    assert digest() not in (before, added)
    assert "ourdata" not in sys.modules, "its code is read, not run"
    assert set(source.declaring("datasets")) > {"wbsite.datasets.npz", "wbsite.datasets._soundness", "ourdata"}
    (package / "main.py").write_text('run = "datasets"\n')
    alone = digest()
    edit(installed / "ourdata.py", "[]", "()")
    assert digest() == alone, "it does not ask the registry"


def test_a_partial_and_a_decorated_function_are_looked_into(package: Path) -> None:
    main, late = (importlib.import_module(f"oursource.{name}") for name in ("main", "late"))

    def decorated(function: Callable[..., float]) -> Callable[..., float]:
        @functools.wraps(function)
        def wrapper(context: object) -> float:
            return 2 * function(context)

        return wrapper

    of = {
        "plain": main.run,
        "partial": functools.partial(main.run, 3),
        "another": functools.partial(main.run, 4),
        "decorated": decorated(main.run),
    }
    before = {name: source.behind(function) for name, function in of.items()}
    assert len(set(before.values())) == 3, "this test's own package is not theirs"
    assert before["decorated"] == before["plain"]
    edit(Path(late.__file__ or ""), "1", "2")
    forget()
    assert all(source.behind(function) != before[name] for name, function in of.items())


def test_the_next_process_parses_nothing_and_a_file_that_is_gone_is_forgotten(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest()
    with monkeypatch.context() as patch:
        patch.setattr(source, "parsed", None)
        assert digest() == before
    edit(package / "main.py", "from .late import shift", "shift = 0")
    (package / "late.py").unlink()
    assert digest() != before
    forget()
    assert str(package / "main.py") in source._kept().files
    assert str(package / "late.py") not in source._kept().files
    [kept] = (package.parent / "cache").iterdir()
    kept.write_text("{damaged")
    assert digest()


def test_code_that_cannot_be_read_is_named(package: Path) -> None:
    (package / "deep.py").write_text("NUMBER = (")
    with pytest.raises(WbsiteError, match=r"deep\.py is no Python"):
        digest()
    with pytest.raises(WbsiteError, match="nowhere_at_all is in no file"):
        digest("nowhere_at_all")


def test_no_module_is_imported_by_a_name_that_no_digest_can_see() -> None:
    """The registry's kinds are followed, and a network of the user's own is known by its weights and trace."""
    allowed = {"wbsite.core.registry", "wbsite.models.user"}
    texts = {module: source.file_of(module).read_text() for module in source.modules_in("wbsite")}  # type: ignore[union-attr]
    assert {module for module, text in texts.items() if re.search(r"\b(import_module|__import__)\b", text)} == allowed


def test_no_analysis_depends_on_how_networks_are_found() -> None:
    """Or a new model family computes everything again; a network's weights and trace are in the keys."""
    for module in source.modules_in("wbsite.analyses"):
        finding = {
            name for name in source.codes((module,)) if name.startswith(("wbsite.models.zoo", "wbsite.models.fetch"))
        }
        assert not finding, f"{module}: import LoadedModel from wbsite.models.base"


def test_every_kind_that_is_looked_for_exists() -> None:
    assert all(source.declaring(kind) for kind in registry.KINDS)
