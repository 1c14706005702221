"""What a figure is, and the HTML around it: number, caption, alternative text, data, specification."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.markup import Markup, all_visible, html, joined
from wbsite.results.base import Result
from wbsite.results.site import Gap, LayerInfo, Model, Site

from . import drawings
from .charts import chart_box
from .text import number_text

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Result)

TABLE_ROWS = 10
"""Longest data table shown on the page itself; the file holds all rows."""

CAPTION_WORDS = 45
"""Most words of a finding and caption; what goes beyond belongs into the method."""

FILES_LISTED = 3
"""More files than these beside a figure are listed when asked for."""

WIDTHS = {"column": 700, "wide": 960, "full": 960}
"""Widths in pixels at which a chart that has the figure to itself is drawn."""

PHONE = 358
"""Width of the drawing that phones show of such a chart."""

PANEL = 420
"""Width of the one drawing of a chart among others, on screens of every width."""

BOX = re.compile(r'<div class="wb-chart" data-spec="([^"]+)\.vl\.json"><img (alt="[^"]*")></div>')
LINE = 34
"""Height in pixels of a chart's menu, which comes with the live chart."""


@dataclass(frozen=True)
class Scene:
    """What a figure is drawn of: the whole site, a model, or a layer of one."""

    site: Site
    model: Model | None = None
    layer: LayerInfo | None = None
    up: str = ""
    """Relative path from the page to the site's root, with a trailing slash, or ""."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What else the page gave the figure, as in `figure("intervention", experiment="rotated")`."""

    @overload
    def result_or_gap(self, analysis: type[R]) -> R | Gap: ...
    @overload
    def result_or_gap(self, analysis: str) -> Any: ...
    def result_or_gap(self, analysis: type[R] | str) -> Any:
        """The analysis's result for the scene's model and layer, or why there is none."""
        assert self.model is not None
        return self.model.result_or_gap(analysis, self.layer.name if self.layer else "")


@dataclass(frozen=True)
class Drawing:
    """A drawn figure.

    Caption, body, finding and method are plain text, which is escaped, unless they are Markup, made by
    `wbsite.core.markup.html`.

    Attributes:
        caption: what it takes to read the figure, behind the finding; both have at most CAPTION_WORDS words.
        alt: what a reader who cannot see it needs to know; plain text.
        data: what is drawn, one row a mark; becomes the CSV file and the data table.
        chart: Vega-Lite specification whose data URL is "data.csv" (replaced by the real name).
        body: for a figure that is not a chart; Markup.
        files: more files beside the page, by name; a specification among them (NAME.vl.json), which `body`
            shows, draws from "data.csv" as `chart` does.
        width: "column", "wide" or "full".
        height: of the chart in pixels, kept free until it is drawn.
        finding: what the figure shows, in one sentence that the data decide; set in bold before the caption.
        method: how it was made: computation, uncertainty, null, seeds, and helps for reading. Folded below it.
    """

    caption: str
    alt: str
    data: pd.DataFrame
    chart: Mapping[str, Any] | None = None
    body: Markup = field(default=Markup())
    files: Mapping[str, bytes] = field(default_factory=dict)
    width: Literal["column", "wide", "full"] = "column"
    height: int = 0
    finding: str = field(kw_only=True)
    method: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure that pages and articles can ask for by name.

    `draw` returns a Gap where a result it needs is not there; the page then shows a card.
    """

    name: str
    draw: Callable[[Scene], Drawing | Gap]
    title: str = ""
    """What a reader calls it, as in a card that says why it is not there."""
    of: Literal["site", "model", "layer"] = "layer"
    """What it is drawn of."""
    options: tuple[str, ...] = ()
    """Names of the options it takes."""
    section: str = ""
    """Heading of the model's or layer's page under which it appears; "" for a figure that only articles ask for."""
    order: int = 0
    """Its place among the figures of that page; a section stands where the first of its figures does."""
    beside: bool = False
    """Whether it stands beside the figure before it in its section, where there is room."""
    belongs: Callable[[Scene], bool] = lambda scene: True
    """Whether it is part of this model's or layer's page; a section without figures and text is left out."""
    example: Callable[[Site], Model | Gap] | None = None
    """The network that it shows in an article that names none; without, an article has to name one."""

    def check(self, scene: Scene) -> None:
        """Refuses a scene that lacks what the figure is drawn of.

        Raises:
            WbsiteError: no model, or no layer.
        """
        if self.of != "site" and scene.model is None:
            known = ", ".join(model.id for model in scene.site.models)
            raise WbsiteError(
                f"figure {self.name!r} is drawn of one model, and none is given.", f"Write model=…; known: {known}."
            )
        if self.of == "layer" and scene.layer is None:
            raise WbsiteError(f"figure {self.name!r} is drawn of one layer, and none is given.", "Write layer=….")
        for name in scene.options:
            if name not in self.options:
                raise unknown(f"option of figure {self.name!r}", name, self.options)


def gap_card(name: str, gap: Gap) -> Markup:
    """The visible card in place of a figure or number that could not be made."""
    kind, said = ("failed", "Not computed") if gap.failed else ("skipped", "Not here")
    title = next((figure.title for figure in registry.entries("figures") if figure.name == name), "") or name
    parts = re.split(r"`([^`]+)`", " ".join(gap.reason.split()))
    return html(
        '<div class="wb-gap wb-gap-{}" role="note"><strong>{}:</strong> {}, because {}</div>',
        kind,
        said,
        title,
        joined(html("<code>{}</code>", part) if i % 2 else part for i, part in enumerate(parts)),
    )


def figure_html(
    name: str, number: int, drawing: Drawing, folder: Path | None = None
) -> tuple[Markup, dict[str, bytes]]:
    """The figure element, and the files that go beside its page.

    Args:
        folder: where the page was written before; a chart that has not changed is taken from there.
    """
    csv = f"{name}.csv"
    files = {
        file: specification(json.loads(data), csv) if file.endswith(".vl.json") else data
        for file, data in drawing.files.items()
    }
    data = with_visible_texts(drawing.data)
    files[csv] = data.to_csv(index=False).encode()
    links = [html('<a href="{}" download>Data (CSV)</a>', csv)]
    body = Markup.escape(drawing.body)
    if drawing.chart is not None:
        spec = f"{name}.vl.json"
        files[spec] = specification({**drawing.chart, "description": drawing.alt}, csv)
        links.append(html('<a href="{}" download>Specification (Vega-Lite)</a>', spec))
        body = chart_box(spec, drawing.alt)
    body, pictures = with_pictures(body, files, csv, drawing.width, folder)
    files |= pictures
    unseen = [
        file for file in drawing.files if html('src="{}"', file) not in body
    ]  # a picture on the page needs no link
    others = [html('<a href="{}" download>{}</a>', file, file) for file in unseen]
    folded = Markup()
    if len(others) > FILES_LISTED:
        folded = html("<details><summary>{} more files</summary>{}</details>", len(others), joined(others, " · "))
    else:
        links += others
    tools = joined(links, " · ") + unsearched(folded + _table(data, csv))
    method = Markup()
    if drawing.method:
        shell = '<details class="wb-method"><summary>How this was made</summary><p>{}</p></details>\n'
        method = html(shell, drawing.method)
    figure = html(
        '<figure class="wb-figure wb-{width}" id="fig-{name}" aria-label="{alt}">\n'
        "{body}\n"
        '<figcaption><div class="wb-caption"><a class="wb-number" href="#fig-{name}">Figure {number}.</a>'
        " <strong>{finding}</strong> {caption}</div>\n"
        "{method}"
        '<div class="wb-tools" data-search-exclude>{tools}</div></figcaption>\n'
        "</figure>",
        width=drawing.width,
        name=name,
        alt=drawing.alt,
        body=unsearched(body),
        number=number,
        finding=drawing.finding,
        caption=drawing.caption,
        method=method,
        tools=tools,
    )
    return figure, files


def with_pictures(
    body: Markup, files: Mapping[str, bytes], csv: str, width: str, folder: Path | None
) -> tuple[Markup, dict[str, bytes]]:
    """A figure's body with the static drawings of its charts, and their files.

    The heights are kept by the boxes, so that nothing moves when the live chart comes.
    """
    pictures: dict[str, bytes] = {}
    alone = WIDTHS[width] if len(BOX.findall(body)) == 1 else None

    def drawn(name: str, width: int) -> drawings.Picture:
        picture = drawings.draw(
            files[name.partition("@")[0] + ".vl.json"], files[csv], width, folder and folder / f"{name}.svg"
        )
        pictures[f"{name}.svg"] = picture.svg
        return picture

    def filled(match: re.Match[str]) -> str:
        name, alt = unescape(match[1]), match[2]
        picture = phone = drawn(name, PANEL if alone is None else alone)
        narrow = ""
        if alone is not None:
            phone = drawn(f"{name}@phone", PHONE)
            size = f'width="{phone.width}" height="{phone.height}"'
            narrow = f'<source media="screen and (max-width: 44.9em)" srcset="{name}@phone.svg" {size}>'
        menus = LINE * files[f"{name}.vl.json"].count(b'"bind":')
        heights = f"--wb-height:{picture.height}px;--wb-phone:{phone.height}px;--wb-menus:{menus}px"
        size = f'width="{picture.width}" height="{picture.height}"'
        return (
            f'<div class="wb-chart" data-spec="{name}.vl.json" style="{heights}"><picture>{narrow}'
            f'<img src="{name}.svg" {size} loading="lazy" {alt}></picture></div>'
        )

    return Markup(BOX.sub(filled, str(body))), pictures  # noqa: S704 (what is added are names of the figure's own files)


def unsearched(part: Markup) -> Markup:
    """Keeps what is no prose out of the search: tables, drawings, details and sections, which hold data.

    One by one: of the elements inside one that is left out, the theme's search takes each of its own kind for its end.
    """
    return Markup(re.sub(r"<(table|svg|details|section)\b", r"<\1 data-search-exclude", str(part)))  # noqa: S704


def with_visible_texts(data: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts hide nothing, as in `visible`: what draws charts ends where a control character is in one."""
    texts = [c for c in data.columns if data[c].dtype.kind == "O" and any(isinstance(cell, str) for cell in data[c])]
    return data.assign(**{column: data[column].map(all_visible) for column in texts}) if texts else data


def specification(chart: Mapping[str, Any], csv: str) -> bytes:
    """The chart's JSON with its data address filled in, and with texts that hide nothing."""

    def fill(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: csv if k == "url" and v == "data.csv" else fill(v) for k, v in node.items()}
        return [fill(item) for item in node] if isinstance(node, list) else node

    return json.dumps(fill(all_visible(chart)), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _table(data: pd.DataFrame, csv: str) -> Markup:
    """The first rows; where there are more, the page's script reads all from the file."""
    shown = data.head(TABLE_ROWS)
    head = joined(html("<th>{}</th>", column) for column in shown.columns)
    rows = joined(
        html("<tr>{}</tr>", joined(html("<td>{}</td>", number_text(value)) for value in row))
        for row in zip(*(cells.tolist() for _, cells in shown.items()), strict=True)
    )
    more = source = Markup()
    if len(data) > TABLE_ROWS:
        more = html("<p>First {} of {} rows; the file has all.</p>", TABLE_ROWS, len(data))
        texts = [place for place, kind in enumerate(data.dtypes) if kind.kind not in "iuf"]
        source = html(' data-rows="{}" data-texts="{}"', csv, texts)
    return html(
        '<details class="wb-table"{}><summary>Table</summary><div class="wb-scroll" tabindex="0"><table><thead>'
        "<tr>{}</tr></thead><tbody>{}</tbody></table></div>{}</details>",
        source,
        head,
        rows,
        more,
    )
