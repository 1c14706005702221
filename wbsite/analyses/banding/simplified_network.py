"""The simplified network of a suite's settings, layer by layer, as its diagram shows it."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd
import torch
from torch import nn

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents
from wbsite.models.zoo.simplified import Simplified
from wbsite.train.runs import Run

SUITE = "banding"
COLUMNS = ("setting", "layer", "group", "units", "kernel", "side")


def run(context: SuiteContext) -> Contents:
    """Groups, units, kernels and maps of the baseline's network in every setting.

    Values: {setting: {size, channels: of the pictures; pools: how many groups end in a pooling; last, before:
    the two layers whose kernels are kept}}. Rows: one a layer in execution order, with group, units, kernel
    and side (of its map), the last two in positions a side. A setting whose preset is not known any more is
    left out.
    """
    baselines = {one.record["setting"]: one for one in context.runs if one.record["experiment"] == "baseline"}
    values, rows = {}, []
    for setting, one in baselines.items():
        facts, layers = describe(one)
        if facts:
            values[setting] = facts
            rows += [{"setting": setting, **layer} for layer in layers]
    return Contents(values=values, tables={"rows": pd.DataFrame(rows, columns=list(COLUMNS))})


def describe(one: Run) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A run's network: units as it recorded them, the rest as its preset gives it.

    Empty where there is no such preset, or it has no such layers any more.
    """
    try:
        preset = registry.named("suites", SUITE, "suite").preset(one.record.get("preset", ""))
    except WbsiteError:
        return {}, []
    channels = len(preset.preprocess.mean)
    with torch.device("meta"):  # its shapes are asked for, and no weight
        module = Simplified(preset.widths, preset.pools, classes=2, channels=channels, size=preset.size)
    groups = {name: group for group, names in enumerate(module.groups) for name in names}
    if not groups.keys() >= one.record["layers"].keys():
        return {}, []
    layers = [
        {
            "layer": name,
            "group": group,
            "units": one.record["layers"][name]["units"],
            "kernel": cast(nn.Conv2d, module.get_submodule(name)).kernel_size[0],
            "side": preset.size // 2 ** min(group, preset.pools),
        }
        for name, group in groups.items()
        if name in one.record["layers"]
    ]
    kept = {name: one.record[name] for name in ("last", "before")}
    return {"size": preset.size, "channels": channels, "pools": preset.pools, **kept}, layers


ANALYSES = (
    Analysis(
        name="simplified_network",
        version=1,
        scope="suite",
        suite=SUITE,
        summary="groups, units, kernels and maps of the simplified network, for its diagram",
        run=run,
    ),
)
