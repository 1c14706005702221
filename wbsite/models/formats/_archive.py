"""What lies in an archive, for formats that are one."""

from __future__ import annotations

import zipfile
from pathlib import Path


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
