"""A library that not every installation has: what needs it, and what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from wbsite.core.errors import WbsiteError, optional


def test_a_library_that_is_not_installed_and_one_that_one_needs_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "reader_of_files.py").write_text("import schema_of_files")
    for name in ("schema_of_files", "reader_of_files"):
        with pytest.raises(WbsiteError) as caught, optional("reading net.x", "formats"):
            __import__(name)
        assert caught.value.message == "schema_of_files is not installed, which reading net.x needs."
        assert caught.value.hint == "Run pip install 'wbsite[formats]'."


def test_a_library_that_is_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_library.py").write_text("raise ImportError('undefined symbol: sqrt', name='broken_library')")
    with pytest.raises(WbsiteError) as caught, optional("reading net.x", "formats"):
        import broken_library  # type: ignore[import-not-found]  # noqa: F401
    assert caught.value.message == (
        "broken_library, which reading net.x needs, cannot be imported: undefined symbol: sqrt."
    )
    assert "anew" in caught.value.hint


def test_what_goes_wrong_otherwise_is_passed_on() -> None:
    with pytest.raises(KeyError), optional("reading net.x", "formats"):
        raise KeyError("x")
