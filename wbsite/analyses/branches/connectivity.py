"""The structure before the branches: along which factors the first convolution's units differ in who reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.channel_origin import ChannelOrigin
from wbsite.graph.layers import Layer
from wbsite.graph.recording import Recorded
from wbsite.ops.branches.communities import Communities, best_communities, community_eta_squared, null_modularity
from wbsite.ops.branches.correspondence_analysis import Factors, balanced, connectivity_factors, null_values, strengths
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.results.branches import connectivity as results
from wbsite.results.branches.connectivity import Balanced, Connectivity, Explained, Reader
from wbsite.stats.rank_correlation import rank_correlation

FACTORS = 2

PROPERTIES: Mapping[str, tuple[str, str]] = {
    "chroma": ("chroma", ""),
    "frequency": ("frequency", ""),
    "frequency_without_chroma": ("frequency", "chroma"),
    "chroma_without_frequency": ("chroma", "frequency"),
    "orientation_selectivity": ("orientation_selectivity", ""),
}
"""What factors are held against → the property of filters (`ops/filter_tuning.py`), and the one that is taken out."""

COLUMNS = {name: list(spec.columns) for name, spec in Connectivity.fields.items() if spec.kind == "table"}


def run(context: Context) -> Connectivity:
    """Correspondence analysis of Σ |W| between the first convolution and what reads it (`ops.connectivity_factors`).

    Readers are the convolutions without groups that read the first one's units, all of them and nothing else, through
    norms, rectifiers and pools; of several, as where a residual network's first block and its shortcut begin, the
    outputs are taken together. |W| is as it is: a batch norm's gain in between is a scale of units, which the
    marginals take up, and `balanced` says what remains of the factors when all such scales are taken out.

    Intervals and p-values take the factors as given: they are over units, and say nothing of other trainings.
    """
    first, readers, reason = _fit(context)
    if reason:
        empty = {name: pd.DataFrame(columns=columns) for name, columns in COLUMNS.items()}
        return Connectivity(reason=reason, **empty)
    assert first is not None
    params, tuning = context.params, FilterTuning.of(context.model.spec.filters_in_rgb(context.kernels(first.name)))
    factors = connectivity_factors(np.concatenate([strengths(context.kernels(layer.name)) for layer in readers]))
    properties = {name: getattr(tuning, name).numpy() for name in ("chroma", "frequency", "orientation_selectivity")}
    inputs = pd.DataFrame({"unit": range(first.out_channels), "strength": _shares(factors.strength.sum(0))})
    outputs = pd.DataFrame(
        [(layer.name, unit) for layer in readers for unit in range(layer.out_channels)], columns=["layer", "unit"]
    )
    outputs["strength"] = _shares(factors.strength.sum(1))
    living = {name: np.where(tuning.dead.numpy(), math.nan, values) for name, values in properties.items()}
    for number in range(FACTORS):
        sign = _sign(factors.inputs[:, number], living["chroma"])
        inputs[f"factor_{number + 1}"] = sign * factors.inputs[:, number]
        outputs[f"factor_{number + 1}"] = sign * factors.outputs[:, number]
    communities, inputs["community"], outputs["community"] = _communities(factors, living, params)
    inputs = inputs.assign(**properties, dead=tuning.dead.numpy())
    return Connectivity(
        reason="",
        first=first.name,
        readers=[
            Reader(layer=layer.name, units=layer.out_channels, kernel=(layer.kernel[0], layer.kernel[1]))
            for layer in readers
        ],
        units=first.out_channels,
        dead=int(tuning.dead.sum()),
        unread=int((factors.strength.sum(0) == 0).sum()),
        inertia=factors.inertia,
        balanced=_balanced(factors, living["chroma"]),
        draws=params["draws"],
        null=params["null"],
        seed=params["seed"],
        communities=None if isinstance(communities, str) else communities,
        communities_reason=communities if isinstance(communities, str) else "",
        residuals=factors.residuals.astype(np.float32),
        rows=_correlations(inputs, living, params),
        factors=_against_null(factors, params),
        inputs=inputs[COLUMNS["inputs"]],
        outputs=outputs[COLUMNS["outputs"]],
    )


def _fit(context: Context) -> tuple[Layer | None, list[Layer], str]:
    """The first convolution and its readers, or why they are not fit."""
    convs = context.layers.convs
    if not convs:
        return None, [], "it has no convolution"
    first = convs[0]
    if not reads_pictures(first):
        return None, [], f"its first convolution, {first.name}, does not read the picture in one or three channels"
    if not first.spatial:
        return None, [], f"the filters of its first convolution, {first.name}, have one position only"
    fed = [layer for layer in convs if layer.inputs == (first.name,)]
    if fed:
        wires = ChannelMap(Recorded.of(context.model).on(context.device), context.layers.names)
        fed = [
            layer for layer in fed if wires.inputs[layer.name] == (ChannelOrigin((first.name,), 0, first.out_channels),)
        ]
    if not fed:
        return None, [], f"no convolution reads the units of its first one, {first.name}, and nothing else"
    readers = [layer for layer in fed if layer.groups == 1]
    if not readers:
        groups = f"{fed[0].name} reads the units of {first.name} in {fed[0].groups} groups"
        return None, [], f"{groups}: who can read which is laid down by the architecture"
    lacking = [layer.name for layer in (first, *readers) if f"{layer.name}.weight" in context.model.missing]
    if lacking:
        return None, [], f"the weights file does not hold {lacking[0]}"
    if min(first.out_channels, sum(layer.out_channels for layer in readers)) <= FACTORS:
        return None, [], f"{first.name} and what reads it have too few units for {FACTORS} factors"
    strength = np.concatenate([strengths(context.kernels(layer.name)) for layer in readers])
    if min((strength.sum(0) > 0).sum(), (strength.sum(1) > 0).sum()) <= FACTORS:
        return None, [], f"too few units of {first.name} and what reads it have weights other than zero"
    return first, readers, ""


def _shares(sums: np.ndarray) -> np.ndarray:
    return sums / sums.sum()


def _sign(coordinates: np.ndarray, chroma: np.ndarray) -> float:
    """−1 where the factor has to be turned to go with chroma."""
    return -1.0 if _rho(coordinates, chroma) < 0 else 1.0


def _rho(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's ρ over the units that have both; 0 where one does not vary."""
    kept = ~np.isnan(x) & ~np.isnan(y)
    if kept.sum() < 2 or np.ptp(x[kept]) == 0 or np.ptp(y[kept]) == 0:
        return 0.0
    return float(scipy.stats.spearmanr(x[kept], y[kept]).statistic)


def _correlations(
    inputs: pd.DataFrame, properties: Mapping[str, np.ndarray], params: Mapping[str, Any]
) -> pd.DataFrame:
    rows = []
    for number in range(1, FACTORS + 1):
        for name, (measured, without) in PROPERTIES.items():
            correlation = rank_correlation(
                inputs[f"factor_{number}"].to_numpy(),
                properties[measured],
                properties[without] if without else None,
                draws=params["draws"],
                seed=params["seed"],
            )
            numbers = {key: getattr(correlation, key) for key in ("rho", "low", "high", "p")}
            rows.append({"factor": number, "property": name, **numbers, "q": math.nan, "units": correlation.units})
    table = pd.DataFrame(rows, columns=COLUMNS["rows"])
    tested = table["p"].notna()
    if tested.any():
        table.loc[tested, "q"] = scipy.stats.false_discovery_control(table.loc[tested, "p"])
    return table


def _against_null(factors: Factors, params: Mapping[str, Any]) -> pd.DataFrame:
    null = null_values(factors.strength, params["null"], params["seed"], FACTORS)
    rows = []
    for number in range(FACTORS):
        value, by_chance = float(factors.values[number]), null[:, number]
        middle, limit = np.quantile(by_chance, (0.5, 0.95)).tolist()
        p = (1 + int((by_chance >= value).sum())) / (1 + len(by_chance))
        rows.append((number + 1, value, float(factors.shares[number]), middle, limit, p))
    return pd.DataFrame(rows, columns=COLUMNS["factors"])


def _balanced(factors: Factors, chroma: np.ndarray) -> list[Balanced]:
    other = connectivity_factors(balanced(factors.strength))
    return [
        Balanced(
            chroma=abs(_rho(other.inputs[:, number], chroma)),
            same=abs(_rho(other.inputs[:, number], factors.inputs[:, number])),
        )
        for number in range(FACTORS)
    ]


def _communities(
    factors: Factors, properties: Mapping[str, np.ndarray], params: Mapping[str, Any]
) -> tuple[results.Communities | str, np.ndarray, np.ndarray]:
    """The communities, or why they are not looked for, and the community of every input and output, −1 for none."""
    strength = factors.strength
    if strength.size > params["largest"]:
        reason = f"{strength.size} pairs of units are more than the {params['largest']} that are divided"
        inputs, outputs = (np.full(count, -1) for count in strength.shape[::-1])
        return reason, inputs, outputs
    best, by_seed, stability = best_communities(strength, params["seeds"])
    null = null_modularity(strength, params["null_communities"], params["seed"])
    usual = float(np.median(by_seed))
    communities = results.Communities(
        count=best.count,
        modularity=best.modularity,
        median=usual,
        null_median=float(np.median(null)),
        null_high=float(null.max()),
        p=(1 + int((null >= usual).sum())) / (1 + len(null)),
        null=len(null),
        seeds=len(by_seed),
        stability=_finite(stability),
        explained={
            name: _explained(*community_eta_squared(best.inputs, values, params["draws"], params["seed"]))
            for name, values in properties.items()
        },
        each=[_community(best, number, strength, properties) for number in range(best.count)],
    )
    return communities, best.inputs, best.outputs


def _explained(eta: float, chance: float, p: float, units: int) -> Explained:
    return Explained(eta=_finite(eta), chance=_finite(chance), p=_finite(p), units=units)


def _community(
    best: Communities, number: int, strength: np.ndarray, properties: Mapping[str, np.ndarray]
) -> results.Community:
    inputs, outputs = best.inputs == number, best.outputs == number
    read, inside = strength[:, inputs].sum(), strength[np.ix_(outputs, inputs)].sum()
    return results.Community(
        inputs=int(inputs.sum()),
        outputs=int(outputs.sum()),
        strength=float(read / strength.sum()),
        inside=float(inside / read) if read else None,
        chroma=_median(properties["chroma"][inputs]),
        frequency=_median(properties["frequency"][inputs]),
    )


def _median(values: np.ndarray) -> float | None:
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else None


def _finite(number: float) -> float | None:
    return None if math.isnan(number) else number


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=Connectivity,
        params={
            "quick": {"draws": 2000, "null": 200, "seeds": 10, "null_communities": 50, "largest": 50_000, "seed": 0},
            "full": {
                "draws": 10_000,
                "null": 1000,
                "seeds": 20,
                "null_communities": 200,
                "largest": 200_000,
                "seed": 0,
            },
        },
    ),
)
