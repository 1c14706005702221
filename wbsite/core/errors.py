"""The one exception users see: what was given, what was expected, what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def plain(text: str) -> str:
    """A text as a terminal may be given it: what would move it, colour it or turn its direction is replaced.

    Names in a file and what a server says go into messages. Line feeds and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


class WbsiteError(Exception):
    """Bad input. The command line prints it without a traceback and exits with status 2.

    Args:
        message: what was given and what was expected instead.
        hint: what to do about it, in one sentence.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = plain(message), plain(hint)
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as it is, whatever a subclass's constructor takes: errors come from other processes, too."""
        return _restored, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


def _restored(kind: type[WbsiteError], args: tuple[Any, ...], state: dict[str, Any]) -> WbsiteError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class RunError(WbsiteError):
    """What everything in a run depends on cannot be used: ends the run, whatever was being computed."""


def nearest(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names closest in spelling to a name that was not found, best first."""
    by_folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(name.lower(), by_folded, n=limit, cutoff=0.5)
    return [by_folded[name] for name in close]


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> WbsiteError:
    """The error for a name that is not in a list, with the nearest names that are."""
    names = sorted(known)
    close = nearest(name, names)
    if close:
        hint = "Did you mean " + " or ".join(repr(name) for name in close) + "?"
    else:
        shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        hint = f"Known: {shown}." if names else "There are none."
    return WbsiteError(f"unknown {kind} {name!r}.", f"{hint} {where}".strip())


@contextmanager
def optional(purpose: str, extra: str) -> Iterator[None]:
    """For the import of a library that not every installation has: `with optional("reading net.onnx", "formats"):`.

    Args:
        purpose: what needs it, in words.
        extra: of wbsite, which installs it.

    Raises:
        WbsiteError: it, or a library that it imports in turn, is not installed or cannot be imported.
    """
    hint = f"Run pip install 'wbsite[{extra}]'."
    try:
        yield
    except ModuleNotFoundError as error:
        raise WbsiteError(f"{error.name} is not installed, which {purpose} needs.", hint) from error
    except ImportError as error:
        raise WbsiteError(
            f"{error.name or 'a library'}, which {purpose} needs, cannot be imported: {error}.",
            f"Install it anew: {hint}",
        ) from error
