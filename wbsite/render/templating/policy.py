"""The content security policy of every page: scripts come from the site's own files, or are known by their digest.

Digests are those of the scripts that the theme's templates have in their text, Material's and ours, as they are
installed; never of what a page holds, since a script that a name had brought in would then be allowed, too. So the
policy is complete before mkdocs runs, and `mkdocs serve` and `mkdocs build` have the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

BASE = "partials/javascripts/base.html"
"""Material's script that tells where the site begins, which differs from page to page."""

PARTIAL = "partials/policy.html"

SOURCES = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # widths and colours of parts of figures, and the sheets that Vega brings
    "img-src": "'self' data: blob:",
    "worker-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
"""What a page may load and from where, by the directive's name."""

FILES = {"default-src", "script-src", "style-src", "img-src"}
"""Directives that also name `file:` where a site is read from a folder, which no browser takes for 'self' alike."""

_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)
_FILLED = re.compile(r'"\{\{(?P<expression>[^{}]*)\}\}"')


def partials(theme: Mapping[str, bytes]) -> dict[str, bytes]:
    """Templates to be added to the theme's own: the policy, and Material's script in a form that is always the same.

    Args:
        theme: the override's files, by path.
    """
    own = {name: text.decode() for name, text in theme.items() if name.endswith(".html")}
    texts = {**installed(), **own}
    texts[BASE] = unvarying(texts[BASE])
    digests = sorted({digest(text) for name, page in texts.items() for text in inline(page)})
    return {BASE: texts[BASE].encode(), PARTIAL: policy(digests).encode()}


@cache
def installed() -> dict[str, str]:
    """Material's templates by path."""
    package = find_spec("material")
    assert package is not None and package.origin is not None
    root = Path(package.origin).parent / "templates"
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in root.rglob("*.html")}


def unvarying(partial: str) -> str:
    """A script whose text is the same on all pages: what differs becomes an attribute of its element."""

    def rewritten(match: re.Match[str]) -> str:
        filled = _FILLED.findall(match["text"])
        if len(filled) != 1 or match["attributes"]:
            return match[0]
        text = _FILLED.sub("document.currentScript.dataset.base", match["text"])
        return f'<script data-base="{{{{{filled[0]}}}}}">{text}</script>'

    return _SCRIPT.sub(rewritten, partial)


def inline(template: str) -> Iterable[str]:
    """The scripts in a template whose text no page changes."""
    for match in _SCRIPT.finditer(template):
        if not re.search(r"\b(src|type)=", match["attributes"]) and not re.search(r"\{\{|\{%", match["text"]):
            yield match["text"]


def digest(script: str) -> str:
    """As a policy names a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def policy(digests: Iterable[str]) -> str:
    """The template of the element that holds the policy.

    In mkdocs.yml, `extra: {policy: false}` leaves it out, and a text is taken in its place.
    """
    allowed = " ".join(digests)
    served = {name: f"{sources} {allowed}" if name == "script-src" else sources for name, sources in SOURCES.items()}
    folder = {name: f"{sources} file:" if name in FILES else sources for name, sources in served.items()}
    written = ["; ".join(f"{name} {sources}" for name, sources in each.items()) for each in (served, folder)]
    return (
        "{% set policy = config.extra.policy | d(true) %}\n"
        "{% if policy is sameas true %}\n"
        '{% if "offline" in config.plugins or "material/offline" in config.plugins %}\n'
        f'{{% set policy = "{written[1]}" %}}\n'
        "{% else %}\n"
        f'{{% set policy = "{written[0]}" %}}\n'
        "{% endif %}\n"
        "{% endif %}\n"
        '{% if policy %}<meta http-equiv="Content-Security-Policy" content="{{ policy }}">{% endif %}\n'
    )
