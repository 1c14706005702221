"""Weights files of every format, one file each, read as one dictionary of float32 tensors."""

from __future__ import annotations

from pathlib import Path

from wbsite.core import registry
from wbsite.core.errors import WbsiteError

from .base import DAMAGED, HEAD, Contents, Format, NoForwardPass

__all__ = ["Contents", "Format", "NoForwardPass", "format_of", "read"]


def format_of(path: Path) -> Format:
    """The format of a file, by its content; by its name where no format claims that.

    Raises:
        WbsiteError: there is no such file, or it is of no format.
    """
    if not path.is_file():
        raise WbsiteError(f"there is no weights file {path}.", "Check the path; a folder is not enough.")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise WbsiteError(f"{path} cannot be read ({error.strerror}).", "Give a file you may read.") from error
    formats: tuple[Format, ...] = registry.entries("formats")
    named = [candidate for candidate in formats if path.name.lower().endswith(candidate.suffixes)]
    claiming = [candidate for candidate in formats if candidate.claims(path, head)]
    chosen = [candidate for candidate in claiming if candidate in named] or claiming or named
    if chosen:
        return chosen[0]
    kinds = [f"{candidate.name} ({', '.join(candidate.suffixes)})" for candidate in formats]
    raise WbsiteError(
        f"{path} is of no kind that wbsite reads: {', '.join(kinds)}.", "Save or export the weights as one of these."
    )


def read(path: Path) -> Contents:
    """Everything in a weights file.

    Raises:
        WbsiteError: the file is not there, of a format without a reader, damaged, empty, or a pickle that would run
            code.
    """
    contents = format_of(path).read(path)
    if not contents.state:
        raise WbsiteError(f"{path} holds no weights; expected tensors of numbers by name.", DAMAGED)
    return contents
