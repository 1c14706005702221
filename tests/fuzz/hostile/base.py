"""What a file made on purpose is, and how it is registered."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Use = Callable[[Path, int], object]


@dataclass(frozen=True)
class Made:
    """A file made on purpose.

    Attributes:
        name: what it is.
        write: folder → writes it there, and returns it.
        use: how it is read, where not as the reader's other inputs are.
    """

    name: str
    write: Callable[[Path], Path]
    use: Use | None = None


_KINDS: dict[str, list[Made]] = {}


def inputs(reader: str) -> list[Made]:
    """Those for a reader."""
    return _KINDS.get(reader, [])


def kinds() -> dict[str, list[Made]]:
    """All, by the readers they are for."""
    return _KINDS


def kind(reader: str, file: str, use: Use | None = None) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Registers a function that writes a file: for which reader, and how it is called."""

    def register(function: Callable[[Path], None]) -> Callable[[Path], None]:
        def write(folder: Path) -> Path:
            function(folder / file)
            return folder / file

        _KINDS.setdefault(reader, []).append(Made(function.__name__, write, use))
        return function

    return register


def archive_of(path: Path, **files: bytes) -> None:
    """Writes a zip archive of files by name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
