"""The long tail: how well each convolution is reproduced on photographs from the few strongest inputs of every unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.featurevis.image_model import agreement
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.mean_ablation import ORDERS, Convolution, MeanAblation, mean_ablation, ranked
from wbsite.results.expanded.cancellation import SkippedLayer
from wbsite.results.expanded.long_tail import LongTail, TailSummary
from wbsite.results.photographs import PhotographSet

LEVEL = 0.9
"""R² at which a unit counts as reproduced."""

QUARTILES = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)

FEW = 8
"""Inputs that a reader may look at: R² with so many is in the summary."""

_BATCH_BYTES, _PATCHES_BYTES = 128 * 2**20, 512 * 2**20
"""Of maps that are held during a forward pass, and of what is sampled from them."""


def run(context: Context) -> LongTail:
    """R² of every unit of every convolution by the number of inputs kept.

    Sampled are up to `positions` random positions of each layer's output on each of up to `photographs` photographs,
    spread evenly over those that were given. Inputs are kept by the norm of their kernel, by their expected
    contribution (norm times standard deviation on these photographs), and at random.
    """
    params, photographs = context.params, context.photographs()
    recorded = Recorded.of(context.model).on(context.device)
    agrees, alone = agreement(context.model, context.device), False
    convs, skipped = {}, []
    for layer in context.layers.convs:
        if f"{layer.name}.weight" in context.model.missing:
            skipped.append(SkippedLayer(layer=layer.name, reason="the weights file does not hold it"))
            continue
        try:
            conv = Convolution.of(recorded.tape, layer.name)
            alone |= agrees.check((conv.input, conv.end))
            convs[layer.name] = conv
        except WbsiteError as error:
            skipped.append(SkippedLayer(layer=layer.name, reason=error.message))
    numbers = torch.linspace(0, photographs.count - 1, min(params["photographs"], photographs.count)).round().long()
    inputs = photographs.inputs[numbers.to(photographs.inputs.device)].to(recorded.like)
    context.progress.step("the long tail", len(convs))
    rows, layers = [], []
    for group in _groups(convs, len(inputs) * params["positions"]):
        patches = sampled(recorded, group, inputs, params["positions"], params["seed"], alone)
        for name, conv in group.items():
            samples = patches.pop(name)
            if bool(torch.isfinite(samples).all()):
                layer_rows, needed = _measured(conv, samples, params["seed"])
                about = {"layer": name, "depth": list(convs).index(name), "kernel": _size(conv)}
                about |= {"inputs": conv.weight.shape[1], "samples": len(samples)}
                rows += [{**about, **row} for row in layer_rows]
                layers.append({**about, **needed})
            else:
                reason = "its inputs are not finite: a layer before it has no weights"
                skipped.append(SkippedLayer(layer=name, reason=reason))
            context.progress.advance()
    tables = {
        name: pd.DataFrame(records, columns=list(LongTail.fields[name].columns))
        for name, records in (("rows", rows), ("per_layer", layers))
    }
    return LongTail(
        positions=params["positions"],
        seed=params["seed"],
        level=LEVEL,
        photographs=PhotographSet(**photographs.about),
        photographs_used=len(inputs),
        layers=len(layers),
        skipped=skipped,
        summary=_summary(tables["rows"], tables["per_layer"]),
        rows=tables["rows"],
        per_layer=tables["per_layer"],
    )


def _groups(convs: Mapping[str, Convolution], samples: int) -> Iterator[dict[str, Convolution]]:
    """Convolutions in order, as many at a time as there is room for what they see; a forward pass for each group."""
    group: dict[str, Convolution] = {}
    held = 0
    for name, conv in convs.items():
        size = samples * conv.groups * conv.weight[0].numel() * conv.weight.element_size()
        if group and held + size > _PATCHES_BYTES:
            yield group
            group, held = {}, 0
        group[name] = conv
        held += size
    if group:
        yield group


def _size(conv: Convolution) -> str:
    return "×".join(map(str, conv.weight.shape[2:]))


def sampled(
    recorded: Recorded, convs: Mapping[str, Convolution], inputs: torch.Tensor, positions: int, seed: int, alone: bool
) -> dict[str, torch.Tensor]:
    """What every convolution sees at random positions, (S, I, kh, kw) by layer, a batch of pictures at a time.

    Args:
        alone: one picture at a time instead.
    """
    wanted = {conv.input for conv in convs.values()}
    program = recorded.tape.program(wanted)
    size = sum(math.prod(recorded.tape.shapes[value]) for value in wanted) * inputs.element_size()
    generators = {name: torch.Generator().manual_seed(seed * 1_000_003 + i) for i, name in enumerate(convs)}
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in convs}
    with torch.no_grad():
        for batch in inputs.split(1 if alone else max(1, _BATCH_BYTES // max(1, size))):
            values = program(batch)
            for name, conv in convs.items():
                parts[name].append(conv.patches(values[conv.input], positions, generators[name]))
    return {name: torch.cat(part) for name, part in parts.items()}


def _measured(conv: Convolution, patches: torch.Tensor, seed: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Of one layer the rows, one an order and number of inputs kept, and what is needed."""
    rows: list[dict[str, Any]] = []
    needed: dict[str, Any] = {}
    for order in ORDERS:
        ranking = ranked(conv, patches, order, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]
        with torch.no_grad():
            measured = mean_ablation(conv, patches, ranking, LEVEL)
        rows += [{"order": order, **row} for row in _rows(measured)]
        if order == ORDERS[0]:
            live = ~measured.before[-1].isnan()
            needed |= {"units": len(live), "live": int(live.sum()), "rectified": conv.rectified}
        inputs = measured.needed.nanquantile(QUARTILES, interpolation="nearest").tolist()
        needed |= dict(zip((f"{order}_low", f"{order}_inputs", f"{order}_high"), inputs, strict=True))
        needed[f"{order}_share"] = needed[f"{order}_inputs"] / measured.counts[-1]
    return rows, needed


def _rows(measured: MeanAblation) -> list[dict[str, Any]]:
    before, after = (r2.nanquantile(QUARTILES, dim=1).T.tolist() for r2 in (measured.before, measured.after))
    names = ("low", "median", "high")
    return [
        {
            "kept": kept,
            "share": kept / measured.counts[-1],
            **dict(zip(names, before[i], strict=True)),
            **dict(zip((f"after_{name}" for name in names), after[i], strict=True)),
        }
        for i, kept in enumerate(measured.counts)
    ]


def _summary(rows: pd.DataFrame, layers: pd.DataFrame) -> dict[str, TailSummary]:
    """By order, over layers with more than `FEW` inputs and a unit that changes; empty where there are none."""
    layers = layers[(layers["inputs"] > FEW) & (layers["live"] > 0)]
    if layers.empty:
        return {}
    summaries = {}
    for order in ORDERS:
        few = rows[(rows["order"] == order) & (rows["kept"] == FEW) & rows["layer"].isin(layers["layer"])]
        share, r2 = layers[f"{order}_share"], few["median"]
        summaries[order] = TailSummary(
            layers=len(layers),
            inputs=float(layers[f"{order}_inputs"].median()),
            share=float(share.median()),
            share_low=float(share.min()),
            share_high=float(share.max()),
            few=FEW,
            few_r2=float(r2.median()),
            few_low=float(r2.min()),
            few_high=float(r2.max()),
        )
    return summaries


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=LongTail,
        params={
            "quick": {"photographs": 32, "positions": 16, "seed": 0},
            "full": {"photographs": 200, "positions": 32, "seed": 0},
        },
        inputs=("photographs",),
    ),
)
