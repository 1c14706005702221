"""What lies in an archive, for formats that are one: read whole, or refused, by the sizes and checksums in it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

INFLATED, SMALL = 64, 2**24
"""How many times the size of an archive its files may have together, and bytes up to which that is not asked."""

PIECE = 1 << 20
"""Bytes that are read at once."""


def check_inflated(path: Path, inner: BinaryIO | None = None) -> None:
    """Refuses an archive whose files would be far larger than it is: those of networks are hardly compressible.

    Args:
        inner: an archive that lies in the file, where that is meant.

    Raises:
        WbsiteError: it is such.
    """
    if not zipfile.is_zipfile(inner or path):
        return
    with zipfile.ZipFile(inner or path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    whole = path.stat().st_size
    if size > INFLATED * whole + SMALL:
        raise WbsiteError(
            f"{path} says that it holds {size} bytes, in {whole} compressed ones.",
            "Save it without compression, if it is meant to be that large.",
        )


@contextmanager
def opened(path: Path, inner: BinaryIO | None = None) -> Iterator[zipfile.ZipFile]:
    """An archive whose files are checked against their checksums as they are read to their ends.

    Where all checksums are 0 there are none: `torch.serialization.set_crc32_options(False)` leaves them out.

    Args:
        inner: an archive that lies in the file, where that is meant.

    Raises:
        WbsiteError: as `check_inflated`.
        zipfile.BadZipFile, OSError, ValueError, NotImplementedError: it is no archive that can be read.
    """
    check_inflated(path, inner)
    with zipfile.ZipFile(inner or path) as archive:
        if not any(entry.CRC for entry in archive.infolist()):
            unstated: Any = None
            for entry in archive.infolist():
                entry.CRC = unstated
        yield archive


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file in an archive, whole and of its checksum, if there is memory for it.

    Raises:
        WbsiteError: there is not.
        KeyError: there is no such file.
        zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError: it is damaged.
    """
    entry = archive.getinfo(name)
    memory.take(entry.file_size, name)
    with archive.open(entry) as file:
        data = file.read(entry.file_size)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile(f"{name} has {len(data)} of {entry.file_size} bytes")
    return data


def check_whole(path: Path, inner: BinaryIO | None = None) -> None:
    """Compares every file of an archive with its checksum, for libraries that do not; what begins as no archive does
    is left to them.

    Raises:
        WbsiteError: as `check_inflated`.
        zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError: one is not as it was written.
    """
    if not _begins_as_archive(inner or path):
        return
    with opened(path, inner) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as file:
                while file.read(PIECE):
                    pass


def _begins_as_archive(file: Path | BinaryIO) -> bool:
    if isinstance(file, Path):
        with file.open("rb") as opened_file:
            return _begins_as_archive(opened_file)
    head = file.read(4)
    file.seek(0)
    return head == b"PK\3\4"


def names_in(path: Path, head: bytes) -> list[str]:
    """Names in a zip archive, read from its directory alone; none where it is no archive, or its directory is damaged.

    Args:
        head: the file's first bytes.
    """
    if not head.startswith(b"PK"):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []
