"""The finished site's folder: what may stand there, whether it is up to date, how it is brought up to date."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wbsite.core.errors import WbsiteError
from wbsite.core.store import canonical, left_over, write_atomically

from .output import digest, remove_file, unwritable

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


def record(out: Path) -> dict[str, Any]:
    """What the folder's record says: "files", name → digest; "made_from"; "strict". Empty where there is none."""
    try:
        found = json.loads((out / OURS).read_bytes())
        return found if isinstance(found.get("files"), dict) else {}
    except (OSError, ValueError, AttributeError):
        return {}


def up_to_date(out: Path, made_from: str, strict: bool) -> bool:
    """Whether the site was made, completely, from pages and a configuration of this digest, and its files are there.

    A site that mkdocs made with warnings does not count where `strict` forbids them.
    """
    known = record(out)
    if known.get("made_from") != made_from or (strict and not known.get("strict")):
        return False
    return all((out / name).is_file() for name in known["files"])


def publish(built: Path, out: Path, made_from: str, strict: bool) -> None:
    """Brings `out` to the state of `built`, whose files it takes, touching only files that wbsite wrote.

    Raises:
        WbsiteError: a file that is not ours stands where one of the site's should go, or it cannot be written.
    """
    ours = record(out).get("files", {})
    fresh = {path.relative_to(built).as_posix(): path for path in sorted(built.rglob("*")) if path.is_file()}
    fresh.pop(OURS, None)
    for name in fresh:
        _refuse_in_the_way(out, name, ours)
    files = {name: digest(path.read_bytes()) for name, path in fresh.items()}
    try:
        for partial, whole in left_over(out):
            if whole == out / OURS:
                partial.unlink()
        # Recorded before written: an interrupted move leaves only files that are known to be ours.
        write_atomically(out / OURS, canonical({"files": {**ours, **files}}))
        for name, path in fresh.items():
            target = out / name
            if not target.exists() or digest(target.read_bytes()) != files[name]:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
        for name in set(ours) - set(files):
            remove_file(out, name)
        write_atomically(out / OURS, canonical({"files": files, "made_from": made_from, "strict": strict}))
    except OSError as error:
        raise unwritable(Path(error.filename2 or error.filename or out), error) from error


def _refuse_in_the_way(out: Path, name: str, ours: Mapping[str, str]) -> None:
    target = out / name
    foreign = [path for path in target.parents if path.is_file() and path.relative_to(out).as_posix() not in ours]
    if target.is_dir() or (target.is_file() and name not in ours):
        foreign.append(target)
    if foreign:
        raise WbsiteError(
            f"{foreign[0]} was not written by wbsite and is in the way.", "Move it, or give another folder with --out."
        )
