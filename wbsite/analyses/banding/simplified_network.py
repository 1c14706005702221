"""The simplified network of a suite's settings, layer by layer, as its diagram shows it."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.models.networks.simplified import Simplified
from wbsite.results.banding.simplified_network import Network, SimplifiedNetwork
from wbsite.train.runs import Run

SUITE = "banding"


def run(context: SuiteContext) -> SimplifiedNetwork:
    """Groups, units, kernels and maps of the baseline's network in every setting.

    A setting whose preset is not known any more is left out.
    """
    baselines = {run.record["setting"]: run for run in context.runs if run.record["experiment"] == "baseline"}
    networks: dict[str, Network] = {}
    rows: list[dict[str, Any]] = []
    for setting, run in baselines.items():
        if described := describe(run):
            networks[setting], layers = described
            rows += [{"setting": setting, **layer} for layer in layers]
    return SimplifiedNetwork(settings=networks, rows=SimplifiedNetwork.frame("rows", rows))


def describe(run: Run) -> tuple[Network, list[dict[str, Any]]] | None:
    """A run's network, and its layers as rows: units as it recorded them, the rest as its preset gives it.

    None where there is no such preset, or it has no such layers any more.
    """
    record = run.record
    try:
        preset = registry.named("suites", SUITE, "suite").preset(record.get("preset", ""))
    except WbsiteError:
        return None
    channels = len(preset.preprocess.mean)
    with torch.device("meta"):  # its shapes are asked for, and no weight
        module = Simplified(preset.widths, preset.pools, classes=2, channels=channels, size=preset.size)
    groups = {name: group for group, names in enumerate(module.groups) for name in names}
    if not groups.keys() >= record["layers"].keys():
        return None
    layers = [
        {
            "layer": name,
            "group": group,
            "units": record["layers"][name]["units"],
            "kernel": cast(nn.Conv2d, module.get_submodule(name)).kernel_size[0],
            "side": preset.size // 2 ** min(group, preset.pools),
        }
        for name, group in groups.items()
        if name in record["layers"]
    ]
    network = Network(
        size=preset.size, channels=channels, pools=preset.pools, last=record["last"], before=record["before"]
    )
    return network, layers


ANALYSES = (
    Analysis(
        name="simplified_network",
        scope="suite",
        suite=SUITE,
        summary="groups, units, kernels and maps of the simplified network, for its diagram",
        run=run,
        result=SimplifiedNetwork,
    ),
)
