"""Map of the first convolution's units by who reads them: the two leading factors of its connections."""

from __future__ import annotations

from html import escape

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import number_text
from wbsite.results.branches._examples import connected
from wbsite.results.site import Gap

from ._branch_data import may_have_branches
from ._first_layer import Connected, rho_text, tuning_text

MARGIN = 0.07
"""Share of the wider side that stays empty around the units."""

FLATTEST = 0.5
"""Height over width is at least this, so that a phone has room for the units."""

NAMED = ("chroma", "frequency")
"""What the ends of a factor are called by."""


def draw(scene: Scene) -> Drawing | Gap:
    """Every unit as its own filter, at its coordinates."""
    connected = Connected.of(scene)
    if isinstance(connected, Gap):
        return connected
    units, factors = connected.result.inputs, connected.result.factors
    placed = units.dropna(subset=["factor_1", "factor_2"])
    x, y = placed["factor_1"], placed["factor_2"]
    side = max(x.max() - x.min(), y.max() - y.min()) * (1 + 2 * MARGIN) or 1.0
    tall = max(FLATTEST * side, (y.max() - y.min()) + 2 * MARGIN * side)
    wide = max(FLATTEST * side, (x.max() - x.min()) + 2 * MARGIN * side)
    left, top = (x.max() + x.min() - wide) / 2, (y.max() + y.min() + tall) / 2
    marks = "".join(
        connected.filter(
            int(row["unit"]),
            tuning_text(row),
            f"left:{100 * (row['factor_1'] - left) / wide:.2f}%;top:{100 * (top - row['factor_2']) / tall:.2f}%",
        )
        for row in placed.to_dict("records")
    )
    axes = (
        f'<i style="left:{-100 * left / wide:.2f}%;top:0;bottom:0"></i>'
        f'<i style="top:{100 * top / tall:.2f}%;left:0;right:0"></i>'
    )
    axis_texts = [_axis(connected, factors, number) for number in (1, 2)]
    body = (
        f'<div class="wb-map"><p>↑ {axis_texts[1]}</p><div style="aspect-ratio:{wide:.4f}/{tall:.4f}">{axes}{marks}</div>'
        f"<p>→ {axis_texts[0]}</p></div>"
    )
    table = placed.drop(columns="community").round(4).reset_index(drop=True)
    return Drawing(
        _caption(connected, units, factors), _alt(connected), table, body=body, files=connected.files, width="wide"
    )


def _axis(connected: Connected, factors: pd.DataFrame, number: int) -> str:
    """What a factor is, and what it goes with."""
    share = factors.loc[factors["factor"] == number, "share"].iloc[0]
    rows = {name: connected.correlation(number, name) for name in NAMED}
    correlations = ", ".join(
        f"{name} ρ&nbsp;=&nbsp;{rho_text(row)}" for name, row in rows.items() if not pd.isna(row["rho"])
    )
    return f"<strong>factor {number}</strong>, {100 * share:.0f}&nbsp;% of the inertia{': ' + correlations if correlations else ''}"


def _caption(connected: Connected, units: pd.DataFrame, factors: pd.DataFrame) -> str:
    result, rows = connected.result, connected.result.rows
    counted = int(rows["units"].max())
    null = "; ".join(
        f"factor {row['factor']} {row['value']:.3f} against {row['null_median']:.3f}, 95th percentile {row['null_limit']:.3f}"
        for row in factors.to_dict("records")
    )
    same = result.balanced[0]
    text = (
        f"The units of <code>{escape(connected.result.first)}</code> of {escape(connected.model.title)}, each drawn as its own filter, by who reads"
        f" them: correspondence analysis of Σ|W| to {connected.readers}, in which overall strength is taken out. Units close"
        " together are read by the same units in the same proportions; both axes have one scale. Each factor is turned so that"
        " it goes up with chroma, the share of a filter's squared weights that is colour contrast."
    )
    if rows["rho"].notna().any():
        text += (
            f" ρ is Spearman's over {counted} units that are not dead, with 95 % bootstrap intervals over units ({number_text(result.draws)} resamples), the factors"
            " taken as given; frequency is that of the grating a filter responds to most."
        )
    else:
        text += f" {counted} units are too few to correlate factors with their tuning."
    text += f" Singular values against {number_text(result.null)} draws in which relative strengths are assigned to the pairs at random: {null}."
    if rows["rho"].notna().any():
        text += f" With every unit's scale taken out, the first factor has ρ = {same.chroma:.2f} with chroma."
    hidden = len(units) - len(units.dropna(subset=["factor_1"]))
    return text + (f" Not drawn: {hidden} units that nothing reads." if hidden else "")


def _alt(connected: Connected) -> str:
    rows = {(n, name): connected.correlation(n, name) for n in (1, 2) for name in NAMED}
    correlations = [
        f"factor {n} with {name} {rho_text(row)}" for (n, name), row in rows.items() if not pd.isna(row["rho"])
    ]
    correlated = f" Spearman correlations: {'; '.join(correlations)}." if correlations else ""
    return f"Map of the {connected.result.units} filters of {connected.result.first} of {connected.model.title} by who reads them.{correlated}"


FIGURES = (
    Figure(
        "factor-map",
        draw,
        "the first layer's units by who reads them",
        of="model",
        section="Branches",
        order=30,
        belongs=lambda scene: not may_have_branches(scene),
        example=connected,
    ),
)
