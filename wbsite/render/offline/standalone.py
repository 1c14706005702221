"""Turns the site that mkdocs made into one that works from a folder: links name files, and data can be had as scripts.

A browser shows a folder's list of files where a server would send its index.html, and lets no page read another file
but as a picture, style or script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

INDEX = "index.html"
DATA = (".csv", ".json")
"""Suffixes of the files that scripts read; beside FILE stands FILE.js, which hands its text to offline.js."""

ATTRIBUTE = re.compile(r"""\s([^\s=>"'/]+)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""")
"""An attribute with its value in a tag: name and value as they are written."""

SERVED_ONLY = ("404.html", "sitemap.xml", "sitemap.xml.gz", "search/search_index.json")
"""Files that only a server has a use for; the plugin writes the index of the search as a script."""


def prepare(site: Path) -> None:
    """Changes a built site in its place."""
    for name in SERVED_ONLY:
        (site / name).unlink(missing_ok=True)
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            path.write_text(with_files_named(text, path.parent, site), encoding="utf-8")
        elif path.suffix in DATA:
            path.with_name(f"{path.name}.js").write_text(script(path), encoding="utf-8")


def with_files_named(html: str, folder: Path, site: Path) -> str:
    """A page whose links to folders of the site lead to their index.html.

    Args:
        folder: in which the page lies.
    """
    pieces, end = [], 0
    for start, tag, address in Links.of(html):
        if named := file_named(address, folder, site):
            value = next(found for found in ATTRIBUTE.finditer(tag) if found[1].lower() == "href")
            pieces += [html[end : start + value.start(2)], f'"{escape(named)}"']
            end = start + value.end(2)
    return "".join([*pieces, html[end:]])


def file_named(address: str, folder: Path, site: Path) -> str:
    """A link's address with the file that a server would send; "" where it leads to no folder of the site."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return ""
    target = (folder / unquote(parts.path)).resolve()
    if not target.is_relative_to(site.resolve()) or not (target / INDEX).is_file():
        return ""
    return parts._replace(path=f"{parts.path.rstrip('/')}/{INDEX}").geturl()


class Links(HTMLParser):
    """Finds the links of a page: where their tag begins, the tag as it is written, and the address."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.lines = [0, *(match.end() for match in re.finditer("\n", html))]
        self.found: list[tuple[int, str, str]] = []

    @classmethod
    def of(cls, html: str) -> Iterator[tuple[int, str, str]]:
        """(place of the tag, tag, address) of each, in order."""
        parser = cls(html)
        parser.feed(html)
        parser.close()
        yield from parser.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps what leads to another page."""
        address = dict(attrs).get("href")
        if tag in ("a", "area") and address:
            line, column = self.getpos()
            self.found.append((self.lines[line - 1] + column, self.get_starttag_text() or "", address))


def script(path: Path) -> str:
    """The script that stands for a file of data; a chart's specification brings the data it names with it."""
    text = path.read_text(encoding="utf-8")
    if path.name.endswith(".vl.json"):
        text = json.dumps(_filled(json.loads(text), path.parent), ensure_ascii=False, separators=(",", ":"))
    return f"wbsiteData({json.dumps(text, ensure_ascii=False)});\n"


def _filled(node: Any, folder: Path) -> Any:
    """A specification with the text of the files in place of their addresses."""
    if isinstance(node, list):
        return [_filled(item, folder) for item in node]
    if not isinstance(node, dict):
        return node
    filled = {key: _filled(value, folder) for key, value in node.items()}
    address = filled.get("url")
    if isinstance(address, str) and (file := folder / address).suffix in DATA and file.is_file():
        del filled["url"]
        filled["values"] = file.read_text(encoding="utf-8")
        filled["format"] = {"type": file.suffix[1:], **filled.get("format", {})}
    return filled
