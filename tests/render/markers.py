"""Texts that would act if a page took them for its own, and what a site that holds them everywhere is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from wbsite.core.markup import visible
from wbsite.core.store import Contents, Store

MARKS = (
    "<img src=x data-marked onerror=\"window['marked']=1\">",
    "<script data-marked>window['marked']=1</script>",
    "\"><svg data-marked onload=window['marked']=1>",
    "</script><script data-marked>window['marked']=1</script>",
    "</title></textarea></style><b data-marked>",
    "' onmouseover=window['marked']=1 data-marked='",
    "{{ 7*7 }}{% raw %}",
    "[go](javascript:window['marked']=1)",
    "`code` *stars* _under_ ~~struck~~ $x^2$",
    "a|b](x)![y](z)",
    "&lt;script data-marked&gt; &amp; \"quoted\" 'single'",
    "{: onclick=\"window['marked']=1\" data-marked }{ #marked data-marked }",
    "<!-- <script>",
    "two\nlines\ttab",
    "\u202eright to left\u2066 \x1b[31m red",
    "@@ref:nothing@@ @@claim:nothing@@",
    "# heading",
    "---",
    "=cmd() <wbr>conv",
    "'+alert(1)+' \\' || \"]] datum",
)
"""Each sets `window.marked`, brings an element with `data-marked`, or changes what stands beside it, where it can."""

NOT_A_FIGURE_OF_IT = {"first-layer-towers", "curve-grid", "residual-blocks"}
"""Figures that need what the network below has not; their own tests draw them."""

LAYERS = 10
"""Layers of the network below."""


def layer_names() -> list[str]:
    """Names of its layers, which together hold all marks; no name of a module has a point."""
    share = -(-len(MARKS) // LAYERS)
    named = [" ".join(MARKS[i * share : (i + 1) * share]).replace(".", "") for i in range(LAYERS)]
    return [name or f"plain{i}" for i, name in enumerate(named)]


NETWORK = """
from torch import nn
from wbsite.models.base import ModelSpec, Preprocess

NAMES, TITLE, NOTE = {names!r}, {title!r}, {note!r}

class Marked(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        layers = [
            nn.Conv2d(3, 6, 5, padding=2), nn.Conv2d(6, 8, 3, padding=1), nn.Conv2d(8, 4, 1),
            nn.Conv2d(4, 10, 3, padding=1, groups=2), nn.Conv2d(10, 10, 3, padding=1), nn.Conv2d(10, 10, 3, padding=1),
            nn.Conv2d(10, 6, 1), nn.Conv2d(6, 6, 3, padding=1, groups=2), nn.Conv2d(6, 4, 1), nn.Linear(16, 3),
        ]
        for name, layer in zip(NAMES, layers):
            self.add_module(name, layer)

    def forward(self, x):
        *convs, last = self._modules.values()
        for i, conv in enumerate(convs):
            y = conv(x)
            x = (x + y if i == 4 else y).relu()
        return last(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))

MODELS = (ModelSpec("marked", "own", TITLE, Marked, Preprocess(crop=16), note=NOTE),)
"""
"""A package with a network whose layers, title and note are marks."""

OWN_FILE = "<b data-marked>& 'x' `y` (z).py"
OWN = """
from torch import nn

class Own(nn.Module):
    input_shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.add_module({name!r}, nn.Conv2d(3, 4, 3))

    def forward(self, x):
        return self._modules[{name!r}](x)
"""
"""A file of a user's own, whose name stands on pages."""

ARTICLE = """---
title: {title}
description: {description}
authors:
  - {{name: {author}, affiliation: {affiliation}}}
order: 1
doi: {doi}
---

{{% set network = site.working[0] %}}
The network is {{{{ network.title }}}} with `{{{{ network.layers[0].name }}}}` and
{{% for layer in network.layers %}}**{{{{ layer.name }}}}**, {{% endfor %}}{{{{ note("noted: " ~ network.title) }}}}.

{{{{ cite("marked2020") }}}} {{{{ term("marked") }}}}

{figures}
"""

WORK = """@article{{marked2020,
  author = {{{{{author}}} and Other, A.}},
  title = {{{title}}},
  journal = {{{journal}}},
  year = {{2020}},
}}
"""

SHOWN = {
    "title", "about", "summary", "what", "licence", "licence_of_weights", "note", "remark", "reason", "kinds", "label",
    "package", "archive", "dataset", "data", "input", "architecture", "description", "weights", "text",
}  # fmt: skip
"""Fields and columns of results that hold words of whoever made the network, the run or the package."""


def marked_store(store: Store, plain: frozenset[str]) -> int:
    """Puts a mark behind every text of the results' SHOWN fields, whatever analysis they are of, except for `plain`
    texts, by which others are found; the number of texts."""
    count = 0

    def mark(text: str) -> str:  # equal texts stay equal
        nonlocal count
        count += 1
        return f"{text} {MARKS[crc32(text.encode()) % len(MARKS)]}"

    def marked(cell: Any) -> Any:
        return mark(cell) if isinstance(cell, str) and cell else cell

    def walked(node: Any, field: str = "") -> Any:
        if isinstance(node, Mapping):
            return {key: walked(value, key) for key, value in node.items()}
        if isinstance(node, list):
            return [walked(value, field) for value in node]
        return mark(node) if isinstance(node, str) and node and field in SHOWN and node not in plain else node

    for key in list(store.keys()):
        entry = store.get(key)
        if entry is None:
            continue
        tables = {}
        for name in tables_of(entry):
            table = entry.table(name)
            for column in SHOWN & set(table.columns):
                if not pd.api.types.is_numeric_dtype(table[column]):
                    table[column] = table[column].map(
                        lambda text: mark(text) if isinstance(text, str) and text else text
                    )
            tables[name] = table
        files = {name: entry.file(name) for name in entry.pictures}
        arrays: dict[str, np.ndarray] = dict(entry.arrays)
        store.put(key, Contents(walked(dict(entry.values)), arrays, tables, files), entry.about)
    return count


def add_failed(store: Store) -> None:
    """A network that failed with marks, and an analysis of the first network that did."""
    last = dict(store.record("last") or {})
    store.put_record("models/broken", {"id": "broken", "title": MARKS[2], "failed": " ".join(MARKS), "results": {}})
    store.put_record("last", {**last, "models": [*last["models"], "broken"]})
    record = dict(store.record("models/marked") or {})
    results = {name: dict(layers) for name, layers in record["results"].items()}
    for i, layers in enumerate(results.values()):
        if len(layers) > 3 and i % 4 == 0:
            layers[layer_names()[i % LAYERS]] = {"failed": " ".join(MARKS[i % 9 :])}
    store.put_record("models/marked", {**record, "results": results})


def tables_of(entry: Any) -> Iterator[str]:
    """Names of an entry's tables."""
    yield from (name.removesuffix(".parquet") for name in entry._files if name.endswith(".parquet"))


def as_shown(text: str) -> str:
    """What a page shows of a name: on one line, and what nothing shows by its number."""
    return re.sub(r"\s+", " ", visible(text)).strip()


def write_project(folder: Path, figures: list[tuple[str, str]]) -> None:
    """An article of marks that asks for every figure, a bibliography and a glossary.

    Args:
        figures: name, and what the article says beside it.
    """

    def quoted(place: int) -> str:
        return json.dumps(" ".join(MARKS[place : place + 4]))

    content = folder / "content"
    content.mkdir()
    asked = "\n\n".join(f'{{{{ figure("{name}", as_="own-{name}"{given}) }}}}' for name, given in figures)
    (content / "marked.md").write_text(
        ARTICLE.format(
            title=quoted(0),
            description=quoted(4),
            author=quoted(8),
            affiliation=quoted(12),
            doi=quoted(0),
            figures=asked,
        ),
        encoding="utf-8",
    )
    plain = {
        name: MARKS[i].replace("{", "(").replace("}", ")").replace("\\", "") for i, name in enumerate(("a", "b", "c"))
    }
    (content / "refs.bib").write_text(
        WORK.format(author=plain["a"], title=plain["b"], journal=plain["c"]), encoding="utf-8"
    )
    (content / "glossary.toml").write_text(
        f"[marked]\nshown = {json.dumps('a term ' + MARKS[0])}\ntext = {json.dumps(MARKS[1] + MARKS[2])}\n",
        encoding="utf-8",
    )
