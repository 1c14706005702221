"""What earlier work claimed, with what came out over seeds, and whether another estimator says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.results.site import Gap

from ._plane_parts import estimator_titles, measured_text
from ._planes import configuration_titles, found

CLAIMS = {
    "tanh-last": "tanh: the last hidden layer compresses",
    "tanh-earlier": "tanh: earlier layers do not",
    "relu-hidden": "relu: no hidden layer compresses",
    "relu-output": "relu: the output compresses",
    "relu-0.8": "relu, max-norm 0.8: a hidden layer compresses",
    "relu-0.4": "relu, max-norm 0.4: a hidden layer compresses",
    "tanh-0.8": "tanh, max-norm 0.8: several hidden layers compress",
    "ty-tanh-0.8": "tanh, max-norm 0.8: I(T;Y) stays lower",
    "ty-relu-0.8": "relu, max-norm 0.8: I(T;Y) stays lower",
    "accuracy-tanh-0.8": "tanh, max-norm 0.8: costs no accuracy",
    "accuracy-relu-0.8": "relu, max-norm 0.8: costs no accuracy",
    "accuracy-relu-0.4": "relu, max-norm 0.4: costs accuracy",
    "gap-relu-0.4": "relu, max-norm 0.4: does not overfit",
    "compression-accuracy": "Networks that compress more are better on test samples",
}
"""Claim → in words, in order."""

QUANTITIES = {
    "compression": ("Shared compression", "bits"),
    "ty": ("Highest I(T;Y), unconstrained minus constrained", "bits"),
    "loss": ("Test accuracy, unconstrained minus constrained", "points"),
    "gap": ("Training minus test accuracy", "points"),
    "rho": ("Spearman's ρ over seeds", ""),
}
"""What is measured → what the table calls it, and its unit."""

VERDICTS = {True: ("✓", "holds"), False: ("✗", "does not hold"), None: ("?", "undecided")}


def draw(scene: Scene) -> Drawing | Gap:
    """A row a claim, by the estimator of the option `estimator`, with marks for the others."""
    claims, trajectories, plane = (found(scene, name) for name in ("plane_claims", "trajectories", "information_plane"))
    for each in (claims, trajectories, plane):
        if isinstance(each, Gap):
            return each
    assert not isinstance(claims, Gap) and not isinstance(trajectories, Gap) and not isinstance(plane, Gap)
    told: Mapping[str, Any] = claims.values["claims"]
    titles, names = estimator_titles(plane), configuration_titles(trajectories)
    asked = str(scene.options.get("estimator") or "")
    token = asked if asked in titles else str(claims.values["default"])
    present = {name: said for name, said in CLAIMS.items() if _there(told[name])}
    if not present:
        return Gap("the study has none of the configurations that the claims are about", failed=False)
    table = claim_rows({name: told[name] for name in present}, titles, names)
    parts = []
    for name, said in present.items():
        of = _by(told[name], token)
        mark, verdict = VERDICTS[of["holds"]]
        label, unit = QUANTITIES[told[name]["quantity"]]
        evidence = _evidence(of, told[name], names, unit)
        cells = [
            f'<span class="wb-verdict wb-verdict-{verdict.split()[0]}">{mark} {verdict}</span>',
            f"{escape(label)}: {evidence}", str(of["seeds"]), _marks(told[name], titles),
        ]  # fmt: skip
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        parts.append(f'<tr><th scope="row">{escape(said)}</th>{row}</tr>')
    heads = ("Claim", "Here", "Evidence, mean (95 % interval)", "Runs", "By each estimator")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = (
        '<p class="wb-scroll-hint" aria-hidden="true">The table scrolls sideways →</p>'
        '<div class="wb-scroll wb-lab-scroll wb-study" tabindex="0"><table class="wb-experiments wb-claims">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(parts)}</tbody></table></div>"
    )
    return Drawing(
        _caption(claims.values["thresholds"], titles, token, measured_text(trajectories), len(CLAIMS) - len(present)),
        _alt(present, told, token, titles), table, body=body, width="full",
    )  # fmt: skip


def claim_rows(told: Mapping[str, Any], titles: Mapping[str, str], names: Mapping[str, str]) -> pd.DataFrame:
    """One row a claim, estimator and layer or configuration: claim, estimator ("" for what none measures), holds, place,
    mean (ρ for the last claim), low, high, p, seeds."""
    rows = []
    for name, of in told.items():
        for token in (each for each in ("", *titles) if each in of["by"]):
            by = of["by"][token]
            about = {"claim": name, "estimator": token, "holds": VERDICTS[by["holds"]][1]}
            for place, numbers in _places(by, names):
                mean = numbers.get("mean", numbers.get("rho"))
                rows.append(
                    {**about, "place": place, "mean": mean, "low": numbers["low"], "high": numbers["high"],
                     "p": numbers.get("p"), "seeds": numbers.get("seeds", by["seeds"])}
                )  # fmt: skip
    table = pd.DataFrame(rows)
    columns = ["mean", "low", "high", "p"]
    return table.astype(dict.fromkeys(columns, float)).round(dict.fromkeys(columns, 4))


def _places(by: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Layers by depth and then their mean, or configurations in the study's order: the store sorts by name."""
    layers, configurations = by.get("layers", {}), by.get("configurations", {})
    depth = sorted(layers, key=lambda name: (name in ("mean", "output"), len(name), name))
    return [*((name, layers[name]) for name in depth), *((n, configurations[n]) for n in names if n in configurations)]


def _there(of: Mapping[str, Any]) -> bool:
    """Whether the study has what the claim is about."""
    return any(by.get("layers") or by.get("configurations") for by in of["by"].values())


def _by(of: Mapping[str, Any], token: str) -> Mapping[str, Any]:
    """A claim by an estimator; accuracy is by none."""
    by: Mapping[str, Any] = of["by"].get(token) or of["by"][""]
    return by


def _evidence(by: Mapping[str, Any], of: Mapping[str, Any], titles: Mapping[str, str], unit: str) -> str:
    """Means and intervals, of several layers a line each (HTML)."""
    scale, places = (100, 1) if unit == "points" else (1, 2)

    def text(value: float) -> str:
        return f"{round(scale * value, places) + 0.0:.{places}f}".replace("-", "−")

    lines = []
    for place, numbers in _places(by, titles):
        mean = numbers.get("mean", numbers.get("rho"))
        said = "–" if mean is None else text(mean)
        if numbers["low"] is not None:
            said += f" ({text(numbers['low'])} to {text(numbers['high'])})"
        if numbers.get("p") is not None:
            said += f", p {numbers['p']:.2g}"
        sure = " class=wb-above" if numbers.get("above") else ""
        name = "mean of hidden layers" if place == "mean" else titles.get(place, place)
        lines.append(f"<span{sure}>{f'{escape(name)} ' if name else ''}{said}{f' {unit}' if unit else ''}</span>")
    return " ".join(lines)


def _marks(of: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """A mark an estimator, in their order; one for what none measures (HTML)."""
    if "" in of["by"]:
        return "<small>not by estimators</small>"
    marks = []
    for token, said in titles.items():
        mark, verdict = VERDICTS[of["by"][token]["holds"]]
        title = escape(f"{said}: {verdict}", quote=True)
        marks.append(
            f'<span class="wb-verdict-{verdict.split()[0]}" title="{title}" aria-label="{title}">{mark}</span>'
        )
    return f'<span class="wb-marks" role="group">{"".join(marks)}</span>'


def _caption(limits: Mapping[str, float], titles: Mapping[str, str], token: str, data: str, absent: int) -> str:
    missing = f" {absent} more claims are about configurations that this study has not." if absent else ""
    others = f" Marks of the last column, in order: {escape('; '.join(titles.values()))}." if len(titles) > 1 else ""
    return (
        "Claims of an earlier notebook, which read them off single runs, tested on all runs that lived, estimated by"
        f" {escape(titles[token])}. Shared compression of a run is its I(X;T) at the epoch at which the mean of the"
        " <em>other</em> runs is largest, minus its last: unlike the largest minus the last, it is 0 on average for a layer that"
        f" only fluctuates. A layer compresses where the 95 % Student t interval over runs lies above {limits['compression']:g}"
        f" bit, and does not where it lies below; what is in between is undecided. I(T;Y) is lower from {limits['ty']:g} bit,"
        f" accuracy from {100 * limits['loss']:g} point on, paired by seed; a network overfits from a gap of"
        f" {100 * limits['gap']:g} points on. ρ relates the compression of a run, largest minus last, mean over hidden layers, to its"
        " test accuracy, with permutation p, Bonferroni over configurations for the verdict. Rules were fixed before they were"
        f" computed; no correction is made for the number of claims. Bold: above the threshold. Data: {data}.{others}{missing}"
    )


def _alt(present: Mapping[str, str], told: Mapping[str, Any], token: str, titles: Mapping[str, str]) -> str:
    said = [f"{text}: {VERDICTS[_by(told[name], token)['holds']][1]}" for name, text in present.items()]
    return f"Table of {len(present)} claims and what came out by {titles[token]}. {'; '.join(said)}."


FIGURES = (Figure("plane-claims", draw, "what earlier work claimed", of="site", options=("estimator",)),)
