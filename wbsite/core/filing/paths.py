"""Paths as users write them: `~` expanded, and what can be no path refused before anything is made of it."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from wbsite.core.errors import WbsiteError

LONGEST = 4095
"""Bytes of a path, and of any text that names a model or a file, beyond which Linux takes none."""

LONGEST_NAME = 255
"""Bytes of a name in it."""


def check_text(text: str, name: str) -> None:
    """Refuses a text that no name of a model, file or address can be.

    Args:
        name: of the option, for the message.

    Raises:
        WbsiteError: it has control characters, half a character, or is too long.
    """
    unprintable = "" if text.isprintable() else text  # most texts are, and need no look at every letter
    if odd := next((letter for letter in unprintable if unicodedata.category(letter) in ("Cc", "Cs")), None):
        raise WbsiteError(f"{name} has the character U+{ord(odd):04X} in it.", "Write it without control characters.")
    longest = max((len(os.fsencode(part)) for part in text.split("/")), default=0)
    if longest > LONGEST_NAME or len(os.fsencode(text)) > LONGEST:
        raise WbsiteError(
            f"{name} is too long: {text[:40]}….",
            f"Give at most {LONGEST} bytes, and at most {LONGEST_NAME} from one / to the next.",
        )


def expanded(path: str | Path, name: str = "the path") -> Path:
    """A path with `~` and `~USER` expanded.

    Raises:
        WbsiteError: there is no such user, or it can be no path.
    """
    check_text(str(path), name)
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        user = Path(path).parts[0]
        raise WbsiteError(
            f"{name} is {path}, and there is no user {user[1:]!r}.", f"Write ./{path} for {user}."
        ) from error


def folder(text: str, name: str) -> str:
    """An option that names a folder or a file of this machine, expanded.

    Raises:
        WbsiteError: it is blank, an address, or as `expanded`.
    """
    if not text.strip():
        raise WbsiteError(f"{name} is empty.", "Give a path, or leave it out.")
    if scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]+:(?=/|$)", text):
        raise WbsiteError(f"{name} is {text}: {scheme[0]} makes no path of this machine.", "Give a folder.")
    return str(expanded(text, name))


def place(text: str, name: str) -> str:
    """An option that names a folder, expanded, or an address as it is.

    Raises:
        WbsiteError: it is neither, or as `expanded`.
    """
    if "://" in text:
        check_text(text, name)
        return text
    if "::" in text or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:(/|$)", text):
        raise WbsiteError(f"{name} is {text}.", "Give a folder, or an address with ://, as in s3://bucket/folder.")
    return folder(text, name)


def shown(value: object) -> str:
    """A value as messages show it: no longer than a line, whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits; lists in lists
        return f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= 100 else f"{text[:90]}…"
