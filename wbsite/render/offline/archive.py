"""The finished site as one file, to be handed on."""

from __future__ import annotations

import errno
import tempfile
import zipfile
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import Damaged, opened
from wbsite.core.filing.files import held
from wbsite.render.finished import ELSEWHERE, OURS, record, try_to_write
from wbsite.render.output import unwritable

FIRST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in it, the first that the format knows, so that equal sites are equal files."""


def place(out: Path) -> Path:
    """Where the archive of a site's folder lies: beside it."""
    folder = out.absolute()
    return folder.with_name(f"{folder.name}.zip")


def refuse_foreign(out: Path) -> None:
    """Raises WbsiteError where something else stands in the archive's place, or it cannot be written."""
    archive = place(out)
    if archive.exists() and not _made_from(archive):
        raise WbsiteError(f"{archive} was not written by wbsite and is in the way.", ELSEWHERE)
    try_to_write(archive.parent, ELSEWHERE)


def pack(out: Path) -> Path:
    """Writes all that wbsite wrote to a site's folder into the archive, unless it holds just that; its path."""
    archive, known = place(out), record(out)
    if known.document and _made_from(archive) == known.document["made_from"]:
        return archive
    name = out.absolute().name
    try:
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix=f".{name}-") as folder:
            partial = Path(folder) / archive.name
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
                for entry in (OURS, *sorted(known.files)):
                    if (data := held(out, entry)) is None:
                        raise FileNotFoundError(errno.ENOENT, "it is gone or a link", str(out / entry))
                    about = zipfile.ZipInfo(f"{name}/{entry}", FIRST)
                    about.external_attr = 0o644 << 16
                    file.writestr(about, data, zipfile.ZIP_DEFLATED)
            partial.replace(archive)
    except OSError as error:
        raise unwritable(Path(error.filename or archive), error) from error
    return archive


def _made_from(archive: Path) -> str:
    """Digest of what the site in an archive was made from; "" where it is none that wbsite wrote."""
    try:
        with zipfile.ZipFile(archive) as file:
            own = next(name for name in file.namelist() if name.count("/") == 1 and name.endswith(f"/{OURS}"))
            return str(opened(file.read(own))["made_from"])
    except (OSError, zipfile.BadZipFile, StopIteration, Damaged, KeyError, NotImplementedError, RuntimeError):
        return ""
