"""How strongly units respond to their own pictures, beside their strongest response to photographs."""

from __future__ import annotations

from html import escape

import pandas as pd

from wbsite.render.charts import INDEX, NEUTRAL, data, specification
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.kernels import unit_number
from wbsite.render.text import number_text
from wbsite.results.expanded._example_network import example_network
from wbsite.results.network.unit_pictures import UnitPictures
from wbsite.results.site import Gap, Model

ROW = 20


def draw(scene: Scene) -> Drawing | Gap:
    """A dot a unit, layer by layer: response to its picture over the strongest one to any photograph."""
    import altair as alt

    assert scene.model is not None
    table = rows(scene.model)
    if table.empty:
        return Gap("no unit of this network has a picture", failed=False)
    drawn = table.dropna(subset=["ratio"])
    pictures = scene.model.result(UnitPictures, str(table["layer"].iloc[0]))
    assert pictures is not None
    order = list(dict.fromkeys(table["layer"]))
    height = ROW * len(order) + 40
    x = alt.X("ratio:Q", scale=alt.Scale(type="log"), title="response: picture ÷ photographs")
    y = alt.Y("layer:N", sort=order, title=None, axis=alt.Axis(labelLimit=230, labelOverlap=False))
    base = alt.Chart(data()).transform_filter("isValid(datum.ratio)")
    told = ["layer:N", "unit:Q", *[alt.Tooltip(f"{n}:Q", format=".3~f") for n in ("ratio", "activation", "photo_max")]]
    dots = base.mark_point(color=INDEX, filled=True, opacity=0.6, size=38).encode(x=x, y=y, tooltip=told)
    middle = base.mark_tick(color=INDEX, thickness=2.5, bandSize=14).encode(x=alt.X("median(ratio):Q"), y=y)
    one = (
        alt.Chart(alt.Data(values=[{"equal": 1}]))
        .mark_rule(color=NEUTRAL, strokeDash=[4, 3])
        .encode(x=alt.X("equal:Q"))
    )
    caption = _caption(scene.model, table, drawn, pictures)
    said = f"Dot plot of {len(drawn)} units in {len(order)} layers; the median ratio is {_median(drawn)}."
    return Drawing(caption, said, table, specification(alt.layer(one, dots, middle), height), height=height)


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
    columns = ["layer", "unit", "channel", "activation", "photo_max", "ratio", "own", "agrees", "dead", "reseeded"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def _median(drawn: pd.DataFrame) -> str:
    return number_text(float(drawn["ratio"].median())) if len(drawn) else "–"


def _caption(model: Model, table: pd.DataFrame, drawn: pd.DataFrame, pictures: UnitPictures) -> str:
    assert pictures.photographs is not None
    settings, dead = pictures.settings, int(table["dead"].sum())
    more = int((drawn["ratio"] > 1).sum())
    doubted = ~table["agrees"].astype(bool) & ~table["dead"].astype(bool)
    never = len(table) - dead - len(drawn) - int(doubted.sum())
    text = (
        f"Pictures of {len(table)} units of {escape(model.title)} ({settings.pixels}, {settings.steps} steps): each"
        " unit's strongest response to its picture over its strongest response to any of"
        f" {escape(pictures.photographs.what)}, before the rectifier and over all positions, on a logarithmic axis."
        f" {more} of {len(drawn)} are above 1 (dashed); the tick is a layer's median, and that of all is {_median(drawn)}."
    )
    if never:
        text += f" {never} more units are not drawn, because none of these photographs excites them."
    if dead:
        text += f" {dead} {'units are' if dead > 1 else 'unit is'} dead: from no start did a picture excite them."
    if differing := int((~table["agrees"].astype(bool)).sum()):
        text += (
            f" {differing} are not drawn, because the network itself does not respond to the picture as was measured"
            " (column agrees)."
        )
    again = int((table["reseeded"] > 0).sum())
    return text + (f" For {again} the first start was given up for another." if again else "")


FIGURES = (
    Figure("picture-quality", draw, "how well pictures excite their units", of="model", example=example_network),
)
