"""The units that an article on weights shows, found by their properties on whatever network was built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents

from . import _showing as showing
from ._finding import RULES, Found, Unit, clearest, fans, find
from ._showing import Shown
from ._survey import Survey

RULES_IN_WORDS = {
    "example": (
        "clear spatial structure",
        "the unit whose weights over the wide map before it have the largest share in two patterns over positions",
    ),
    "bottleneck": (
        "a unit behind a bottleneck",
        "of the units behind a bottleneck, on the level nearest to the later one, the one whose weights over the wide"
        " map before it have the largest share in two patterns over positions",
    ),
    "oriented-targets": (
        "lines of all orientations",
        "in each of equal sectors of angles, the unit of the later level's widest layer whose expanded weights to the"
        " picture are most oriented",
    ),
    "oriented-sources": (
        "lines of all orientations, before them",
        "in each of equal sectors of angles, the unit whose expanded weights to the picture are most oriented, of those"
        " that the later level's widest layer reads",
    ),
}
"""Name → title and rule, of what is not found by the properties of first filters."""

FACTORED = ("high-low", "black-and-white")
"""Families whose weights are factorised."""


def run(context: Context) -> Contents:
    """Units found by stated rules (`wbsite.models.finding`), and what the figures around them show.

    values: "levels"; "order" of the names; "found", name → title, rule, and units (layer, channel, score, angle),
    score, null, runner_up and considered, or the reason why there are none; "shown", name → what arrays of that name
    mean, as far as there are units; "directions" [{name, place, side}], their vectors being the arrays
    direction/NAME; "pictures", layer → channels that want a picture; "unpictured", how many more do.

    Arrays, see `wbsite.models.showing`: centre_kernels, centre_back, position_kernels, bottleneck_direct,
    bottleneck_across (k, kh, kw), one for each row listed under "shown"; position_norms (kh, kw); pair_kernels
    (targets, sources, kh, kw) float16; FAMILY/excitatory, FAMILY/inhibitory (units, kh, kw, factors) ≥ 0.

    Table rows: one for each unit found.
    """
    survey, params = Survey(context.model, context.layers), context.params
    count = params["family"]
    found: dict[str, Found | str] = {rule.name: _by_rule(survey, rule, count) for rule in RULES}
    late = [layer.name for layer in survey.late]
    found["example"] = _or_reason(lambda: clearest(survey, late) or "no spatial convolution comes after the first")
    found["bottleneck"] = _or_reason(lambda: _behind_bottleneck(survey))
    widest = max(survey.late, key=lambda layer: layer.out_channels, default=None)
    sources: list[Unit] = []
    if widest is not None:
        sources = survey.wide(widest.name).units
        targets = [(widest.name, channel) for channel in range(widest.out_channels)]
        found["oriented-targets"] = _or_reason(lambda: fans(survey, targets, count) or "no unit of it is oriented")
        found["oriented-sources"] = _or_reason(
            lambda: fans(survey, sources, count) or "no single unit that its later level reads is oriented"
        )
    shown = dict(_shown(survey, {name: one for name, one in found.items() if isinstance(one, Found)}, params))
    if widest is not None and "position" in shown:
        shown["pair"] = showing.pair(survey, widest.name)
    pictures, left = _bounded(_wanted(shown, found, context), params["pictures"])
    values: dict[str, Any] = {
        "levels": {
            "deepest": survey.deepest,
            "early": [layer.name for layer in survey.early],
            "late": late,
        },
        "order": list(found),
        "found": {name: _said(name, one) for name, one in found.items()},
        "shown": {name: one.values for name, one in shown.items()},
        "directions": [direction for one in shown.values() for direction in one.directions],
        "pictures": pictures,
        "unpictured": left,
    }
    arrays = {name: array for one in shown.values() for name, array in one.arrays.items()}
    return Contents(values, arrays, {"rows": _rows(values["found"])})


def _by_rule(survey: Survey, rule: Any, count: int) -> Found | str:
    layers = survey.early if rule.family else survey.late
    if not layers:
        return "too few spatial convolutions follow its first"

    def look() -> Found | str:
        reads = {layer.name: survey.read(layer.name) for layer in layers}
        return find(rule, reads, count) or f"its first filters do not differ in {rule.prop}"

    return _or_reason(look)


def _or_reason(look: Callable[[], Found | str]) -> Found | str:
    """What a search finds; its error is the reason why there is nothing."""
    try:
        return look()
    except WbsiteError as error:
        return error.message


def _behind_bottleneck(survey: Survey) -> Found | str:
    behind = [layer.name for layer in survey.spatial if survey.wires.bottleneck(layer.name)]
    if not behind:
        return "no spatial convolution of it reads through a bottleneck"
    late = max((survey.level[layer.name] for layer in survey.late), default=0)
    nearest = min(abs(survey.level[name] - late) for name in behind)
    found = clearest(survey, [name for name in behind if abs(survey.level[name] - late) == nearest])
    assert found is not None
    return found


def _shown(survey: Survey, found: Mapping[str, Found], params: Mapping[str, Any]) -> Iterator[tuple[str, Shown]]:
    if "black-and-white-centre" in found:
        unit = found["black-and-white-centre"].members[0]
        yield "centre", showing.centre(survey, unit, params["centre_inputs"], params["centre_back"])
    if "example" in found:
        yield "position", showing.positions(survey, found["example"].members[0], params["inputs"], params["positions"])
    for name in FACTORED:
        if name in found:
            prop = next(rule.prop for rule in RULES if rule.name == name)
            yield name, showing.factors(survey, name, prop, found[name].members, params["factors"], params["groups"])
    if "bottleneck" in found:
        yield "bottleneck", showing.bottleneck(survey, found["bottleneck"].members[0], params["inputs"])
    if {"oriented-targets", "oriented-sources"} <= found.keys():
        agreed = showing.orientations_agree(survey, found["oriented-targets"], found["oriented-sources"])
        yield "oriented", Shown(values=agreed)


def _wanted(shown: Mapping[str, Shown], found: Mapping[str, Found | str], context: Context) -> Iterator[Unit]:
    """Units that want a picture: those found first, then the other analyses' examples, then what stands around them."""
    for name, one in found.items():
        if isinstance(one, Found):
            yield from one.members if name in FACTORED else one.members[:1]
    for entry in context.needs.values():
        for layer, channels in entry.values.get("wanted", {}).items():
            yield from ((layer, int(channel)) for channel in channels)
    for around in shown.values():
        yield from around.units
    for one in found.values():
        yield from one.members if isinstance(one, Found) else ()


def _bounded(wanted: Iterator[Unit], limit: int) -> tuple[dict[str, list[int]], int]:
    """Layer → channels of the first `limit` different units, and how many were left out."""
    units = list(dict.fromkeys(wanted))
    pictures: dict[str, list[int]] = {}
    for layer, channel in units[:limit]:
        pictures.setdefault(layer, []).append(channel)
    return {layer: sorted(channels) for layer, channels in sorted(pictures.items())}, max(0, len(units) - limit)


def _said(name: str, found: Found | str) -> dict[str, Any]:
    """What a rule found, as a value."""
    words = {rule.name: (rule.title, rule.words) for rule in RULES} | RULES_IN_WORDS
    about: dict[str, Any] = dict(zip(("title", "rule"), words[name], strict=True))
    if isinstance(found, str):
        return {**about, "reason": found}
    plain = asdict(found)
    units = [
        {"layer": layer, "channel": channel, "score": score, **({"angle": found.angles[i]} if found.angles else {})}
        for i, ((layer, channel), score) in enumerate(zip(found.members, found.scores, strict=True))
    ]
    runner = None
    if found.runner_up is not None:
        (layer, channel), score = found.runner_up
        runner = {"layer": layer, "channel": channel, "score": score}
    return {**about, "units": units, "runner_up": runner, **{k: plain[k] for k in ("score", "null", "considered")}}


def _rows(found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    rows = [
        {
            "found": name,
            "rank": rank + 1,
            "angle": np.nan,
            **unit,
            "null": one["null"],
            "considered": one["considered"],
        }
        for name, one in found.items()
        for rank, unit in enumerate(one.get("units", ()))
    ]
    columns = ["found", "rank", "layer", "channel", "score", "angle", "null", "considered"]
    return pd.DataFrame(rows, columns=columns).astype({"null": float, "angle": float})


ANALYSES = (
    Analysis(
        name="examples",
        version=4,
        scope="model",
        summary="units found by their properties: what the article on weights shows of a network",
        run=run,
        needs=("cancellation", "long_range"),
        params={
            "quick": {
                "family": 6,
                "factors": 2,
                "groups": 5,
                "inputs": 8,
                "centre_inputs": 5,
                "centre_back": 18,
                "positions": 25,
                "pictures": 150,
            }
        },
    ),
)
