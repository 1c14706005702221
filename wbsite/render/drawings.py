"""Static drawings of charts: what a page shows without a script, before its charts come alive, on paper and in feeds.

A chart is drawn by vl-convert from its specification and data alone; nothing is fetched. It has the colours of the
light scheme, and a rule for the dark one, which browsers apply by the scheme of the page that shows it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wbsite.core import source
from wbsite.core.filing.documents import canonical

from . import sources
from .assets import vega_lite

NARROW_BELOW = 480
"""Width from which on a legend may have several columns."""

LARGEST = 1_000_000
"""Bytes of a drawing, beyond which its marks become one picture of points: a page may have a dozen."""

_ID = re.compile(r"\b(clip|gradient_)\d+\b")
_NOISE = re.compile(r' (?:class|pointer-events)="[^"]*"| (?:opacity|stroke-width)="1"|<path[^>]*display="none"/>')
_DECIMALS = re.compile(r"(\d\.\d\d)\d+")
_LABEL = re.compile(r'(?<=<svg )data-of="[^"]*" ')
_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')


@dataclass(frozen=True)
class Picture:
    """A drawn chart: SVG, and its size in pixels."""

    svg: bytes
    width: int
    height: int


@cache
def appearance() -> Mapping[str, Any]:
    """What the page's script draws by, too: Vega's `config`, what differs where it is `narrow`, and for each colour
    the one that stands for it in the `dark`."""
    return json.loads(sources.templates()["assets/charts.json"].read_bytes())


def draw(specification: bytes, csv: bytes, width: int, earlier: Path | None = None) -> Picture:
    """Draws a chart.

    Args:
        specification: Vega-Lite, JSON, with the data's address in it, as wide as its place.
        csv: the data.
        width: in pixels.
        earlier: a file that may hold the same drawing, made before.
    """
    made_of = hashlib.sha256(canonical([_tools(), width, specification.decode(), csv.decode()])).hexdigest()
    if earlier is not None and (kept := _kept(earlier, made_of)):
        return _picture(kept)
    spec = _with_data(json.loads(specification), csv.decode())
    return _picture(_labelled(_bounded(_svg({**spec, "width": width}, narrow=width < NARROW_BELOW)), made_of))


def _labelled(svg: str, made_of: str) -> bytes:
    """The drawing with what it is made of, and with its own digest, in an attribute."""
    own = hashlib.sha256(svg.encode()).hexdigest()[:16]
    return svg.replace("<svg ", f'<svg data-of="{made_of}-{own}" ', 1).encode()


def _kept(earlier: Path, made_of: str) -> bytes:
    """A file that `_labelled` wrote of the same, as it was written; b"" where it is not."""
    if not earlier.is_file():
        return b""
    data = earlier.read_bytes()
    svg = _LABEL.sub("", data.decode(errors="replace"), count=1)
    return data if data == _labelled(svg, made_of) else b""


def _picture(svg: bytes) -> Picture:
    size = _SIZE.search(svg[:800].decode(errors="replace"))
    assert size is not None
    return Picture(svg, int(size[1]), int(size[2]))


@cache
def _tools() -> list[Any]:
    code = source.digest(("wbsite.render.drawings",))
    return [version("vl-convert-python"), vega_lite(), code, appearance()]


def _with_data(node: Any, csv: str) -> Any:
    """The specification with its data in place of their address, to be read as the page's script reads the file."""
    if isinstance(node, dict):
        if "url" in node and "format" in node:
            return {**{key: value for key, value in node.items() if key != "url"}, "values": csv}
        return {key: _with_data(value, csv) for key, value in node.items()}
    return [_with_data(item, csv) for item in node] if isinstance(node, list) else node


def _svg(spec: Mapping[str, Any], narrow: bool) -> str:
    import vl_convert

    look = appearance()
    config = {**look["config"], "aria": False}
    if narrow:
        config |= {part: {**config.get(part, {}), **changes} for part, changes in look["narrow"].items()}
    fitted = {**spec, "autosize": {"type": "fit-x", "contains": "padding"}}
    svg = vl_convert.vegalite_to_svg(fitted, vl_version=vega_lite(), config=config, allowed_base_urls=[])
    svg = _numbered(_DECIMALS.sub(r"\1", _NOISE.sub("", svg)))
    dark = "".join(f'[fill="{a}"]{{fill:{b}}}[stroke="{a}"]{{stroke:{b}}}' for a, b in look["dark"].items())
    return svg.replace(">", f"><style>@media (prefers-color-scheme: dark){{{dark}}}</style>", 1)


def _numbered(svg: str) -> str:
    """The drawing with the ids of its clip paths and gradients counted from 0, which Vega counts through a process."""
    places: dict[str, int] = {}
    return _ID.sub(lambda match: f"{match[1]}{places.setdefault(match[0], len(places))}", svg)


def _bounded(svg: str) -> str:
    """The drawing, or a picture of its points on white ground where it is larger than LARGEST."""
    if len(svg) <= LARGEST:
        return svg
    import vl_convert

    size = _SIZE.search(svg)
    assert size is not None
    pixels = base64.b64encode(
        vl_convert.svg_to_png(
            svg.replace("<style>", '<rect width="100%" height="100%" fill="white"/><style>', 1), scale=1.5
        )
    ).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size[0]} viewBox="0 0 {size[1]} {size[2]}">'
        f'<image {size[0]} href="data:image/png;base64,{pixels}"/></svg>'
    )
