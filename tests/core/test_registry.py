"""The registry: one new file or installed package is enough, and a wrong name gets the nearest right ones."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, nearest, unknown


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package whose module and entry point the test writes."""
    about = tmp_path / "ours-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 2.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.entries.cache_clear()
    yield tmp_path
    sys.modules.pop("ours_registry_test", None)
    registry.entries.cache_clear()


def provide(package: Path, point: str, code: str) -> None:
    (package / "ours-2.0.dist-info" / "entry_points.txt").write_text(point)
    (package / "ours_registry_test.py").write_text(code)
    sys.modules.pop("ours_registry_test", None)
    importlib.invalidate_caches()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_kind_has_entries_with_names(kind: str) -> None:
    assert registry.names(kind) or kind == "claims"
    if kind != "models":  # a network has one entry for every set of weights
        assert len(set(registry.names(kind))) == len(registry.entries(kind))


def test_an_installed_package_adds_an_entry(package: Path) -> None:
    code = "from types import SimpleNamespace\nFIGURES = (SimpleNamespace(name='ours'),)\n"
    provide(package, "[wbsite.figures]\nours = ours_registry_test:FIGURES\n", code)
    assert registry.named("figures", "ours", "figure").name == "ours"


def test_a_package_that_fails_to_load_is_named(package: Path) -> None:
    provide(package, "[wbsite.figures]\nours = ours_registry_test:FIGURES\n", "raise RuntimeError('broken')\n")
    with pytest.raises(WbsiteError, match=r"ours_registry_test:FIGURES.*broken"):
        registry.entries("figures")


def test_a_wrong_name_gets_the_nearest_right_ones() -> None:
    with pytest.raises(WbsiteError) as caught:
        registry.named("analyses", "bandign", "analysis")
    assert caught.value.message == "unknown analysis 'bandign'."
    assert "Did you mean 'banding'" in caught.value.hint


def test_names_far_from_all_are_answered_with_the_list() -> None:
    assert unknown("thing", "zzz", ["b", "a"]).hint == "Known: a, b."
    assert unknown("thing", "zzz", []).hint == "There are none."
    assert unknown("thing", "zzz", map(str, range(20))).hint.endswith("….")
    assert nearest("VGG19", ["vgg19", "alexnet"]) == ["vgg19"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of data sets, in place of wbsite's."""
    package = tmp_path / "sets_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.KINDS, "datasets", registry.Kind("DATASETS", ("sets_of_a_test",)))
    registry.entries.cache_clear()
    yield package
    for name in [name for name in sys.modules if name.startswith("sets_of_a_test")]:
        sys.modules.pop(name)
    registry.entries.cache_clear()


ENTRY = "from types import SimpleNamespace\nDATASETS = (SimpleNamespace(name={!r}),)\n"


def test_files_of_a_folder_and_of_folders_in_it_are_found_and_helpers_passed_over(folder: Path) -> None:
    (folder / "deeper").mkdir()
    (folder / "deeper" / "__init__.py").write_text("")
    (folder / "deeper" / "b.py").write_text(ENTRY.format("b"))
    (folder / "a.py").write_text(ENTRY.format("a"))
    (folder / "_helper.py").write_text("")
    (folder / "base.py").write_text("")
    assert registry.names("datasets") == ["a", "b"]


def test_a_file_that_declares_nothing_is_named(folder: Path) -> None:
    (folder / "silent.py").write_text("VALUE = 1\n")
    with pytest.raises(WbsiteError, match=r"silent.py declares nothing.*DATASETS"):
        registry.entries("datasets")


def test_a_misspelt_list_is_named(folder: Path) -> None:
    (folder / "silent.py").write_text("DATASET = ()\n")
    with pytest.raises(WbsiteError, match=r"silent.py declares nothing(.|\n)*DATASET may be misspelt"):
        registry.entries("datasets")


def test_what_is_no_list_is_named(folder: Path) -> None:
    (folder / "single.py").write_text("DATASETS = 1\n")
    with pytest.raises(WbsiteError, match=r"DATASETS in .*single.py is 1"):
        registry.entries("datasets")


def test_two_entries_of_one_name_are_named_with_their_files(folder: Path) -> None:
    (folder / "a.py").write_text(ENTRY.format("same"))
    (folder / "b.py").write_text(ENTRY.format("same"))
    with pytest.raises(WbsiteError, match=r"'same': in .*a.py and in .*b.py"):
        registry.entries("datasets")


def test_a_plug_in_cannot_take_the_name_of_an_entry(package: Path) -> None:
    code = "from types import SimpleNamespace\nFIGURES = (SimpleNamespace(name='unit-grid'),)\n"
    provide(package, "[wbsite.figures]\nours = ours_registry_test:FIGURES\n", code)
    with pytest.raises(WbsiteError, match=r"'unit-grid'.*unit_grid.py.*ours_registry_test"):
        registry.entries("figures")
