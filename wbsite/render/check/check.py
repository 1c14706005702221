"""What is wrong with a built site: the rules of `wbsite check`, over the folder that mkdocs wrote.

Read without a browser, so what a script makes of a page is known only where its markup declares it: `data-spec`,
`data-url`, `data-sprite`, `data-sprite-joint`, `data-sprite-pictures` and `data-panels` (several) and `data-href` hold
addresses, `data-units="0:256"` the anchors `#unit-0` to `#unit-255`.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from wbsite.core.errors import WbsiteError

from .page_parts import PageParts, Reference, read_page
from .site_files import SiteFiles, split_url, url_kind
from .spec_parts import SpecParts, read_spec
from .style_parts import StyleParts, read_style

HTML_BUDGET = 300_000
"""Bytes of HTML a page may have."""

FIRST_LOAD_BUDGET = 2_000_000
"""Bytes a page may load before its reader does anything, uncompressed and with empty caches.

Counted: the HTML; its style sheets, those they import, and the images both name, used or not; its scripts, blocking,
deferred or async; images and frames not marked loading="lazy" (the largest candidate of a srcset); posters; icons;
whatever is preloaded; and the worker and index of the theme's search, which every page starts. Not counted: fonts
that are not preloaded, and what scripts fetch later, such as charts.
"""

# Only the plain number: a script that looks for unit 7 does not find #unit-07.
_UNIT = re.compile(r"unit-(0|[1-9][0-9]*)")


@dataclass(frozen=True, order=True)
class Problem:
    """One defect. `page` is a file of the site; `kind` is one of "dead link", "dead anchor", "missing alt",
    "page weight", "other host", "figure without data", "duplicate id"; `detail` says where and what.
    """

    page: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.page}: {self.kind}: {self.detail}"


def check_site(site: Path, base: str | None = None) -> list[Problem]:
    """The defects of the static site in the folder `site`, sorted, each once; an empty list for a sound one.

    Args:
        site: the folder that holds index.html and what it needs.
        base: the path the site is served under, such as "/wbsite/". None takes it from the canonical address of
            the site's first page, "/" where there is none.

    Raises:
        WbsiteError: the folder is not there or holds no HTML, so that nothing was checked.
    """
    files = SiteFiles(site)
    names = files.named(".html")
    if not names:
        raise WbsiteError(f"there is no HTML page in {site}.", "Build the site first, or name the folder it is in.")
    pages = {name: read_page(files.read(name)) for name in names}
    if base is None and "index.html" in pages:
        canonical = split_url(pages["index.html"].canonical)
        # With or without the index.html that mkdocs writes where folders are not used as addresses.
        base = canonical.path.rpartition("/")[0] if canonical else ""
    files.serve_under(base or "/")
    return sorted(set(_Check(files, pages).problems()))


class _Check:
    def __init__(self, files: SiteFiles, pages: dict[str, PageParts]) -> None:
        self.files = files
        self.pages = pages
        self.styles: dict[str, StyleParts] = {name: read_style(files.read(name)) for name in files.named(".css")}
        self.spec = functools.cache(self._spec)
        self.style_closure = functools.cache(self._style_closure)

    def problems(self) -> Iterator[Problem]:
        for name, parts in self.pages.items():
            for reference in parts.references:
                yield from self._reference(name, reference)
            yield from self._markup(name, parts)
            yield from self._weight(name, parts)
            yield from self._figures(name, parts)
        for name, style in self.styles.items():
            for url in (*style.imports, *style.fonts, *style.images):
                yield from self._reference(name, Reference("url()", url, True, 0))

    def _reference(self, page: str, reference: Reference) -> Iterator[Problem]:
        if fault := self._fault(page, reference):
            kind, why = fault
            where = f"{reference.where} {_shortened(reference.url)!r}"
            yield Problem(page, kind, f"{where}{f' (line {reference.line})' if reference.line else ''} {why}")

    def _fault(self, page: str, reference: Reference) -> tuple[str, str] | None:
        url = reference.url
        kind = url_kind(url)
        if kind == "malformed":
            return "dead link", "is not an address"
        if kind == "other host" and reference.fetched:
            return "other host", "is asked of another host"
        if kind != "own":
            return None
        # An empty address is the page itself: fine to link to, never what an image or a chart wants.
        target = None if reference.fetched and not url else self.files.locate(page, url)
        if target is None:
            return "dead link", "leads to no file"
        if target in self.pages and not self._has_anchor(target, url):
            return "dead anchor", f"is not an anchor of {target}"
        return None

    def _has_anchor(self, target: str, url: str) -> bool:
        parts = split_url(url)
        # What follows :~: is text to highlight, not an anchor; #top is every page's top.
        fragment = unquote(parts.fragment).partition(":~:")[0] if parts else ""
        page = self.pages[target]
        if fragment in ("", "top") or fragment in page.anchors:
            return True
        unit = _UNIT.fullmatch(fragment)
        return unit is not None and any(int(unit[1]) in units for units in page.units)

    def _markup(self, page: str, parts: PageParts) -> Iterator[Problem]:
        for name, count in Counter(name for name, _ in parts.ids).items():
            if count > 1:
                lines = ", ".join(str(line) for other, line in parts.ids if other == name)
                yield Problem(page, "duplicate id", f"{name!r} stands on lines {lines}")
        for source, line in parts.without_alt:
            yield Problem(page, "missing alt", f"img {_shortened(source)!r} (line {line}) has no alternative text")
        for figure in parts.figures:
            if not figure.labelled:
                yield Problem(page, "missing alt", f"the figure on line {figure.line} does not say what it shows")
        for units in parts.bad_units:
            yield Problem(page, "dead anchor", f"data-units={units!r} is not ranges START:STOP parted by commas")

    def _weight(self, page: str, parts: PageParts) -> Iterator[Problem]:
        size = self.files.sizes[page]
        if size > HTML_BUDGET:
            yield Problem(page, "page weight", f"{_kilobytes(size)} of HTML, over {_kilobytes(HTML_BUDGET)}")
        loaded: set[str] = {page}
        for candidates in parts.first_load:
            found = [self.files.locate(page, url) for url in candidates if url and url_kind(url) == "own"]
            if present := [name for name in found if name]:
                largest = max(present, key=self.files.sizes.__getitem__)
                loaded |= self.style_closure(largest) if largest in self.styles else {largest}
        total = sum(self.files.sizes[name] for name in loaded)
        if total > FIRST_LOAD_BUDGET:
            heaviest = sorted(loaded, key=lambda name: (-self.files.sizes[name], name))[:3]
            listed = ", ".join(f"{name} {_kilobytes(self.files.sizes[name])}" for name in heaviest)
            over = f"{_kilobytes(total)} at first load, over {_kilobytes(FIRST_LOAD_BUDGET)}"
            yield Problem(page, "page weight", f"{over}; heaviest: {listed}")

    def _style_closure(self, style: str) -> set[str]:
        """A style sheet, the sheets it imports, and the images they name."""
        closure: set[str] = set()
        waiting = [style]
        while waiting:
            name = waiting.pop()
            closure.add(name)
            parts = self.styles.get(name, StyleParts((), (), ()))
            for url in (*parts.imports, *parts.images):
                target = self.files.locate(name, url) if url_kind(url) == "own" else None
                if target and target not in closure:
                    waiting.append(target)
        return closure

    def _figures(self, page: str, parts: PageParts) -> Iterator[Problem]:
        for figure in parts.figures:
            if not any(url_kind(url) == "own" and url and self.files.locate(page, url) for url in figure.downloads):
                detail = f"the figure on line {figure.line} offers no file to download"
                yield Problem(page, "figure without data", detail)
        for url, line in parts.specs:
            # A specification that is not there is a dead link, reported as one.
            if name := self.files.locate(page, url) if url_kind(url) == "own" else None:
                yield from self._chart(page, name, line)

    def _chart(self, page: str, name: str, line: int) -> Iterator[Problem]:
        chart = f"chart {name} (line {line})"
        spec = self.spec(name)
        if isinstance(spec, str):
            yield Problem(page, "figure without data", f"{chart} is not a specification: {spec}")
            return
        if not spec.has_data:
            yield Problem(page, "figure without data", f"{chart} names no data")
        for url in spec.urls:
            kind = url_kind(url)
            if kind == "other host":
                yield Problem(page, "other host", f"{chart} asks another host for {url!r}")
            elif kind == "malformed" or (kind == "own" and not (url and self.files.locate(name, url))):
                yield Problem(page, "figure without data", f"{chart}: its data {url!r} leads to no file")

    def _spec(self, name: str) -> SpecParts | str:
        """The parts of a specification, or why the file is none."""
        try:
            spec = json.loads(self.files.read(name))
        except json.JSONDecodeError as error:
            return str(error)
        return read_spec(spec) if isinstance(spec, dict) else "not a JSON object"


def _shortened(url: str) -> str:
    return url if len(url) <= 80 else f"{url[:79]}…"


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.0f} KB"
