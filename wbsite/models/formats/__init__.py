"""Weights files of every format, one file each, read as one dictionary of float32 tensors."""

from __future__ import annotations

from pathlib import Path

from wbsite.core import registry
from wbsite.core.errors import WbsiteError

from .base import DAMAGED, Contents, Format

__all__ = ["Contents", "Format", "format_of", "read"]


def format_of(path: Path) -> Format:
    """The format of a file, by its suffix.

    Raises:
        WbsiteError: there is no such file, or its suffix belongs to no format.
    """
    if not path.is_file():
        raise WbsiteError(f"there is no weights file {path}.", "Check the path; a folder is not enough.")
    formats: tuple[Format, ...] = registry.entries("formats")
    for candidate in formats:
        if path.suffix.lower() in candidate.suffixes:
            return candidate
    suffixes = [suffix for candidate in formats for suffix in candidate.suffixes]
    raise WbsiteError(
        f"{path} is not of a kind wbsite reads; expected one of {', '.join(suffixes)}.",
        "Convert it, or rename it if only its suffix is wrong.",
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
