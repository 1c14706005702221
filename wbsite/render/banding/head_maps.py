"""Where in its map a fully connected layer's weights are large: a heatmap of positions, with sums at its sides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from wbsite.core.markup import Markup, html, joined
from wbsite.render.charts import COLUMNS, INDEX, ROWS
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.text import counted, index_text, share_text
from wbsite.results.banding.head_positions import HeadPositions
from wbsite.results.site import Gap

SIDE, GAP, BARS = 168, 6, 40
"""Pixels: of the map's longer side, between map and bars, and of the longest bar."""


def heatmap(energy: np.ndarray, label: str) -> Markup:
    """SVG of a map (h, w) of values, mean 1: stronger colour for larger; means of rows at the right, of columns below."""
    h, w = energy.shape
    cell = SIDE / max(h, w)
    wide, tall, strongest = cell * w, cell * h, float(energy.max()) or 1.0
    by_y, by_x = energy.mean(1), energy.mean(0)
    longest = float(max(by_y.max(), by_x.max())) or 1.0
    cells = joined(
        (
            html(
                '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill-opacity="{:.3f}">'
                "<title>row {}, column {}: {:.2f} of the mean</title></rect>",
                x * cell,
                y * cell,
                cell,
                cell,
                value / strongest,
                y + 1,
                x + 1,
                value,
            )
            for (y, x), value in np.ndenumerate(energy)
        )
    )
    thick = 0.6 * cell
    right = joined(
        (
            html(
                '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>',
                wide + GAP,
                (y + 0.5) * cell - thick / 2,
                BARS * value / longest,
                thick,
            )
            for y, value in enumerate(by_y)
        )
    )
    below = joined(
        (
            html(
                '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>',
                (x + 0.5) * cell - thick / 2,
                tall + GAP,
                thick,
                BARS * value / longest,
            )
            for x, value in enumerate(by_x)
        )
    )
    end = BARS / longest  # of a bar of the mean
    mean = f"M{wide + GAP + end:.2f} 0V{tall:.2f}M0 {tall + GAP + end:.2f}H{wide:.2f}"
    across, down = wide + GAP + BARS, tall + GAP + BARS
    drawn = html(
        '<g fill="{}">{}</g><rect class="wb-frame" width="{:.2f}" height="{:.2f}"/>'
        '<g fill="{}">{}</g><g fill="{}">{}</g><path d="{}"/>',
        INDEX,
        cells,
        wide,
        tall,
        ROWS,
        right,
        COLUMNS,
        below,
        mean,
    )
    return Markup(
        '<svg class="wb-heat" viewBox="0 0 {across:.0f} {down:.0f}" width="{across:.0f}" height="{down:.0f}" role="img"'
        ' aria-label="{label}">{drawn}</svg>'
    ).format(across=across, down=down, label=label, drawn=drawn)


def panel(title: str, layer: str, head: HeadPositions, link: str, picture: Markup) -> Markup:
    """A network's heatmap with its numbers, which leads to the layer's page."""
    return Markup(
        '<a class="wb-panel" href="{}">{}<span><strong>{}</strong> {}<br>R = {}, C = {}<br>H = {}</span></a>'
    ).format(
        link, picture, title, layer,
        share_text(head.row_share), share_text(head.column_share), index_text(head),
    )  # fmt: skip


def draw(scene: Scene) -> Drawing | Gap:
    """A heatmap a layer."""
    panels, table, texts, vertical = [], [], [], 0
    for model in scene.site.working:
        for layer in model.having("head_positions"):
            head = model.result(HeadPositions, layer.name)
            if head is None or head.index is None or not head.energy.any():
                continue
            vertical += head.low is not None and head.low > 0
            energy = head.energy / head.energy.mean()
            by_y, by_x = energy.mean(1), energy.mean(0)
            text = (
                f"{model.title}, {layer.name}: rows from {by_y.min():.2f} to {by_y.max():.2f} of the mean,"
                f" columns from {by_x.min():.2f} to {by_x.max():.2f}"
            )
            link = f"{scene.up}models/{slug(model.id)}/{slug(layer.name)}/"
            panels.append(panel(model.title, layer.name, head, link, heatmap(energy, text)))
            table += [
                {"model": model.title, "layer": layer.name, "y": y, "x": x, "energy": round(value, 4)}
                for (y, x), value in np.ndenumerate(energy)
            ]
            texts.append(text)
    if not panels:
        return Gap("no network on this site has a fully connected layer that reads a map of positions", failed=False)
    caption = "Squared weight at every position of the map: the stronger the colour, the larger. Bars are means of rows and of columns."
    method = (
        "Mean over outputs and channels, after centring each output's and channel's weights over positions; the dashed line is"
        " the mean of all positions. R and C are the shares of that variance that vertical and horizontal position explain,"
        " H is R − C, with its 95 % bootstrap interval over outputs: they say whether weights change from row to row or from"
        " column to column, which the map, a sum of squares, does not show. Each network is one training."
    )
    body = html('<div class="wb-heats">{}</div>', joined(panels))
    finding = f"In {vertical} of {counted(len(panels), 'head')} that read a map, weights vary more with height than with width."
    return Drawing(
        caption, f"Heatmaps of weights by position. {'; '.join(texts)}.", pd.DataFrame(table), body=body, width="wide",
        finding=finding, method=method,
    )  # fmt: skip


FIGURES = (Figure("head-maps", draw, "the weights of fully connected layers by position", of="site"),)
