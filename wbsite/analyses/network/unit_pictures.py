"""A picture of each unit that excites it, and how much more than photographs do."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents, Entry
from wbsite.featurevis import AT_ONCE, Settings, Target, quick_settings, visualize, webp
from wbsite.featurevis.execution import REMARKS
from wbsite.featurevis.image_model import image_model, proportioned
from wbsite.graph.layers import Layer
from wbsite.results.expanded.examples import Examples
from wbsite.results.network.photograph_responses import PhotographResponses
from wbsite.results.network.unit_pictures import PictureSettings, QuickPictures, UnitPictures

from ._picture_rows import row, table
from ._quick_pictures import COLUMNS, PER_SHEET, quick_count, quick_sheets, quick_side

NAMED = 5
"""Units that a message names."""


def applies(layer: Layer) -> str:
    """Convolutions."""
    return "" if layer.kind == "conv" else "only units of convolutions are pictured: others have no positions"


def run(context: Context) -> UnitPictures:
    """Pictures of the units that `examples` wants of this layer, and small ones of all; or pictures of all.

    Pictures are kept some at a time as soon as they are done, so that a run that was killed resumes behind them.
    """
    layer = context.layer
    assert layer is not None
    wanted = _wanted(context, layer)
    side = min(context.params["size"], *context.model.spec.input_shape[1:])
    settings = Settings(size=side, steps=context.params["steps"])
    small = quick_settings(quick_side(context), context.params["quick_steps"], PER_SHEET)
    about = _about(context, settings)
    network = image_model(context.model, [Target(layer.name, 0)], settings if wanted else small, context.device)
    count = 0 if context.params["every"] or network.way != "batches" else quick_count(context, layer)
    if not wanted and not count:
        return UnitPictures(units=layer.out_channels, shown=0, settings=about, rows=table([], []))
    if wanted and (remark := REMARKS[network.way]):
        context.progress.line(f"{layer.name}: {remark}")
    photographs = context.need(PhotographResponses)
    assert photographs is not None, "it applies to every model"
    parts = _parts(context, [Target(layer.name, channel) for channel in wanted], settings)
    sheets = quick_sheets(context, layer, count, small)
    found = [row for part in (*sheets, *parts) for row in part.values["rows"]]  # a unit's larger picture comes later
    rows = table(found, photographs.strongest(layer.name))
    ratios = rows["ratio"].dropna().tolist()
    differing = rows.loc[~rows["agrees"], "unit"].tolist()
    if differing:
        context.progress.line(
            f"{layer.name}: the network itself does not respond as was measured to the pictures of {len(differing)} of"
            f" {len(rows)} units, which are marked: {', '.join(map(str, differing[:NAMED]))}"
            + (" and others." if len(differing) > NAMED else ".")
        )
    files = {name: part.file(name) for part in parts for name in part.pictures}
    quick = None
    if sheets:
        checked = sum(row["own"] is not None for part in sheets for row in part.values["rows"])
        quick = QuickPictures(
            settings=_about(context, small), count=count, checked=checked, per_sheet=PER_SHEET, columns=COLUMNS
        )
        files |= {name: part.file("sheet.webp") for name, part in zip(quick.sheets, sheets, strict=True)}
    return UnitPictures(
        units=layer.out_channels,
        shown=len(rows),
        settings=about,
        quick=quick,
        presented=network.shape if wanted else None,
        way=network.way,
        remark=REMARKS[network.way],
        precision=str(network.dtype).removeprefix("torch."),
        dead=rows.loc[rows["dead"], "unit"].tolist(),
        differing=differing,
        median_ratio=statistics.median(ratios) if ratios else None,
        photographs=photographs.photographs,
        rows=rows,
        files=files,
    )


def _wanted(context: Context, layer: Layer) -> list[int]:
    if context.params["every"]:
        return list(range(layer.out_channels))
    examples = context.need(Examples)
    return examples.pictures.get(layer.name, []) if examples else []


def _about(context: Context, settings: Settings) -> PictureSettings:
    height, width = proportioned(settings.size, context.model.spec.input_shape)
    return PictureSettings(
        height=height,
        width=width,
        steps=settings.steps,
        parameterisation=settings.parameterisation,
        seed=settings.seed,
    )


def _parts(context: Context, targets: Sequence[Target], settings: Settings) -> list[Entry]:
    """Parts of as many units as the device makes at once, those that are not there yet computed.

    A part is found whole or made whole: which pictures share a batch decides how their numbers are rounded.
    """
    count = AT_ONCE[context.device.type]
    groups = [tuple(targets[i : i + count]) for i in range(0, len(targets), count)]
    names = {group: {"units": [target.channel for target in group]} for group in groups}
    parts = {group: context.parts.get(names[group]) for group in groups}
    missing = [group for group, part in parts.items() if part is None]
    if missing:
        number = sum(map(len, missing))
        context.progress.step(f"{targets[0].layer}: pictures of {number} units", number)
    for group in missing:
        made = {p.target: p for p in visualize(context.model, group, settings, context.device, context.progress)}
        pictures = {f"unit-{target.channel}.webp": webp(made[target].image) for target in group}
        contents = Contents({"rows": [row(made[target], quick=False) for target in group]}, pictures=pictures)
        parts[group] = context.parts.put(names[group], contents)
    return [part for part in parts.values() if part is not None]


ANALYSES = (
    Analysis(
        result=UnitPictures,
        scope="layer",
        run=run,
        applies=applies,
        params={
            "quick": {"size": 96, "steps": 128, "every": False, "quick_sizes": (64, 48, 32), "quick_steps": 8},
            "full": {"size": 128, "steps": 256, "every": True, "quick_sizes": (64, 48, 32), "quick_steps": 8},
        },
        needs=("examples", "photograph_responses"),
        inputs=("photographs",),  # what cannot be shown them has no pictures, for the same reason
        decides_parts=("size", "steps", "quick_sizes", "quick_steps"),
    ),
)
