"""Every configuration of a study in the information plane, side by side on one scale."""

from __future__ import annotations

import pandas as pd

from wbsite.core.errors import unknown
from wbsite.core.markup import Markup, html, joined
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._html import colour_key
from ._plane_data import Planes, falls_of, planes
from ._plane_drawing import Frame, Key, key_of, plane_svg

FEW = 4
"""Up to so many planes are drawn large."""

CLEAR = 1.0
"""Bits to the left that are seen at a glance."""

LARGE, SMALL = (330, 236), (205, 165)
"""Width and height of a plane in the units of its drawing, of which a page shows about one a pixel."""


def draw(scene: Scene) -> Drawing | Gap:
    """A plane a configuration, titled by what differs between them and by how many runs lived."""
    p = planes(scene)
    if isinstance(p, Gap):
        return p
    estimator = scene.options.get("estimator") or p.plane.default
    if estimator not in p.plane.titles:
        raise unknown("estimator", estimator, p.plane.titles)
    few = len(p.titles) <= FEW
    key, frame = key_of(p), Frame(*(LARGE if few else SMALL), *p.limits)
    panels = joined(_panel(p, name, estimator, frame, key) for name in p.titles)
    table = p.means[p.means["estimator"] == estimator].reset_index(drop=True)
    body = html(
        '{}<div class="wb-small-planes{}" style="--wb-columns:{}">{}</div>',
        colour_key(key.colours),
        " wb-few" if few else "",
        _columns(len(p.titles)),
        panels,
    )
    return Drawing(
        "Across: what a layer tells of the input, I(X;T); upwards: of the label, I(T;Y). Paths lead from untrained (circle)"
        " to trained (dot).",
        _alt(p, table), table.round(4).astype({"runs": "Int64"}), body=body, width="wide" if few else "full",
        finding=_finding(p, table), method=_method(p, estimator),
    )  # fmt: skip


def _finding(p: Planes, table: pd.DataFrame) -> str:
    """In how many networks the mean path of a hidden layer ends clearly left of where it was."""
    if table.empty:
        return "No run of any network lived to the end."
    falls = falls_of(table[table["layer"] != "output"])
    count, networks = falls.groupby("configuration").max().ge(CLEAR).sum(), table["configuration"].nunique()
    left = "a bit or more left of where it was"
    if networks == 1:
        return f"{'A' if count else 'No'} hidden layer's mean path ends {left}."
    which = (
        "no network"
        if not count
        else f"all {networks} networks"
        if count == networks
        else f"{count} of {networks} networks"
    )
    return (
        f"In {which} does the mean path of a hidden layer end {left}."
        if not count
        else f"In {which} the mean path of a hidden layer ends {left}."
    )


def _columns(planes: int) -> int:
    """As many as leave the fewest places empty in the last row."""
    return 2 if planes <= FEW else min((4, 3), key=lambda columns: -planes % columns)


def _panel(p: Planes, name: str, estimator: str, frame: Frame, key: Key) -> Markup:
    inside = plane_svg(p.paths(name, estimator), frame, key, p.caps)
    return html(
        '<div><p class="wb-charts-title">{} <small>{}</small></p>'
        '<svg class="wb-plane" viewBox="0 0 {} {}" aria-hidden="true">{}</svg></div>',
        p.titles[name],
        p.lived[name],
        frame.width,
        frame.height,
        inside,
    )


def _method(p: Planes, estimator: str) -> Markup:
    return html(
        "Information is {}. Paths are means over the runs that lived to the end, without"
        " their spread, which the file has as the least and the greatest run. Layers are numbered from the first, and those"
        " that end together share a name. Broken lines are the most that bins can give: log₂ {}"
        " bits across, the entropy of the labels upwards. Training lasts {} epochs. One scale for all.",
        p.measurement(estimator),
        p.trajectories.data.measured,
        p.epochs[-1],
    )


def _alt(p: Planes, table: pd.DataFrame) -> str:
    """Which layer of each configuration goes furthest back."""
    texts = []
    for name, title in p.titles.items():
        paths = table[table["configuration"] == name]
        ends = paths.groupby("layer", sort=False)["i_xt"].agg(["max", "last"])
        if ends.empty:
            texts.append(f"{title}: no run lived to the end")
            continue
        most = (ends["max"] - ends["last"]).idxmax()
        texts.append(
            f"{title}: the mean path of {most} goes furthest back, from {share_text(ends.loc[most, 'max'])} to"
            f" {share_text(ends.loc[most, 'last'])} bits of I(X;T)"
        )
    return f"Information planes side by side. {'; '.join(texts)}."


FIGURES = (Figure("information-planes", draw, "information planes side by side", of="site", options=("estimator",)),)
