"""Made-up results of the analyses of expanded weights: nothing measured but what a test says, every unit found."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from wbsite.results.base import Result
from wbsite.results.branches.tuning import Tuning
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.expanded.direction_pictures import DirectionPictures
from wbsite.results.expanded.examples import (
    Agreement,
    Bottleneck,
    Centre,
    Direction,
    DistantInput,
    Examples,
    FactorInput,
    Family,
    Finding,
    FoundUnit,
    FurtherBack,
    Input,
    LayerPair,
    Levels,
    NothingFound,
    Positions,
)
from wbsite.results.expanded.gradients import Gradients
from wbsite.results.expanded.long_range import LongRange, RangeSummaries, RangeSummary
from wbsite.results.expanded.long_tail import LongTail, TailSummary
from wbsite.results.network.architecture import Architecture, Head, LayerInfo
from wbsite.results.network.unit_pictures import PictureSettings, UnitPictures
from wbsite.results.photographs import PhotographSet

PHOTOGRAPHS = PhotographSet(name="noise", count=64, what="64 crops")


def layer(name: str, order: int, inputs: int, units: int, side: int = 3) -> LayerInfo:
    """A convolution; its units are numbered from 100 on."""
    return LayerInfo(
        name=name,
        kind="conv",
        order=order,
        inputs=(),
        in_channels=inputs,
        out_channels=units,
        kernel=(side, side),
        stride=(1, 1),
        padding=(0, 0),
        dilation=(1, 1),
        groups=1,
        bias=False,
        parameters=units * inputs * side**2,
        output_shape=(units, 8, 8),
        calls=1,
        weight_shape=(units, inputs, side, side),
        reads=(),
        planar=side > 1,
        spatial=side > 1,
        block="",
        first_unit=100,
        has_weights=True,
    )


def architecture(**changes: Any) -> Architecture:
    """Of the network speck: three spatial convolutions and a bottleneck."""
    layers = [layer("conv1", 0, 3, 6), layer("conv2", 1, 6, 8), layer("point", 2, 8, 4, 1), layer("conv3", 3, 4, 10)]
    texts: dict[str, Any] = {"name": "speck", "weights": "grey", "title": "Speck", "reference": "", "note": ""}
    facts: dict[str, Any] = {"source": None, "digest": "0", "missing": [], "provenance": {}, "input_shape": (3, 16, 16)}
    counts: dict[str, Any] = {"parameters": 900, "parameters_held": 900, "layers": layers, "skipped": [], "notes": []}
    head = Head(kind="pooled", layer="fc", positions=1)
    return Architecture(**{**texts, **facts, **counts, "head": head, **changes})


def empty_tables(schema: type[Result]) -> dict[str, pd.DataFrame]:
    """A table without rows for each one of a schema."""
    return {
        name: pd.DataFrame(columns=list(field.columns))
        for name, field in schema.fields.items()
        if field.kind == "table"
    }


def cancellation(**changes: Any) -> Cancellation:
    """No layer has paths that could cancel."""
    settings = {"strongest": 10, "null_units": 400, "draws": 6, "seed": 0, "largest": 10**7, "level": 0.2}
    counts = {"layers": 0, "units": 0, "beyond_shuffle": 0, "beyond_signs": 0}
    lists: dict[str, Any] = {"examples": [], "wanted": {}, "skipped": []}
    kernels: dict[str, Any] = {"positive": {}, "negative": {}, "net": {}, "contributions": {}}
    return Cancellation(**{**settings, **counts, **lists, **kernels, **empty_tables(Cancellation), **changes})


def gradients(**changes: Any) -> Gradients:
    """No unit has paths that could cancel."""
    about: dict[str, Any] = {"photographs": PHOTOGRAPHS, "photographs_used": 48, "examples": [], "skipped": []}
    kernels: dict[str, Any] = {"expanded": {}, "mean": {}, "upper": {}, "lower": {}, "typical": {}}
    return Gradients(**{**about, **kernels, **empty_tables(Gradients), **changes})


def long_range(**changes: Any) -> LongRange:
    """No pair of layers could be expanded."""
    settings = {"seed": 0, "draws": 6, "scattered": 2, "units": 12, "largest": 100, "level": 0.95, "spatial": 3}
    found: dict[str, Any] = {"summary": RangeSummaries(smoothness={}, balance={}), "wanted": {}, "skipped": []}
    return LongRange(**{**settings, **found, "maps": {}, **empty_tables(LongRange), **changes})


def long_tail(**changes: Any) -> LongTail:
    """No convolution has more than a few inputs."""
    settings: dict[str, Any] = {"positions": 16, "seed": 0, "level": 0.9, "layers": 0, "skipped": [], "summary": {}}
    photographs = {"photographs": PHOTOGRAPHS, "photographs_used": 32}
    return LongTail(**{**settings, **photographs, **empty_tables(LongTail), **changes})


def finding(*units: tuple[str, int, float], **changes: Any) -> Finding:
    """Units (layer, channel, score) that a rule found, where chance gives 0.2."""
    about: dict[str, Any] = {"title": "a thing", "rule": "the unit that is a thing", "considered": 9, "null": 0.2}
    listed = [FoundUnit(layer=layer, channel=channel, score=score) for layer, channel, score in units]
    next_unit = FoundUnit(layer="conv3", channel=9, score=0.1)
    return Finding(**{**about, "units": listed, "score": units[0][2], "runner_up": next_unit, **changes})


def nothing_found(reason: str) -> NothingFound:
    """A rule that found nothing."""
    return NothingFound(title="a thing", rule="a rule", reason=reason)


def _oriented(layer: str, *channels: int) -> Finding:
    units = [FoundUnit(layer=layer, channel=c, score=0.5, angle=30.0 * i) for i, c in enumerate(channels)]
    return finding((layer, channels[0], 0.5), units=units, null=None, runner_up=None)


def _inputs(*channels: int, layer: str = "conv2") -> list[Input]:
    return [Input(channel=c, layer=layer, unit=c, share=0.3 / (i + 1)) for i, c in enumerate(channels)]


def _family() -> Family:
    return Family(
        layer="conv2",
        channels=[2, 5],
        inputs=6,
        explained=0.8,
        units=[
            [FactorInput(layer="conv1", unit=0, share=0.3), FactorInput(layer="conv1", unit=3, share=0.15)],
            [FactorInput(layer="conv1", unit=1, share=0.3)],
        ],
        property="frequency",
        property_means=[0.3, -0.2],
        by_count=[0.5, 0.8, 0.9],
        by_count_random=[[0.3, 0.4, 0.6], [0.2, 0.5, 0.6]],
    )


def examples(findings: dict[str, Finding | NothingFound] | None = None, **changes: Any) -> Examples:
    """Of the network speck, in which every rule found something; `findings` replaces some by name of the rule."""
    found: dict[str, Finding | NothingFound] = {
        "black-and-white-centre": finding(("conv3", 7, 0.4)),
        "high-low": finding(("conv2", 2, 0.5), ("conv2", 5, 0.3)),
        "black-and-white": finding(("conv2", 2, 0.1), ("conv2", 5, 0.1)),
        "example": finding(("conv3", 4, 0.9)),
        "bottleneck": finding(("conv3", 4, 0.9)),
        "oriented-targets": _oriented("conv3", 1, 6),
        "oriented-sources": _oriented("conv2", 0, 3, 7),
    }
    further = FurtherBack(
        inputs=[
            DistantInput(**_inputs(0, layer="conv1")[0].model_dump(), factor=1),
            DistantInput(**_inputs(5, layer="conv1")[0].model_dump(), factor=0),
        ],
        share=0.45,
        channels=6,
        colour=[-0.1, 0.2],
        explained=0.7,
    )
    values: dict[str, Any] = {
        "levels": Levels(deepest=3, early=["conv2"], late=["conv3"]),
        "order": list(found),
        "findings": {**found, **(findings or {})},
        "centre": Centre(inputs=_inputs(2, 4), further=further),
        "positions": Positions(inputs=_inputs(1, 2), bottleneck=[], channels=8),
        "families": {"high-low": _family(), "black-and-white": _family()},
        "bottleneck": Bottleneck(
            layers=["point"], channels=4, wide=8, direct=_inputs(0, layer="point"), across=_inputs(3, 1)
        ),
        "agreement": Agreement(correlation=0.1, null=0.3),
        "pair": LayerPair(target="conv3", bottleneck=[], sources=[("conv2", i) for i in range(8)]),
        "directions": [Direction(name="position-0-0", place="conv3", side="input")],
        "pictures": {},
        "unpictured": 0,
    }
    rng = np.random.default_rng(0)
    shapes = {
        "centre_kernels": (2, 3, 3),
        "centre_further": (2, 5, 5),
        "position_kernels": (2, 3, 3),
        "bottleneck_direct": (1, 3, 3),
        "bottleneck_across": (2, 3, 3),
    }
    arrays: dict[str, Any] = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays["pair_kernels"] = rng.normal(size=(10, 8, 3, 3)).astype(np.float16)
    arrays["position_norms"] = np.arange(9, dtype=np.float32).reshape(3, 3)
    for kind in ("excitatory", "inhibitory"):
        arrays[kind] = {name: rng.random((2, 3, 3, 2)).astype(np.float32) for name in values["families"]}
    return Examples(**{**values, **arrays, "vectors": {}, **empty_tables(Examples), **changes})


def direction_pictures() -> DirectionPictures:
    """A red picture for a position, and for a factor one that shows nothing."""
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(picture, "WEBP")
    names = ["position-0-0", "high-low-factor-0"]
    columns = {"name": names, "place": ["conv3", "conv2"], "side": ["input", "input"]}
    rows = pd.DataFrame({**columns, "activation": [1.0, 0.0], "own": [1.0, 0.0], "agrees": [True, True]})
    rows = rows.assign(dead=[False, True], reseeded=[0, 3])
    return DirectionPictures(
        pictured=2,
        dead=1,
        settings=PictureSettings(height=8, width=8, steps=4, parameterisation="fourier", seed=0),
        files={f"{name}.webp": picture.getvalue() for name in names},
        rows=rows,
    )


def range_summary(share: float, low: float | None = None, high: float | None = None) -> RangeSummary:
    """Of five pairs of layers, or of three where there is no interval."""
    pairs = 3 if low is None else 5
    excess = {"excess": 0.1, "excess_low": None if low is None else 0.05, "excess_high": None if low is None else 0.2}
    medians = {"median": 0.7, "null_median": 0.6, "scattered_median": 0.3}
    counts = {"pairs": pairs, "units": 12 * pairs, "above": 2, "below": 0}
    return RangeSummary(share=share, share_low=low, share_high=high, **excess, **medians, **counts)


def tail_summary(share: float, few_r2: float) -> TailSummary:
    """Of four convolutions with 50 inputs."""
    shares = {"share": share, "share_low": share / 2, "share_high": 1.0}
    return TailSummary(layers=4, inputs=50 * share, **shares, few=8, few_r2=few_r2, few_low=few_r2 / 2, few_high=1.0)


def tuning(**changes: Any) -> Tuning:
    """No unit was shown stimuli."""
    nothing: dict[str, Any] = {
        "indices": {},
        "categories": {},
        "layers": [],
        "omitted": [],
        "dead_below": 0.0,
        "stimuli": {},
    }
    return Tuning(**{**nothing, **empty_tables(Tuning), **changes})


def unit_pictures(shown: int) -> UnitPictures:
    """So many units of a layer of eight have a picture."""
    settings = PictureSettings(height=32, width=32, steps=128, parameterisation="fourier", seed=0)
    return UnitPictures(units=8, shown=shown, settings=settings, files={}, **empty_tables(UnitPictures))
