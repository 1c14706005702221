"""The finished site's folder: what may stand there, whether it is up to date, how it is brought up to date."""

from __future__ import annotations

import tempfile
from collections.abc import Container
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import signed
from wbsite.core.filing.files import held, is_in_the_way, left_over, make_way, move_file, remove_file, write_atomically
from wbsite.core.filing.own_files import OwnFiles, own_files

from .output import digest, unwritable

OURS = ".wbsite.json"
"""Lists, in the folder itself, the files that wbsite wrote there, and what they were made from."""

ELSEWHERE = "Give another folder with --out."


def refuse_foreign(out: Path) -> None:
    """Raises WbsiteError unless `out` is free, or a site that wbsite wrote, and can be written."""
    if out.exists() and not out.is_dir():
        raise WbsiteError(f"{out} is a file.", ELSEWHERE)
    if out.is_dir() and any(out.iterdir()) and not (out / OURS).is_file():
        raise WbsiteError(
            f"{out} holds files that wbsite did not write.", "Give another folder with --out, or empty it yourself."
        )
    try_to_write(out, ELSEWHERE)


def try_to_write(folder: Path, hint: str) -> None:
    """Raises WbsiteError where no file can be made in a folder, or the folder itself cannot be made."""
    try:
        parent = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise WbsiteError(f"{folder} cannot be written ({error.strerror or error}).", hint) from error


def record(out: Path) -> OwnFiles:
    """What the folder's record says: "files", name → digest; "made_from"; "strict"."""
    return own_files(out / OURS, lambda document: document["files"])


def up_to_date(out: Path, made_from: str, strict: bool) -> bool:
    """Whether the site was made, completely, from pages and a configuration of this digest, and its files are there as
    they were written.

    A site that mkdocs made with warnings does not count where `strict` forbids them.
    """
    known = record(out)
    if known.document.get("made_from") != made_from or (strict and not known.document.get("strict")):
        return False
    return all((data := held(out, name)) is not None and digest(data) == sha for name, sha in known.files.items())


def publish(built: Path, out: Path, made_from: str, strict: bool) -> str:
    """Brings `out` to the state of `built`, whose files it takes, touching only files that wbsite wrote.

    Links in the folder are replaced, never followed.

    Returns:
        Why the list of these is not believed, in one sentence; "" where it is.

    Raises:
        WbsiteError: a file that is not ours stands where one of the site's should go, or it cannot be written.
    """
    ours = record(out)
    fresh = {path.relative_to(built).as_posix(): path for path in sorted(built.rglob("*")) if path.is_file()}
    fresh.pop(OURS, None)
    files = {name: digest(path.read_bytes()) for name, path in fresh.items()}
    changed = {name for name, sha in files.items() if (data := held(out, name)) is None or digest(data) != sha}
    for name in changed:
        _refuse_in_the_way(out, name, ours.replaceable)
    try:
        for partial, whole in left_over(out):
            if whole == out / OURS:
                partial.unlink()
        # Recorded before written: an interrupted move leaves only files that are known to be ours.
        write_atomically(make_way(out, OURS), signed({"files": {**ours.files, **files}}))
        for name in sorted(changed):
            move_file(fresh[name], out, name)
        for name in set(ours.files) - set(files):
            remove_file(out, name)
        write_atomically(out / OURS, signed({"files": files, "made_from": made_from, "strict": strict}))
    except OSError as error:
        raise unwritable(Path(error.filename2 or error.filename or out), error) from error
    return ours.doubt


def _refuse_in_the_way(out: Path, name: str, ours: Container[str]) -> None:
    target = out / name
    above = [path for path in target.parents if path != out and out in path.parents]
    foreign = [path for path in above if path.is_file() and path.relative_to(out).as_posix() not in ours]
    if is_in_the_way(out, name) and (name not in ours or (target.is_dir() and not target.is_symlink())):
        foreign.append(target)
    if foreign:
        raise WbsiteError(
            f"{foreign[0]} was not written by wbsite and is in the way.", "Move it, or give another folder with --out."
        )
