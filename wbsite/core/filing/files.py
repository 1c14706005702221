"""Writing files whole, and staying inside a folder when names come from a file.

A name that was read from a file may be damaged or hostile. `is_plain` says whether it can only lead to something inside
a folder; the other functions follow no symbolic link below that folder: what lies behind one is someone else's.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Writes to a temporary name beside `path`, fsyncs, renames; a failed write leaves nothing.

    Args:
        durable: whether to fsync, which is what takes most of the time: without, a power cut may spoil the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if partial.is_file():  # of a process that had this one's number, or a link to someone's file
            partial.unlink()
        with partial.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def left_over(folder: Path) -> list[tuple[Path, Path]]:
    """Temporary files of `write_atomically` below a folder, each with the file it was to become."""
    partial = []
    for inside, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".partial") and (named := re.fullmatch(r"\.(.+)\.\d+\.partial", name)):
                partial.append((Path(inside, name), Path(inside, named[1])))
    return partial


def is_plain(name: object) -> bool:
    """Whether a name is a relative path, as wbsite writes one, that leads to something inside the folder it is of."""
    if not isinstance(name, str) or not name or "\0" in name or (os.name == "nt" and "\\" in name):
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name != "."


def held(root: Path, name: str) -> bytes | None:
    """A file of a folder; None where there is none, it cannot be read, or a link leads to it."""
    path = root / name
    if not is_plain(name) or path.is_symlink() or _link_above(root, name):
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None


def is_in_the_way(root: Path, name: str) -> bool:
    """Whether something is at the name that is no link on the way, and so would be lost if a file were put there."""
    return not _link_above(root, name) and os.path.lexists(root / name)


def make_way(root: Path, name: str) -> Path:
    """The path of a name in a folder, the links on it taken away and the folders made: what is written there stays
    inside.

    Raises:
        ValueError: the name leads outside.
        OSError: a folder cannot be made.
    """
    if not is_plain(name):
        raise ValueError(f"{name!r} leads out of {root}")
    while link := _link_above(root, name):
        link.unlink()
    path = root / name
    if path.is_symlink():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def move_file(source: Path, root: Path, name: str) -> None:
    """Moves a file to a name in a folder, in place of what is there; raises as `make_way`."""
    path = make_way(root, name)
    try:
        source.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        write_atomically(path, source.read_bytes(), durable=False)
        source.unlink()


def remove_file(root: Path, name: str) -> None:
    """Removes a file of a folder, and the folders this leaves empty; leaves alone what is outside, behind a link, or a
    folder."""
    path = root / name
    if not is_plain(name) or _link_above(root, name) or (path.is_dir() and not path.is_symlink()):
        return
    with suppress(NotADirectoryError):
        path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == root or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()


def _link_above(root: Path, name: str) -> Path | None:
    """The first link among the folders that lead from a folder to a name in it."""
    path = root
    for part in PurePosixPath(name).parts[:-1]:
        path = path / part
        if path.is_symlink():
            return path
    return None
