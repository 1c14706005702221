"""The one way from text that others wrote into a page: names of layers, titles, paths, labels, errors.

A page is Markdown with HTML in it. What may stand there as it is written is `Markup`; any other text that meets it is
escaped, by Jinja in a template and by `html` in Python, so that it can be neither a tag nor emphasis, a link, a
formula, a heading or a table, and shows as what it is. One escape serves prose, HTML, attributes and front matter.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Self

import markupsafe

_BREAKS = re.compile(r" *[\t-\r\x1c-\x1f\x85\u2028\u2029][\t-\r\x1c-\x1f \x85\u2028\u2029]*")
_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]|[^\x00-\uffff]"
)
"""Characters that nothing shows, that turn the text around them, or that no file in UTF-8 can hold; and all beyond
the first plane, of which a few are such."""

_SPECIAL = re.compile(
    r"""
      [&<>"'`*\\\[\]{}|$^~@]          # of HTML, Markdown, Jinja, formulas, references between figures
    | (?<![^\W_])_ | _(?![^\W_])      # emphasis begins and ends at the edge of a word
    | (?<!\w):(?=\w)                 # a symbol by its name
    """,
    re.VERBOSE,
)
_FIRST = re.compile(r" *(#+|[-+=:?!]+(?=\s|$)|\d+\.(?!\w))| {4,}")
"""What makes a line a list, a heading or a block, if a text begins with it."""

_WRITTEN = re.compile(r"&#0(\d+);")
_CODE = re.compile(r"(?<![`\\])(?P<ticks>`+)(?!`)(?P<code>(?:(?!\n\s*\n)[^<])+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
_LINK = re.compile(r"https?://[^\s]+", re.IGNORECASE)


class Markup(markupsafe.Markup):
    """Text that may stand in a page as it is; what is added to it or put into it is escaped.

    An f-string makes plain text of it again, which a page shows with its tags: write `html("…{}…", part)`.
    """

    __slots__ = ()

    @classmethod
    def escape(cls, s: Any, /) -> Self:
        """Any text so that a page shows it as it is; Markup unchanged."""
        if hasattr(s, "__html__"):
            return cls(s.__html__())
        text = _SPECIAL.sub(_reference, visible(str(s)))
        first = _FIRST.match(text)
        return cls(re.sub(r"\W", _reference, first[0]) + text[first.end() :] if first else text)


def html(template: str, /, *values: object, **named: object) -> Markup:
    """Markup of our own with values in its `{}`, escaped unless they are Markup.

    Args:
        template: as for `str.format`; written in the code, never made of names (ruff's S704 sees to that).
    """
    return Markup(template).format(*values, **named)  # noqa: S704 (ruff looks at the caller's)


def joined(parts: Iterable[object], between: str = "") -> Markup:
    """Parts one after the other, each escaped unless it is Markup."""
    return Markup.escape(between).join(Markup.escape(part) for part in parts)


def prose(text: str) -> Markup:
    """Words of wbsite's own or of an author, as a claim's statement or a term's meaning, which are Markdown with
    formulas but no HTML. Not for names."""
    return Markup(markupsafe.escape(text))  # noqa: S704 (no HTML is left)


def visible(text: str) -> str:
    """Text on one line in which nothing is hidden: control characters and those that turn the direction of what follows
    are shown by their numbers, as in `\\x1b` or `\\u202e`. It is still plain text."""
    return _HIDDEN.sub(_shown, _BREAKS.sub(" ", text))


def visible_lines(text: str) -> str:
    """Text of several lines for a terminal, which a control character in a name would otherwise steer."""
    return "\n".join(map(visible, text.split("\n")))


def all_visible(node: Any) -> Any:
    """JSON values with all their texts, and names of fields, made visible."""
    if isinstance(node, str):
        return visible(node)
    if isinstance(node, Mapping):
        return {all_visible(key): all_visible(value) for key, value in node.items()}
    return [all_visible(item) for item in node] if isinstance(node, (list, tuple)) else node


def linked(address: str, label: object = "") -> Markup:
    """A link to an http(s) address; to any other, which a stranger may have made a script, only the words.

    Args:
        label: what is shown; the address itself if it is empty.
    """
    words = Markup.escape(label or address)
    return html('<a href="{}">{}</a>', address, words) if _LINK.fullmatch(address.strip()) else words


def front_matter(value: object) -> Markup:
    """A text, or a list of such, of a page's front matter: escaped, since themes put it into their HTML as it is, and
    in JSON, which YAML reads."""
    content = [str(Markup.escape(part)) for part in value] if isinstance(value, list) else str(Markup.escape(value))
    return Markup(json.dumps(content, ensure_ascii=False))  # noqa: S704 (escaped within)


def script_data(content: Any) -> Markup:
    """JSON for a `<script type="application/json">` element, which nothing in it can end, nor means anything to what
    reads the page before a browser does."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&`$@":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 (no letter of HTML is left)


def with_code_shown(text: str) -> str:
    """Markdown in which names within backticks, where Markdown would show what they were escaped by, are HTML."""

    def shown(match: re.Match[str]) -> str:
        code = match["code"]
        if not _WRITTEN.search(code):
            return match[0]
        parts = _WRITTEN.split(code.strip())
        safe = [f"&#0{part};" if i % 2 else Markup.escape(part) for i, part in enumerate(parts)]
        return f"<code>{''.join(safe)}</code>"

    return _CODE.sub(shown, text) if _WRITTEN.search(text) else text


def _reference(match: re.Match[str]) -> str:
    """With a zero before the number, as people do not write it: `with_code_shown` knows its own."""
    return f"&#0{ord(match[0])};"


def _shown(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number > 0xFFFF and number & 0xFFFE != 0xFFFE and unicodedata.category(match[0]) not in ("Cf", "Co"):
        return match[0]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
