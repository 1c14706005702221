"""A picture of each direction that `examples` found: position weights and weight factors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents, Entry
from wbsite.featurevis import Picture, Settings, Target, visualize, webp


def run(context: Context) -> Contents:
    """Pictures of the directions in `examples`, each kept as soon as it is done.

    Pictures: NAME.webp, by the direction's name.

    Table rows: name, place, side; activation, the direction's strongest response to its picture; dead; reseeded.
    """
    examples = context.needs["examples"]
    channels = context.model.spec.input_shape[0]
    alive = _alive(examples) if channels in (1, 3) else []  # an input of two channels is no picture
    wanted = {one["name"]: _target(one, examples.arrays[f"direction/{one['name']}"]) for one in alive}
    side = min(context.params["size"], *context.model.spec.input_shape[1:])
    settings = Settings(size=side, steps=context.params["steps"])
    done = {target: context.parts.get(_part_name(target)) for target in wanted.values()}
    missing = [target for target, entry in done.items() if entry is None]
    if missing:
        context.progress.step(f"pictures of {len(missing)} directions", len(missing))
        for picture in visualize(context.model, missing, settings, context.device, context.progress):
            done[picture.target] = context.parts.put(_part_name(picture.target), _part(picture))
    entries = {name: entry for name, target in wanted.items() if (entry := done[target]) is not None}
    rows = [
        {"name": name, "place": wanted[name].layer, "side": wanted[name].side, **entry.values}
        for name, entry in entries.items()
    ]
    kinds = {"name": str, "place": str, "side": str, "activation": float, "dead": bool, "reseeded": int}
    values: dict[str, Any] = {
        "shown": len(rows),
        "dead": sum(row["dead"] for row in rows),
        "settings": {name: getattr(settings, name) for name in ("size", "steps", "parameterisation", "seed")},
    }
    files = {f"{name}.webp": entry.file("direction.webp") for name, entry in entries.items()}
    return Contents(values, tables={"rows": pd.DataFrame(rows, columns=list(kinds)).astype(kinds)}, pictures=files)


def _alive(examples: Entry) -> list[Mapping[str, str]]:
    """Directions that point somewhere."""
    return [one for one in examples.values["directions"] if examples.arrays[f"direction/{one['name']}"].any()]


def _target(direction: Mapping[str, str], vector: np.ndarray) -> Target:
    unit = vector / np.linalg.norm(vector)
    return Target(direction["place"], direction=tuple(unit.tolist()), side=direction["side"])  # type: ignore[arg-type]


def _part_name(target: Target) -> dict[str, Any]:
    vector = np.asarray(target.direction, np.float64).tobytes()
    return {"place": target.layer, "side": target.side, "direction": hashlib.sha256(vector).hexdigest()}


def _part(picture: Picture) -> Contents:
    activation = picture.activation if math.isfinite(picture.activation) else None
    values = {"activation": activation, "dead": picture.dead, "reseeded": picture.reseeded}
    return Contents(values, pictures={"direction.webp": webp(picture.image)})


ANALYSES = (
    Analysis(
        name="direction_pictures",
        version=1,
        scope="model",
        summary="pictures of what positions of a kernel, and weight factors, look for",
        run=run,
        params={"quick": {"size": 96, "steps": 128}, "full": {"size": 128, "steps": 256}},
        needs=("examples",),
        decides_parts=("size", "steps"),
    ),
)
