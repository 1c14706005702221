"""Reads an HTML page into the parts that `check` judges: addresses, ids, images, figures, scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from .site_files import split_url, url_kind
from .style_parts import read_style

# Addresses in these attributes are fetched with the page; <a>, <area>, <form> and <link> are treated apart.
_FETCHED = {
    "script": ("src",),
    "img": ("src",),
    "iframe": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "input": ("src",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
_LINKED = {"a": "href", "area": "href", "form": "action"}
_OWN_FETCHED = ("data-spec", "data-url", "data-sprite", "data-sprite-joint", "data-sprite-pictures", "data-panels")
_FIRST_LOAD_RELS = {"stylesheet", "icon", "preload", "modulepreload"}
_CONNECTING_RELS = {"preconnect", "dns-prefetch"}
_FETCHING_RELS = {*_FIRST_LOAD_RELS, *_CONNECTING_RELS, "apple-touch-icon", "mask-icon", "prefetch", "manifest"}
_SCRIPT_TYPES = {"", "module", "text/javascript", "application/javascript"}
# The start of a request in a script: the callee or assignment, then a quoted address with a host.
_SCRIPT_REQUEST = re.compile(
    r"""(?:\b(?:fetch|import|importScripts|sendBeacon|Worker|SharedWorker|EventSource|WebSocket|Request)\s*\(
        |\bimport\b|\bfrom\b|\.src\s*=|\.open\(\s*["'][A-Za-z]+["']\s*,)
        \s*["'`]((?:(?:https?|wss?):)?//[^"'`\s]+)""",
    re.VERBOSE,
)
_CANDIDATE = re.compile(r"[\s,]*(\S+?)(?:,(?=\s)|,?$|\s+[^,]*(?:,|$))")
_RANGE = re.compile(r"\s*(\d+):(\d+)\s*")


@dataclass(frozen=True)
class Reference:
    """An address on a page: `where` it stands ("img src"), `url`, whether the browser fetches it by itself."""

    where: str
    url: str
    fetched: bool
    line: int


@dataclass
class Figure:
    """A `figure.wb-figure`: whether it says what it shows, and the addresses it offers for download."""

    line: int
    labelled: bool
    downloads: list[str] = field(default_factory=list)


@dataclass
class PageParts:
    """What one page holds. `first_load` lists the addresses fetched before the reader does anything; an image with
    several candidates is one entry with all of them. `units` are half-open ranges; `bad_units` are unreadable ones.
    """

    references: list[Reference] = field(default_factory=list)
    first_load: list[tuple[str, ...]] = field(default_factory=list)
    ids: list[tuple[str, int]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    units: list[range] = field(default_factory=list)
    bad_units: list[str] = field(default_factory=list)
    without_alt: list[tuple[str, int]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    specs: list[tuple[str, int]] = field(default_factory=list)
    canonical: str = ""


def read_page(text: str) -> PageParts:
    """The parts of a page's HTML; broken markup is read as far as a browser would guess."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    return parser.parts


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts = PageParts()
        self._figures: list[Figure | None] = []  # open <figure> elements, None for those of another class
        self._inside: dict[str, str] | None = None  # attributes of the open <script> or <style>
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        if tag in ("script", "style"):
            self._inside, self._text = given, []
        elif tag == "figure":
            self._open_figure(given, line)
        elif tag == "img":
            self._image(given, line)
        if not given:
            return
        self._names(tag, given, line)
        if tag == "link":
            self._link(given, line)
        elif tag in _LINKED and _LINKED[tag] in given:
            self._add(f"{tag} {_LINKED[tag]}", given[_LINKED[tag]], False, line)
        elif tag in _FETCHED:
            self._fetched(tag, given, line)
        self._own(tag, given, line)

    def handle_endtag(self, tag: str) -> None:
        if tag == "figure" and self._figures:
            self._figures.pop()
        elif tag in ("script", "style") and self._inside is not None:
            given, self._inside = self._inside, None
            text = "".join(self._text)
            if tag == "style":
                self._style(text, self.getpos()[0])
            elif "src" not in given:
                self._script(given, text, self.getpos()[0])

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._text.append(data)

    def _add(self, where: str, url: str, fetched: bool, line: int) -> None:
        self.parts.references.append(Reference(where, url.strip(), fetched, line))

    def _names(self, tag: str, given: dict[str, str], line: int) -> None:
        if "id" in given:
            self.parts.ids.append((given["id"], line))
            self.parts.anchors.add(given["id"])
        if tag == "a" and "name" in given:
            self.parts.anchors.add(given["name"])
        for text in given.get("data-units", "").split(",") if "data-units" in given else ():
            if found := _RANGE.fullmatch(text):
                self.parts.units.append(range(int(found[1]), int(found[2])))
            else:
                self.parts.bad_units.append(given["data-units"])

    def _link(self, given: dict[str, str], line: int) -> None:
        rels = set(given.get("rel", "").lower().split())
        if "href" not in given:
            return
        if "canonical" in rels:
            self.parts.canonical = given["href"]
            return
        # A connection has no file of its own: only another host's is of interest.
        if rels & _CONNECTING_RELS and url_kind(given["href"]) != "other host":
            return
        self._add(f"link rel={given.get('rel', '')}", given["href"], bool(rels & _FETCHING_RELS), line)
        if rels & _FIRST_LOAD_RELS:
            self.parts.first_load.append((given["href"],))

    def _fetched(self, tag: str, given: dict[str, str], line: int) -> None:
        urls = [(name, given[name]) for name in _FETCHED[tag] if name in given]
        candidates = srcset_urls(given["srcset"]) if "srcset" in given else []
        for name, url in [*urls, *(("srcset", url) for url in candidates)]:
            self._add(f"{tag} {name}", url, True, line)
        eager = given.get("loading", "").lower() != "lazy"
        if tag == "img" and eager:
            self.parts.first_load.append((*(url for _, url in urls), *candidates))
        elif tag == "script" or (tag == "iframe" and eager):
            self.parts.first_load.extend((url,) for _, url in urls)
        elif tag == "video" and "poster" in given:
            self.parts.first_load.append((given["poster"],))

    def _image(self, given: dict[str, str], line: int) -> None:
        alternative = given.get("alt", "").strip()
        decorative = "alt" in given and (
            given.get("role") in ("presentation", "none") or given.get("aria-hidden") == "true"
        )
        if not alternative and not decorative:
            self.parts.without_alt.append((given.get("src", "an image without src"), line))
        elif alternative:
            self._labelled()

    def _open_figure(self, given: dict[str, str], line: int) -> None:
        ours = "wb-figure" in given.get("class", "").split()
        figure = Figure(line, bool(given.get("aria-label", "").strip())) if ours else None
        self._figures.append(figure)
        if figure:
            self.parts.figures.append(figure)

    def _labelled(self) -> None:
        for figure in self._figures:
            if figure:
                figure.labelled = True

    def _own(self, tag: str, given: dict[str, str], line: int) -> None:
        for name in _OWN_FETCHED:
            several = name in ("data-panels", "data-sprite-pictures")
            for url in (given[name].split() if several else [given[name]]) if name in given else ():
                self._add(f"{tag} {name}", url, True, line)
        if "data-href" in given:
            self._add(f"{tag} data-href", given["data-href"], False, line)
        if "data-spec" in given:
            self.parts.specs.append((given["data-spec"], line))
        if "style" in given and "url(" in given["style"]:
            self._style(given["style"], line)
        if given.get("role") == "img" and given.get("aria-label", "").strip():
            self._labelled()
        if tag == "a" and "download" in given and "href" in given:
            for figure in self._figures:
                if figure:
                    figure.downloads.append(given["href"])
        self._theme(given, line)

    def _theme(self, given: dict[str, str], line: int) -> None:
        """Requests that mkdocs-material's own script makes when it meets an element, with no address in the HTML."""
        if given.get("data-md-component") == "source":
            parts = split_url(given.get("href", ""))
            if parts and parts.hostname in ("github.com", "gitlab.com"):
                self._add("the theme's repository facts (repo_url)", f"https://{parts.hostname}", True, line)
        if "mermaid" in given.get("class", "").split():
            self._add("the theme's diagrams (class mermaid)", "https://unpkg.com/mermaid", True, line)

    def _style(self, text: str, line: int) -> None:
        style = read_style(text)
        for url in (*style.imports, *style.fonts, *style.images):
            self._add("style", url, True, line)
        self.parts.first_load.extend((url,) for url in (*style.imports, *style.images))

    def _script(self, given: dict[str, str], text: str, line: int) -> None:
        if given.get("id") == "__config":
            # mkdocs-material starts its search, and with it loads the whole index, on every page.
            config = dict(re.findall(r'"(base|search)":\s*"([^"]*)"', text))
            if len(config) == 2:
                index = f"{config['base'].rstrip('/')}/search/search_index.json"
                # The site's worker loads the theme's, whose name ends its address, and what it knows of layers.
                worker, _, theirs = config["search"].partition("?")
                others = ("../../layers.js", f"search.{theirs}") if theirs else ()
                folder = worker.rpartition("/")[0]
                self.parts.first_load += [(worker,), (index,), *((f"{folder}/{name}",) for name in others)]
        elif given.get("type", "").lower() in _SCRIPT_TYPES:
            for url in _SCRIPT_REQUEST.findall(text):
                self._add("script", url, True, line)


def srcset_urls(srcset: str) -> list[str]:
    """The addresses of a srcset; commas inside an address (data:) do not part candidates."""
    return _CANDIDATE.findall(srcset)
