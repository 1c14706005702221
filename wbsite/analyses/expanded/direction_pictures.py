"""A picture of each direction that `examples` found: position weights and weight factors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents
from wbsite.featurevis import AT_ONCE, Picture, Settings, Target, visualize, webp
from wbsite.featurevis.execution import REMARKS
from wbsite.featurevis.image_model import image_model, proportioned
from wbsite.results.expanded.direction_pictures import DirectionPictures
from wbsite.results.expanded.examples import Direction, Examples
from wbsite.results.network.unit_pictures import PictureSettings


def run(context: Context) -> DirectionPictures:
    """Pictures of the directions that `examples` asks for, kept some at a time as soon as they are done."""
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
    made = _made(context, targets, settings)
    rows = [
        {"name": name, "place": target.layer, "side": target.side, **made[name][0]} for name, target in targets.items()
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
        files={f"{name}.webp": made[name][1] for name in targets},
        rows=pd.DataFrame(rows, columns=list(kinds)).astype(kinds),
    )


def _alive(examples: Examples) -> list[Direction]:
    """Directions that point somewhere."""
    return [direction for direction in examples.directions if examples.vectors[direction.name].any()]


def _target(direction: Direction, vector: np.ndarray) -> Target:
    unit = vector / np.linalg.norm(vector)
    return Target(direction.place, direction=tuple(unit.tolist()), side=direction.side)


def _made(
    context: Context, targets: Mapping[str, Target], settings: Settings
) -> dict[str, tuple[Mapping[str, Any], bytes]]:
    """By a direction's name what is known of its picture, and the picture; those that are not there yet computed.

    Kept together is what shares a batch, which decides how numbers are rounded.
    """
    names, count = list(targets), AT_ONCE[context.device.type]
    groups = [names[i : i + count] for i in range(0, len(names), count)]
    parts = [context.parts.get(_part_name(targets, group)) for group in groups]
    if missing := sum(len(group) for group, part in zip(groups, parts, strict=True) if part is None):
        context.progress.step(f"pictures of {missing} directions", missing)
    found: dict[str, tuple[Mapping[str, Any], bytes]] = {}
    for group, part in zip(groups, parts, strict=True):
        if part is None:
            asked = list(dict.fromkeys(targets[name] for name in group))
            made = {p.target: p for p in visualize(context.model, asked, settings, context.device, context.progress)}
            part = context.parts.put(_part_name(targets, group), _part([made[targets[name]] for name in group]))
        rows = part.values["rows"]
        found |= {
            name: (row, part.file(f"direction-{i}.webp")) for i, (name, row) in enumerate(zip(group, rows, strict=True))
        }
    return found


def _part_name(targets: Mapping[str, Target], group: Sequence[str]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for target in map(targets.__getitem__, group):
        digest.update(f"{target.layer} {target.side} ".encode() + np.asarray(target.direction, np.float64).tobytes())
    return {"directions": digest.hexdigest()}


def _part(pictures: Sequence[Picture]) -> Contents:
    files = {f"direction-{i}.webp": webp(picture.image) for i, picture in enumerate(pictures)}
    return Contents({"rows": [_row(picture) for picture in pictures]}, pictures=files)


def _row(picture: Picture) -> dict[str, Any]:
    activation, own = (number if math.isfinite(number) else None for number in (picture.activation, picture.own))
    found = {"agrees": picture.agrees, "dead": picture.dead, "reseeded": picture.reseeded}
    return {"activation": activation, "own": own, **found}


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
