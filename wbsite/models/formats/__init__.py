"""Weights files of every format, one file each, read as one dictionary of float32 tensors."""

from __future__ import annotations

from pathlib import Path

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, nearest
from wbsite.models import memory

from ._foreign import foreign
from .base import DAMAGED, HEAD, Contents, Format, NoForwardPass

__all__ = ["Contents", "Format", "NoForwardPass", "absent", "format_of", "read"]


def format_of(path: Path) -> Format:
    """The format of a file, by its content; by its name where no format claims that.

    Raises:
        WbsiteError: there is no such file, it is empty, or it is of no format.
    """
    if not path.is_file():
        raise absent(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise WbsiteError(f"{path} cannot be read ({error.strerror}).", "Give a file you may read.") from error
    formats: tuple[Format, ...] = registry.entries("formats")
    named = [candidate for candidate in formats if path.name.lower().endswith(candidate.suffixes)]
    claiming = [candidate for candidate in formats if candidate.claims(path, head)]
    chosen = [candidate for candidate in claiming if candidate in named] or claiming or named
    if not claiming and (other := foreign(path, head)):
        raise other
    if chosen:
        return chosen[0]
    kinds = [f"{candidate.name} ({', '.join(candidate.suffixes)})" for candidate in formats]
    raise WbsiteError(
        f"{path} is of no kind that wbsite reads: {', '.join(kinds)}.",
        "Save or export the weights as one of these. A network that Python code makes is named by its function, as in"
        " ./mynet.py:make.",
    )


def absent(path: Path) -> WbsiteError:
    """The error for a path where there is no file, with what is there that it may be meant for."""
    if path.is_dir():
        suffixes = tuple(suffix for entry in registry.entries("formats") for suffix in entry.suffixes)
        files = sorted(entry.name for entry in path.iterdir() if entry.name.lower().endswith(suffixes))
        hint = f"Name a file in it, as in {path / files[0]}." if files else "Name a file with weights."
        return WbsiteError(f"{path} is a folder; expected a file.", hint)
    folder = path.absolute().parent
    if not folder.is_dir():
        return WbsiteError(f"there is no weights file {path}: there is no folder {folder}.", "Check the path.")
    names = {entry.stem: entry.name for entry in sorted(folder.iterdir())}
    close = [names[stem] for stem in nearest(path.stem, names)]  # of whole names, all that end alike are near
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else "Check the path; commas separate names."
    return WbsiteError(f"there is no weights file {path.name!r} in {folder}.", hint)


def read(path: Path) -> Contents:
    """Everything in a weights file.

    Raises:
        WbsiteError: the file is not there, of a format without a reader, damaged, empty, or a pickle that would run
            code; it states groups that a convolution's units cannot be in; reading it takes more memory than it may
            (`memory.bounded`).
    """
    kind = format_of(path)
    with memory.bounded(path, kind.name):
        return _checked(path, kind.read(path))


def _checked(path: Path, contents: Contents) -> Contents:
    """The contents of a file, if they can be those of a network."""
    if not contents.state:
        raise WbsiteError(f"{path} holds no weights; expected tensors of numbers by name.", DAMAGED)
    for name, (transposed, groups) in contents.convolutions.items():
        units = len(contents.state[name])
        if groups is not None and not transposed and (groups < 1 or units % groups):
            raise WbsiteError(f"{path} puts the {units} units of {name} into {groups} groups of one size.", DAMAGED)
    return contents
