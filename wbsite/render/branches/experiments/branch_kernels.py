"""The first layer's filters of one run of the branch laboratory, a row a branch, from grey to colour."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import share_text
from wbsite.results.site import Gap

from ._branch_runs import Lab, absent

FIRST = "four"
"""The experiment that is shown where the page names none."""

PIXELS = 35
"""Five a weight of kernels of 7×7."""


def draw(scene: Scene) -> Drawing | Gap:
    """The run whose parting in chroma is the median of its experiment's, unless the page names a seed."""
    lab = Lab.of(scene)
    if isinstance(lab, Gap):
        return lab
    runs = lab.rows(lab.result.runs, "chroma")
    divided = list(runs[runs["branches"] > 1].sort_values("order")["experiment"])
    experiment = str(
        scene.options.get("experiment") or next((name for name in (FIRST, *divided) if name in divided), FIRST)
    )
    if absent(scene, lab, [experiment]):
        return Gap(f"no run of {experiment} is there", failed=False)
    same = runs[runs["experiment"] == experiment]
    same = same[same["setting"] == same["setting"].iloc[0]].sort_values(["share", "seed"])
    seed = scene.options.get("seed")
    if seed is not None and seed not in set(same["seed"]):
        known = ", ".join(map(str, sorted(same["seed"])))
        return Gap(f"no run of {experiment} with seed {seed} is there (there are: {known})", failed=False)
    parted = bool((same["branches"] > 1).all())
    median = (len(same) - 1) // 2 if parted else 0
    row = same.iloc[median] if seed is None else same[same["seed"] == seed].iloc[0]
    units = lab.rows(lab.result.units)
    for name in ("setting", "experiment", "seed"):
        units = units[units[name] == row[name]]
    units = units.sort_values(["branch", "chroma", "unit"]).reset_index(drop=True)
    pictures = lab.result.kernels[f"{row['setting']}/{experiment}/{row['seed']}"]
    lines, descriptions = [], []
    for branch, inside in units.groupby("branch"):
        name = f"branch {branch}" if parted else "undivided"
        median_chroma = f"median chroma {share_text(inside['chroma'].median())}"
        descriptions.append(f"{name}, {len(inside)} filters, {median_chroma}")
        tiles = "".join(_tile(pictures[unit.unit], unit) for unit in inside.itertuples())
        lines.append(f"<div><p><strong>{name}</strong> {median_chroma}</p><div>{tiles}</div></div>")
    others = (
        f"; of {len(same)} seeds the one with the median parting" if seed is None and parted and len(same) > 1 else ""
    )
    chance = f"= {share_text(row['p'])}" if row["p"] >= 0.001 else "< 0.001"
    parting = f" They part in chroma with η² = {share_text(row['share'])}, where chance stays below {share_text(row['limit'])} in 95 % of deals (p {escape(chance)})."
    caption = (
        f"Filters of the first layer of one network, {escape(row['title'])}, trained on {escape(str(lab.facts(row['setting']).dataset))}, seed {row['seed']}"
        f"{others}: every branch in a row, from black and white to colour. Each is scaled to its own strongest weight, mid"
        f" grey is zero.{parting if parted else ''} The order inside a branch is ours."
    )
    alt_text = f"{len(units)} filters as small pictures. {'; '.join(descriptions)}."
    columns = ["setting", "experiment", "seed", "branch", "unit", "chroma", "frequency", "strength", "dead"]
    return Drawing(
        caption, alt_text, units[columns].round(4), body=f'<div class="wb-rows">{"".join(lines)}</div>', width="wide"
    )


def _tile(picture: np.ndarray, unit: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    source = base64.b64encode(buffer.getvalue()).decode()
    text = f"unit {unit.unit}, chroma {share_text(unit.chroma)}"
    return f'<img src="data:image/png;base64,{source}" alt="{text}" title="{text}" width="{PIXELS}" height="{PIXELS}">'


FIGURES = (
    Figure(
        "branch-kernels", draw, "filters of a run by branch", of="site", options=("experiment", "setting", "seed")
    ),
)  # fmt: skip
