"""How strongly units respond to their own pictures, beside their strongest response to photographs."""

from __future__ import annotations

import pandas as pd

from wbsite.core.markup import Markup, html
from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.text import counted, number_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.network.unit_pictures import UnitPictures
from wbsite.results.site import Gap, Model

ROW = 20
"""Pixels of a layer; fewer where there are many."""

COLUMNS = ["layer", "unit", "channel", "activation", "photo_max", "ratio", "own", "agrees", "dead", "reseeded", "quick"]

QUANTILES = {"tenth": 0.1, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "nine_tenths": 0.9}
"""Of a layer's ratios."""

LEAST = 0.05
"""A quantile that is smaller is drawn here: a logarithmic axis has no place for responses below zero."""


def draw(scene: Scene) -> Drawing | Gap:
    """Layer by layer, response to the picture over the strongest one to any photograph: a dot for a unit, bars for
    many units with small pictures."""
    import altair as alt

    assert scene.model is not None
    table = rows(scene.model)
    if table.empty:
        return Gap("no unit of this network has a picture", failed=False)
    pictures = scene.model.result(UnitPictures, str(table["layer"].iloc[0]))
    assert pictures is not None
    order = list(dict.fromkeys(table["layer"]))
    height = max(13, ROW - len(order) // 8) * len(order) + 40
    large, small = table[~table["quick"]], spread(table[table["quick"]])
    y = alt.Y("layer:N", sort=order, title=None, axis=alt.Axis(labelLimit=230, labelOverlap=False))
    scale, title = alt.Scale(type="log"), "response: picture ÷ photographs"
    base = alt.Chart(data()).transform_filter("datum.ratio > 0")
    told = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("unit:Q"),
        *[alt.Tooltip(f"{n}:Q", format=".3~f") for n in ("ratio", "activation", "photo_max")],
    ]
    dots = base.mark_point(color=INDEX, filled=True, opacity=0.6, size=38).encode(
        x=alt.X("ratio:Q", scale=scale, title=title), y=y, tooltip=told
    )
    bars = alt.Chart(data()).transform_filter("datum.median > 0")
    spreads = [
        alt.Tooltip("layer:N"),
        alt.Tooltip("units:Q"),
        *[alt.Tooltip(f"{n}:Q", format=".3~f") for n in QUANTILES],
    ]
    outer, inner = (
        bars.mark_rule(color=NEUTRAL, strokeWidth=thickness, opacity=0.5).encode(
            x=alt.X(f"{low}:Q", scale=scale, title=title), x2=alt.X2(f"{high}:Q"), y=y, tooltip=spreads
        )
        for low, high, thickness in (("tenth", "nine_tenths", 2), ("quarter", "three_quarters", 7))
    )
    middle = bars.mark_tick(color=NEUTRAL, thickness=2.5, bandSize=14).encode(x=alt.X("median:Q", scale=scale), y=y)
    one = (
        alt.Chart(alt.Data(values=[{"equal": 1}]))
        .mark_rule(color=NEUTRAL, strokeDash=[4, 3])
        .encode(x=alt.X("equal:Q"))
    )
    said = (
        f"Dots of {len(large)} units and bars of {len(table) - len(large)} more in {len(order)} layers; the median ratio is"
        f" {_median(large)} and {_median(table[table['quick']])}."
    )
    drawn = pd.concat([large, small], ignore_index=True)[[*COLUMNS, "units", *QUANTILES]]
    return Drawing(
        _caption(scene.model, large, table[table["quick"]]),
        said,
        drawn,
        specification(alt.layer(one, outer, inner, middle, dots), height),
        height=height,
        finding=_finding(large, table[table["quick"]]),
        method=_method(table, pictures),
    )


def rows(model: Model) -> pd.DataFrame:
    """One row for each unit that has a picture, in order of layers; see the analysis `unit_pictures`."""
    found = []
    for layer in model.having("unit_pictures"):
        pictures = model.result(UnitPictures, layer.name)
        assert pictures is not None
        table = pictures.rows
        if len(table):
            numbers = [unit_number(model, layer.name, channel) for channel in table["unit"]]
            found.append(table.assign(channel=table["unit"], unit=numbers, layer=layer.name))
    return pd.concat(found, ignore_index=True)[COLUMNS] if found else pd.DataFrame(columns=COLUMNS)


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each layer of a table of units: how many have a ratio, and its quantiles."""
    found = []
    for layer, ratios in table.groupby("layer", sort=False)["ratio"]:
        quantiles = ratios.dropna().clip(lower=LEAST).quantile(list(QUANTILES.values())).tolist()
        found.append(
            {"layer": layer, "quick": True, "units": ratios.count(), **dict(zip(QUANTILES, quantiles, strict=True))}
        )
    return pd.DataFrame(found, columns=["layer", "quick", "units", *QUANTILES])


def _median(table: pd.DataFrame) -> str:
    ratios = table["ratio"].dropna()
    return number_text(float(ratios.median())) if len(ratios) else "–"


def _above(table: pd.DataFrame) -> str:
    """ "12 of 14 are above 1, and their median is 2"."""
    ratios = table["ratio"].dropna()
    return f"{int((ratios > 1).sum())} of {len(ratios)} are above 1, and their median is {_median(table)}"


def _finding(large: pd.DataFrame, small: pd.DataFrame) -> str:
    """How many pictures excite their unit more than any photograph does: of the large ones, if there are some."""
    ratios = (large if len(large) else small)["ratio"].dropna()
    if ratios.empty:
        return "No unit's picture can be compared with photographs."
    return (
        f"{int((ratios > 1).sum())} of {len(ratios)} pictures excite their unit more than any of the photographs does."
    )


def _caption(model: Model, large: pd.DataFrame, small: pd.DataFrame) -> Markup:
    marks = [
        *(["dots are units"] if len(large) else []),
        *(["bars small pictures by layer"] if len(small) else []),
    ]
    return html(
        "Response to a unit's picture over the strongest to any photograph, in {}: {}; equal on the dashed line.",
        model.title,
        ", ".join(marks),
    )


def _method(table: pd.DataFrame, pictures: UnitPictures) -> Markup:
    assert pictures.photographs is not None
    large, small = table[~table["quick"]], table[table["quick"]]
    text = html(
        "Each unit's strongest response to its picture over its strongest response to any of"
        " {}, before the rectifier and over all positions, on a logarithmic axis.",
        pictures.photographs.what,
    )
    if len(large):
        settings = pictures.settings
        text += f" Dots: pictures of {len(large)} units ({settings.pixels}, {settings.steps} steps); {_above(large)}."
    if len(small) and pictures.quick is not None:
        settings = pictures.quick.settings
        text += (
            f" Bars: small pictures of {len(small)} units in a short search ({settings.pixels}, {settings.steps} steps),"
            f" from a tenth to nine tenths of a layer's units, thick from a quarter to three quarters, the tick at their"
            f" median; of all of them {_above(small)}."
        )
    dead = table[table["dead"] & ~table["quick"]]
    doubted = ~table["agrees"].astype(bool)
    never = int((table["ratio"].isna() & ~doubted & ~table["dead"]).sum())
    if never:
        text += f" Not drawn: {counted(never, 'more unit')} that none of these photographs excites."
    if below := int((large["ratio"] <= 0).sum()):
        text += f" Not drawn: {counted(below, 'unit')} whose response is not above zero, for which a logarithmic axis has no place."
    if len(dead):
        text += (
            f" {len(dead)} {'units are' if len(dead) > 1 else 'unit is'} dead: from no start did a picture excite them."
        )
    if failed := int((small["dead"] & small["agrees"]).sum()):
        text += f" For {failed} the short search found nothing that excites them more than the noise it began with."
    if differing := int(doubted.sum()):
        text += (
            f" {differing} are not drawn, because the network itself does not respond to the picture as was measured"
            " (column agrees)."
        )
    again = int((table["reseeded"] > 0).sum())
    return text + (f" For {again} the first start was given up for another." if again else "")


FIGURES = (
    Figure("picture-quality", draw, "how well pictures excite their units", of="model", example=example_network),
)
