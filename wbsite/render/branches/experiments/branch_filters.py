"""First-layer filters of a network in branches, training by training: the most colourful branch first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from wbsite.core.markup import html, joined
from wbsite.render.branches._filter_sheet import grid
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.page import slug
from wbsite.render.text import fixed_text, listing, p_value_text
from wbsite.results.site import Gap

from ._branch_runs import ETA, MEASURES, Lab, absent, trainings

FIRST = ("alexnet_towers", "four")
"""The experiments of which the first that was run is shown where the page names none."""


def draw(scene: Scene) -> Drawing | Gap:
    """All trainings of an experiment, in the first setting that has it; option seed: one of them."""
    lab = Lab.of(scene)
    if isinstance(lab, Gap):
        return lab
    runs = lab.rows(lab.result.runs, "chroma")
    divided = list(runs[runs["branches"] > 1].sort_values("order")["experiment"])
    known = [name for name in (*FIRST, *divided) if name in divided]
    experiment = str(scene.options.get("experiment") or next(iter(known), FIRST[0]))
    if absent(scene, lab, [experiment]):
        return Gap(f"no run of {experiment} is there", failed=False)
    runs = runs[runs["experiment"] == experiment]
    runs = runs[runs["setting"] == runs["setting"].iloc[0]].sort_values("seed")
    seed = scene.options.get("seed")
    if seed is not None and seed not in set(runs["seed"]):
        seeds = ", ".join(map(str, runs["seed"]))
        return Gap(f"no run of {experiment} with seed {seed} is there (there are: {seeds})", failed=False)
    runs = runs if seed is None else runs[runs["seed"] == seed]
    parts, files, tables, descriptions = [], {}, [], []
    for run in runs.to_dict("records"):
        units = _units(lab, run)
        panels = []
        for branch, inside in units.groupby("branch", sort=False):
            name = f"branch {branch}" if run["branches"] > 1 else "undivided"
            said = f"{name}, median chroma {fixed_text(inside['chroma'].median())}"
            file = f"{slug(experiment)}-seed{run['seed']}-branch{branch}.png"
            pictures = lab.result.kernels[f"{run['setting']}/{experiment}/{run['seed']}"][inside["unit"]] / 255
            files[file], picture = grid(file, pictures, f"{len(inside)} filters of {said}, most colourful first")
            panels.append(html("<div>{}<span>{}</span></div>", picture, said))
            descriptions.append(f"seed {run['seed']}, {said}")
        parts.append(
            html('<div class="wb-run"><p>Training with seed {}</p><div>{}</div></div>', run["seed"], joined(panels))
        )
        tables.append(units)
    columns = ["setting", "experiment", "seed", "branch", "unit", "chroma", "frequency", "strength", "dead"]
    table = pd.concat(tables)[columns].round(4)
    shown, dataset = str(runs["title"].iloc[0]), str(lab.facts(runs["setting"].iloc[0]).dataset)
    order = " A row is a training, the most colourful branch first." if _divided(runs) else ""
    return Drawing(
        html("First-layer filters ({}), trained on {}.{} Mid grey is no weight.", shown, dataset, order),
        f"Filters of {shown}, {len(table)} as small pictures: {'; '.join(descriptions)}.",
        table,
        body=html('<div class="wb-runs">{}</div>', joined(parts)),
        files=files,
        width="wide",
        finding=_finding(runs),
        method=_method(lab, runs),
    )


def _divided(runs: pd.DataFrame) -> bool:
    """Whether the networks of these runs are in branches."""
    return bool((runs["branches"] > 1).all())


def _units(lab: Lab, run: dict[str, Any]) -> pd.DataFrame:
    """The filters of a run: branches by their median chroma, filters by their own, the largest first."""
    units = lab.rows(lab.result.units)
    for name in ("setting", "experiment", "seed"):
        units = units[units[name] == run[name]]
    medians = units.groupby("branch")["chroma"].median()
    order = ["median", "branch", "chroma", "unit"]
    units = units.assign(median=units["branch"].map(medians))
    return units.sort_values(order, ascending=[False, True, False, True], ignore_index=True)


def _finding(runs: pd.DataFrame) -> str:
    if not _divided(runs):
        colourful, units = int(runs["colour_units"].sum()), int(runs["units"].sum())
        return f"Undivided, {colourful} of {units} filters are colour by half or more, in no order."
    two = bool((runs["branches"] == 2).all())
    what = "One branch is more colourful than the other" if two else "The branches differ in colour"
    return f"{what} by more than chance in {trainings(int(runs['beyond_chance'].sum()), len(runs))}."


def _method(lab: Lab, runs: pd.DataFrame) -> str:
    text = (
        f"Each filter is scaled to its own largest weight. Filters are ordered by {MEASURES['chroma']}: 0 for black and white,"
        " 1 for pure colour. Which branch is shown first, and the order in it, was chosen after training, for the eye."
    )
    if not _divided(runs):
        return text
    shares = listing(
        html("{} for seed {} (p = {})", fixed_text(run["share"]), run["seed"], p_value_text(run["p"]))
        for run in runs.to_dict("records")
    )
    return html(
        "{} {} Here it is {}. Beyond chance: p ≤ 0.05 in {} permutations of a network's filters"
        " among branches of the same sizes.",
        text,
        ETA,
        shares,
        lab.result.draws,
    )


FIGURES = (
    Figure(
        "branch-filters",
        draw,
        "first-layer filters by branch, training by training",
        of="site",
        options=("experiment", "setting", "seed"),
    ),
)
