"""What lies in an archive, for formats that are one."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

from wbsite.core.errors import WbsiteError

INFLATED, SMALL = 64, 2**24
"""How many times the size of an archive its files may have together, and bytes up to which that is not asked."""


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
