"""What a Vega-Lite specification draws from: its data, and the addresses it fetches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SpecParts:
    """`urls`: addresses that the chart fetches, relative to the specification; `has_data`: it names any data."""

    urls: tuple[str, ...]
    has_data: bool


def read_spec(spec: Any) -> SpecParts:
    """The parts of a parsed specification, views and layers and lookups inside it included."""
    sources = list(_data(spec))
    urls = [source["url"] for source in sources if isinstance(source.get("url"), str)]
    return SpecParts(tuple(dict.fromkeys(urls)), any(sources))


def _data(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _data(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "data" and isinstance(value, dict):
            yield value
        # An image mark fetches its picture as data is fetched.
        elif key == "mark" and isinstance(value, dict) and "url" in value:
            yield {"url": value["url"]}
        # Rows written into the specification hold data, not further sources.
        elif key != "datasets":
            yield from _data(value)
