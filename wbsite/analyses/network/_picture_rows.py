"""Rows of the table of unit pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from wbsite.featurevis import Picture
from wbsite.results.network.unit_pictures import UnitPictures


def row(picture: Picture, quick: bool) -> dict[str, Any]:
    """What is kept of a picture, without the comparison with photographs."""
    return {
        "unit": picture.target.channel,
        "activation": _finite(picture.activation),
        "own": _finite(picture.own),
        "agrees": picture.agrees,
        "dead": picture.dead,
        "reseeded": picture.reseeded,
        "quick": quick,
    }


def table(rows: Iterable[dict[str, Any]], strongest: Sequence[float]) -> pd.DataFrame:
    """One row a unit, in order of channels; of two rows of a unit the later one.

    Args:
        strongest: response of each unit of the layer to photographs, NaN where it is not finite.
    """
    units = {found["unit"]: found for found in rows}
    return UnitPictures.frame("rows", [_compared(units[unit], strongest[unit]) for unit in sorted(units)])


def _compared(found: dict[str, Any], seen: float) -> dict[str, Any]:
    comparable = found["activation"] is not None and found["agrees"] and seen > 0
    return {**found, "photo_max": _finite(seen), "ratio": found["activation"] / seen if comparable else None}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
