"""What a style sheet asks for: the addresses in url() and @import."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMMENT_OR_STRING = re.compile(r"""/\*.*?\*/|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""", re.DOTALL)
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}", re.IGNORECASE)
_IMPORT = re.compile(r"""@import\s+(?:url\(\s*)?["']?([^"')\s;]+)""", re.IGNORECASE)
_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^"')\s]+))\s*\)""", re.IGNORECASE)


@dataclass(frozen=True)
class StyleParts:
    """Addresses in a style sheet, each in its order: other sheets, fonts (inside @font-face), and images."""

    imports: tuple[str, ...]
    fonts: tuple[str, ...]
    images: tuple[str, ...]


def read_style(text: str) -> StyleParts:
    """The addresses in a style sheet's text. Comments are left out; `url(data:…)` is among them like any other."""
    # Strings are matched so that a /* inside one starts no comment.
    text = _COMMENT_OR_STRING.sub(lambda match: match.group(1) or " ", text)
    imports = tuple(_IMPORT.findall(text))
    text = re.sub(r"@import[^;]*;?", " ", text, flags=re.IGNORECASE) if imports else text
    fonts = tuple(url for block in _FONT_FACE.findall(text) for url in _urls(block))
    return StyleParts(imports, fonts, tuple(_urls(_FONT_FACE.sub(" ", text))))


def _urls(text: str) -> list[str]:
    return ["".join(groups) for groups in _URL.findall(text)]
