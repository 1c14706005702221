"""A picture of each unit that excites it, and how much more than photographs do."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents, Entry
from wbsite.featurevis import Picture, Settings, Target, photograph_responses, visualize, webp
from wbsite.featurevis.execution import REMARKS
from wbsite.featurevis.image_model import image_model, proportioned
from wbsite.graph.layers import Layer
from wbsite.results.expanded.examples import Examples
from wbsite.results.network.unit_pictures import PictureSettings, UnitPictures
from wbsite.results.photographs import PhotographSet

NAMED = 5
"""Units that a message names."""


def applies(layer: Layer) -> str:
    """Convolutions."""
    return "" if layer.kind == "conv" else "only units of convolutions are pictured: others have no positions"


def run(context: Context) -> UnitPictures:
    """Pictures of the units that `examples` wants of this layer, or of all.

    Each unit is kept as soon as it is done, so that a run that was killed resumes behind it.
    """
    layer = context.layer
    assert layer is not None
    channels = _wanted(context, layer)
    side = min(context.params["size"], *context.model.spec.input_shape[1:])
    settings = Settings(size=side, steps=context.params["steps"])
    targets = [Target(layer.name, channel) for channel in channels]
    height, width = proportioned(side, context.model.spec.input_shape)
    about = PictureSettings(
        height=height,
        width=width,
        steps=settings.steps,
        parameterisation=settings.parameterisation,
        seed=settings.seed,
    )
    if not targets:
        return UnitPictures(units=layer.out_channels, shown=0, settings=about, rows=_rows([], [], []))
    network = image_model(context.model, targets[:1], settings, context.device)
    if remark := REMARKS[network.way]:
        context.progress.line(f"{layer.name}: {remark}")
    photographs = context.photographs()
    strongest = photograph_responses(context.model, targets, photographs.inputs, context.device).amax(1).tolist()
    entries = _entries(context, targets, settings)
    rows = _rows(channels, [entry.values for entry in entries], strongest)
    ratios = rows["ratio"].dropna().tolist()
    differing = rows.loc[~rows["agrees"], "unit"].tolist()
    if differing:
        context.progress.line(
            f"{layer.name}: the network itself does not respond as was measured to the pictures of {len(differing)} of"
            f" {len(channels)} units, which are marked: {', '.join(map(str, differing[:NAMED]))}"
            + (" and others." if len(differing) > NAMED else ".")
        )
    files = {f"unit-{channel}.webp": entry.file("unit.webp") for channel, entry in zip(channels, entries, strict=True)}
    return UnitPictures(
        units=layer.out_channels,
        shown=len(channels),
        settings=about,
        presented=network.shape,
        way=network.way,
        remark=REMARKS[network.way],
        precision=str(network.dtype).removeprefix("torch."),
        dead=rows.loc[rows["dead"], "unit"].tolist(),
        differing=differing,
        median_ratio=statistics.median(ratios) if ratios else None,
        photographs=PhotographSet(**photographs.about),
        rows=rows,
        files=files,
    )


def _wanted(context: Context, layer: Layer) -> list[int]:
    if context.params["every"]:
        return list(range(layer.out_channels))
    examples = context.need(Examples)
    return examples.pictures.get(layer.name, []) if examples else []


def _entries(context: Context, targets: Sequence[Target], settings: Settings) -> list[Entry]:
    """The parts of all units, those that are not there yet computed."""
    done = {target: context.parts.get(_name(target)) for target in targets}
    missing = [target for target in targets if done[target] is None]
    if missing:
        context.progress.step(f"{missing[0].layer}: pictures of {len(missing)} units", len(missing))
    for picture in visualize(context.model, missing, settings, context.device, context.progress):
        done[picture.target] = context.parts.put(_name(picture.target), _part(picture))
    return [entry for target in targets if (entry := done[target]) is not None]


def _name(target: Target) -> dict[str, Any]:
    return {"unit": target.channel}


def _part(picture: Picture) -> Contents:
    values = {
        "activation": picture.activation if math.isfinite(picture.activation) else None,
        "own": picture.own if math.isfinite(picture.own) else None,
        "agrees": picture.agrees,
        "dead": picture.dead,
        "reseeded": picture.reseeded,
    }
    return Contents(values, pictures={"unit.webp": webp(picture.image)})


def _rows(channels: Sequence[int], parts: Sequence[dict[str, Any]], strongest: Sequence[float]) -> pd.DataFrame:
    rows = [
        {
            "unit": channel,
            "activation": part["activation"],
            "photo_max": seen,
            "ratio": part["activation"] / seen
            if part["activation"] is not None and part["agrees"] and seen > 0
            else None,
            "own": part["own"],
            "agrees": part["agrees"],
            "dead": part["dead"],
            "reseeded": part["reseeded"],
        }
        for channel, part, seen in zip(channels, parts, strongest, strict=True)
    ]
    numbers = dict.fromkeys(("activation", "photo_max", "ratio", "own"), float)
    kinds = {"unit": int, **numbers, "agrees": bool, "dead": bool, "reseeded": int}
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


ANALYSES = (
    Analysis(
        result=UnitPictures,
        scope="layer",
        run=run,
        applies=applies,
        params={
            "quick": {"size": 96, "steps": 128, "every": False},
            "full": {"size": 128, "steps": 256, "every": True},
        },
        needs=("examples",),
        inputs=("photographs",),
        decides_parts=("size", "steps"),
    ),
)
