"""Map of the first convolution's units by who reads them: the two leading factors of its connections."""

from __future__ import annotations

import pandas as pd

from wbsite.core.markup import Markup, html, joined
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

CERTAIN = 0.05
"""Below this p a factor is said to be more than chance, as in the claim."""

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
    marks = joined(
        connected.filter(
            int(row["unit"]),
            tuning_text(row),
            f"left:{100 * (row['factor_1'] - left) / wide:.2f}%;top:{100 * (top - row['factor_2']) / tall:.2f}%",
        )
        for row in placed.to_dict("records")
    )
    axes = html(
        '<i style="left:{:.2f}%;top:0;bottom:0"></i><i style="top:{:.2f}%;left:0;right:0"></i>',
        -100 * left / wide,
        100 * top / tall,
    )
    axis_texts = [_axis(connected, factors, number) for number in (1, 2)]
    body = html(
        '<div class="wb-map"><p>↑ {}</p><div style="aspect-ratio:{:.4f}/{:.4f}">{}{}</div><p>→ {}</p></div>',
        axis_texts[1],
        wide,
        tall,
        axes,
        marks,
        axis_texts[0],
    )
    table = placed.drop(columns="community").round(4).reset_index(drop=True)
    return Drawing(
        html(
            "First-layer filters of {}: those close together are read by the same units of the next layer. {}",
            connected.model.title,
            _colours(connected),
        ),
        _alt(connected),
        table,
        body=body,
        files=connected.files,
        width="wide",
        finding=_finding(connected, factors),
        method=_method(connected, units, factors),
    )


def _finding(connected: Connected, factors: pd.DataFrame) -> str:
    """Whether the first factor is more than chance, and goes with colour."""
    first, chroma = factors[factors["factor"] == 1].iloc[0], connected.correlation(1, "chroma")
    if first["p"] >= CERTAIN:
        return "Who reads whom has no more structure here than connections assigned at random."
    if pd.isna(chroma["rho"]):
        return "Who reads whom has more structure here than connections assigned at random."
    goes = "follows colour" if chroma["low"] > 0 else "does not follow colour for certain"
    return f"Who reads whom has more structure than chance, and its first factor {goes}."


def _colours(connected: Connected) -> str:
    """How the map is turned."""
    known = connected.result.rows["rho"].notna().any()
    return "Each axis is turned so that colour goes up." if known else ""


def _axis(connected: Connected, factors: pd.DataFrame, number: int) -> Markup:
    """What a factor is, and what it goes with."""
    share = factors.loc[factors["factor"] == number, "share"].iloc[0]
    rows = {name: connected.correlation(number, name) for name in NAMED}
    correlations = joined(
        (html("{} ρ&nbsp;=&nbsp;{}", name, rho_text(row)) for name, row in rows.items() if not pd.isna(row["rho"])),
        ", ",
    )
    return html(
        "<strong>factor {}</strong>, {:.0f}&nbsp;% of the inertia{}",
        number,
        100 * share,
        ": " + correlations if correlations else "",
    )


def _method(connected: Connected, units: pd.DataFrame, factors: pd.DataFrame) -> Markup:
    result, rows = connected.result, connected.result.rows
    counted = int(rows["units"].max())
    null = "; ".join(
        f"factor {row['factor']} {row['value']:.3f} against {row['null_median']:.3f}, 95th percentile {row['null_limit']:.3f}"
        for row in factors.to_dict("records")
    )
    text = html(
        "Correspondence analysis of the sums of absolute weights from <code>{}</code> to"
        " {}, in which a unit's overall strength is taken out. Both axes have one scale, and a filter leads to"
        " its unit. Chroma is the share of a filter's squared weights that is left when the mean of the three colour channels is"
        " taken away; frequency is that of the grating a filter responds to most.",
        result.first,
        connected.readers,
    )
    if rows["rho"].notna().any():
        text += (
            f" ρ is Spearman's over {counted} units that are not dead, with 95 % bootstrap intervals over units"
            f" ({number_text(result.draws)} resamples), the factors taken as given."
        )
    else:
        text += f" {counted} units are too few to correlate factors with their tuning."
    text += (
        f" Singular values against {number_text(result.null)} networks whose relative strengths are assigned to pairs of units at"
        f" random: {null}."
    )
    if rows["rho"].notna().any():
        text += (
            f" With every unit's scale taken out, the first factor has ρ = {result.balanced[0].chroma:.2f} with chroma."
        )
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
