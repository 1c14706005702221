"""A picture of each direction that `examples` found: position weights and weight factors."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents
from wbsite.featurevis import Picture, Settings, Target, visualize, webp
from wbsite.featurevis.execution import REMARKS
from wbsite.featurevis.image_model import image_model, proportioned
from wbsite.results.expanded.direction_pictures import DirectionPictures
from wbsite.results.expanded.examples import Direction, Examples
from wbsite.results.network.unit_pictures import PictureSettings


def run(context: Context) -> DirectionPictures:
    """Pictures of the directions that `examples` asks for, each kept as soon as it is done."""
    examples = context.need(Examples)
    assert examples is not None, "it applies to every model"
    channels = context.model.spec.input_shape[0]
    alive = _alive(examples) if channels in (1, 3) else []  # an input of two channels is no picture
    targets = {direction.name: _target(direction, examples.vectors[direction.name]) for direction in alive}
    side = min(context.params["size"], *context.model.spec.input_shape[1:])
    settings = Settings(size=side, steps=context.params["steps"])
    remark = ""
    if targets:
        remark = REMARKS[image_model(context.model, list(targets.values()), settings, context.device).way]
    if remark:
        context.progress.line(f"pictures of directions: {remark}")
    done = {target: context.parts.get(_part_name(target)) for target in targets.values()}
    missing = [target for target, entry in done.items() if entry is None]
    if missing:
        context.progress.step(f"pictures of {len(missing)} directions", len(missing))
        for picture in visualize(context.model, missing, settings, context.device, context.progress):
            done[picture.target] = context.parts.put(_part_name(picture.target), _part(picture))
    entries = {name: entry for name, target in targets.items() if (entry := done[target]) is not None}
    rows = [
        {"name": name, "place": targets[name].layer, "side": targets[name].side, **entry.values}
        for name, entry in entries.items()
    ]
    text, numbers = dict.fromkeys(("name", "place", "side"), str), {"activation": float, "own": float}
    kinds = {**text, **numbers, "agrees": bool, "dead": bool, "reseeded": int}
    differing = sum(not row["agrees"] for row in rows)
    if differing:
        context.progress.line(
            f"the network itself does not respond as was measured to the pictures of {differing} of {len(rows)}"
            " directions, which are marked."
        )
    height, width = proportioned(side, context.model.spec.input_shape)
    return DirectionPictures(
        pictured=len(rows),
        dead=sum(row["dead"] for row in rows),
        differing=differing,
        settings=PictureSettings(
            height=height,
            width=width,
            steps=settings.steps,
            parameterisation=settings.parameterisation,
            seed=settings.seed,
        ),
        remark=remark,
        files={f"{name}.webp": entry.file("direction.webp") for name, entry in entries.items()},
        rows=pd.DataFrame(rows, columns=list(kinds)).astype(kinds),
    )


def _alive(examples: Examples) -> list[Direction]:
    """Directions that point somewhere."""
    return [direction for direction in examples.directions if examples.vectors[direction.name].any()]


def _target(direction: Direction, vector: np.ndarray) -> Target:
    unit = vector / np.linalg.norm(vector)
    return Target(direction.place, direction=tuple(unit.tolist()), side=direction.side)


def _part_name(target: Target) -> dict[str, Any]:
    vector = np.asarray(target.direction, np.float64).tobytes()
    return {"place": target.layer, "side": target.side, "direction": hashlib.sha256(vector).hexdigest()}


def _part(picture: Picture) -> Contents:
    activation, own = (number if math.isfinite(number) else None for number in (picture.activation, picture.own))
    found = {"agrees": picture.agrees, "dead": picture.dead, "reseeded": picture.reseeded}
    values = {"activation": activation, "own": own, **found}
    return Contents(values, pictures={"direction.webp": webp(picture.image)})


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=DirectionPictures,
        params={"quick": {"size": 96, "steps": 128}, "full": {"size": 128, "steps": 256}},
        needs=("examples",),
        decides_parts=("size", "steps"),
    ),
)
