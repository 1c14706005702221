"""The structure before the branches: along which factors the first convolution's units differ in who reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, spearmanr

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.core.store import Contents
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.channel_origin import ChannelOrigin
from wbsite.graph.layers import Layer
from wbsite.graph.recording import Recorded
from wbsite.ops.branches.communities import Communities, best_communities, community_eta_squared, null_modularity
from wbsite.ops.branches.correspondence_analysis import Factors, balanced, connectivity_factors, null_values, strengths
from wbsite.ops.tuning.filter_tuning import FilterTuning
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

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "rows": ("factor", "property", "rho", "low", "high", "p", "q", "units"),
    "factors": ("factor", "value", "share", "null_median", "null_limit", "p"),
    "inputs": (
        *("unit", "strength", "factor_1", "factor_2", "community"),
        *("chroma", "frequency", "orientation_selectivity", "dead"),
    ),
    "outputs": ("layer", "unit", "strength", "factor_1", "factor_2", "community"),
    "communities": ("community", "inputs", "outputs", "strength", "inside", "chroma", "frequency"),
}


def run(context: Context) -> Contents:
    """Correspondence analysis of Σ |W| between the first convolution and what reads it (`ops/connectivity.py`).

    Readers are the convolutions without groups that read the first one's units, all of them and nothing else, through
    norms, rectifiers and pools; of several, as where a residual network's first block and its shortcut begin, the
    outputs are taken together. |W| is as it stands: a batch norm's gain in between is a scale of units, which the
    marginals take up, and `values["balanced"]` says what is left of the factors when all such scales are taken out.

    Every factor is turned so that its ρ with chroma is not negative. Dead filters have their place, but count in no
    correlation. Intervals and p-values take the factors as given: they are over units, and say nothing of other
    trainings.

    Values: reason, "" or why there is nothing here (tables are then empty); first, readers; inertia; balanced: of
    every factor, ρ of its balanced counterpart with chroma, and of the two with each other, in magnitude; communities,
    or `communities_reason`. Tables: rows, one a factor and property; factors, singular values against the null;
    inputs and outputs, one a unit; communities. Array residuals (O, I).
    """
    first, readers, reason = _found(context)
    if reason:
        return Contents(
            values={"reason": reason},
            tables={name: pd.DataFrame(columns=list(columns)) for name, columns in COLUMNS.items()},
        )
    assert first is not None
    params, tuning = context.params, FilterTuning.of(_weight(context, first))
    factors = connectivity_factors(np.concatenate([strengths(_weight(context, layer)) for layer in readers]))
    properties = {name: getattr(tuning, name).numpy() for name in ("chroma", "frequency", "orientation_selectivity")}
    inputs = pd.DataFrame({"unit": range(first.out_channels), "strength": _shares(factors.strength.sum(0))})
    outputs = pd.DataFrame(
        [(layer.name, unit) for layer in readers for unit in range(layer.out_channels)], columns=["layer", "unit"]
    )
    outputs["strength"] = _shares(factors.strength.sum(1))
    living = {name: np.where(tuning.dead.numpy(), math.nan, values) for name, values in properties.items()}
    for number in range(FACTORS):
        turned = _sign(factors.inputs[:, number], living["chroma"])
        inputs[f"factor_{number + 1}"] = turned * factors.inputs[:, number]
        outputs[f"factor_{number + 1}"] = turned * factors.outputs[:, number]
    values, tables = _communities(factors, living, params)
    inputs["community"], outputs["community"] = tables.pop("labels")
    inputs = inputs.assign(**properties, dead=tuning.dead.numpy())
    return Contents(
        values={
            "reason": "",
            "first": first.name,
            "readers": [{"layer": one.name, "units": one.out_channels, "kernel": list(one.kernel)} for one in readers],
            "units": first.out_channels,
            "dead": int(tuning.dead.sum()),
            "unread": int((factors.strength.sum(0) == 0).sum()),
            "inertia": factors.inertia,
            "balanced": _balanced(factors, living["chroma"]),
            **{name: params[name] for name in ("draws", "null", "seed")},
            **values,
        },
        arrays={"residuals": factors.residuals.astype(np.float32)},
        tables={
            "rows": _correlations(inputs, living, params),
            "factors": _against_null(factors, params),
            "inputs": inputs[list(COLUMNS["inputs"])],
            "outputs": outputs[list(COLUMNS["outputs"])],
            **tables,
        },
    )


def _found(context: Context) -> tuple[Layer | None, list[Layer], str]:
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
    whole = [layer for layer in fed if layer.groups == 1]
    if not whole:
        groups = f"{fed[0].name} reads the units of {first.name} in {fed[0].groups} groups"
        return None, [], f"{groups}: who can read which is laid down by the architecture"
    lacking = [one.name for one in (first, *whole) if f"{one.name}.weight" in context.model.missing]
    if lacking:
        return None, [], f"the weights file does not hold {lacking[0]}"
    if min(first.out_channels, sum(layer.out_channels for layer in whole)) <= FACTORS:
        return None, [], f"{first.name} and what reads it have too few units for {FACTORS} factors"
    strength = np.concatenate([strengths(_weight(context, layer)) for layer in whole])
    if min((strength.sum(0) > 0).sum(), (strength.sum(1) > 0).sum()) <= FACTORS:
        return None, [], f"too few units of {first.name} and what reads it have weights other than zero"
    return first, whole, ""


def _weight(context: Context, layer: Layer) -> Any:
    return context.model.module.get_submodule(layer.name).weight


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
    return float(spearmanr(x[kept], y[kept]).statistic)


def _correlations(
    inputs: pd.DataFrame, properties: Mapping[str, np.ndarray], params: Mapping[str, Any]
) -> pd.DataFrame:
    rows = []
    for number in range(1, FACTORS + 1):
        for name, (of, without) in PROPERTIES.items():
            found = rank_correlation(
                inputs[f"factor_{number}"].to_numpy(),
                properties[of],
                properties[without] if without else None,
                draws=params["draws"],
                seed=params["seed"],
            )
            row = {"factor": number, "property": name, "rho": found.rho, "low": found.low, "high": found.high}
            rows.append({**row, "p": found.p, "q": math.nan, "units": found.units})
    table = pd.DataFrame(rows, columns=list(COLUMNS["rows"]))
    tested = table["p"].notna()
    if tested.any():
        table.loc[tested, "q"] = false_discovery_control(table.loc[tested, "p"])
    return table


def _against_null(factors: Factors, params: Mapping[str, Any]) -> pd.DataFrame:
    null = null_values(factors.strength, params["null"], params["seed"], FACTORS)
    rows = []
    for number in range(FACTORS):
        value, by_chance = float(factors.values[number]), null[:, number]
        middle, limit = np.quantile(by_chance, (0.5, 0.95)).tolist()
        p = (1 + int((by_chance >= value).sum())) / (1 + len(by_chance))
        rows.append((number + 1, value, float(factors.shares[number]), middle, limit, p))
    return pd.DataFrame(rows, columns=list(COLUMNS["factors"]))


def _balanced(factors: Factors, chroma: np.ndarray) -> list[dict[str, float]]:
    other = connectivity_factors(balanced(factors.strength))
    return [
        {
            "chroma": abs(_rho(other.inputs[:, number], chroma)),
            "same": abs(_rho(other.inputs[:, number], factors.inputs[:, number])),
        }
        for number in range(FACTORS)
    ]


def _communities(
    factors: Factors, properties: Mapping[str, np.ndarray], params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and tables; among the tables, "labels" of inputs and outputs."""
    strength = factors.strength
    if strength.size > params["largest"]:
        reason = f"{strength.size} pairs of units are more than the {params['largest']} that are divided"
        none = tuple(np.full(count, -1) for count in strength.shape[::-1])
        table = pd.DataFrame(columns=list(COLUMNS["communities"]))
        return {"communities_reason": reason}, {"labels": none, "communities": table}
    found, by_seed, stability = best_communities(strength, params["seeds"])
    null = null_modularity(strength, params["null_communities"], params["seed"])
    usual = float(np.median(by_seed))
    said: dict[str, Any] = {
        "count": found.count,
        "modularity": found.modularity,
        "median": usual,
        "null_median": float(np.median(null)),
        "null_high": float(null.max()),
        "p": (1 + int((null >= usual).sum())) / (1 + len(null)),
        "null": len(null),
        "seeds": len(by_seed),
        "stability": None if math.isnan(stability) else stability,
        "explained": {},
    }
    for name, values in properties.items():
        eta, chance, p, units = community_eta_squared(found.inputs, values, params["draws"], params["seed"])
        numbers = {"eta": eta, "chance": chance, "p": p}
        finite = {key: None if math.isnan(number) else number for key, number in numbers.items()}
        said["explained"][name] = {**finite, "units": units}
    labels = found.inputs, found.outputs
    return {"communities": said}, {"labels": labels, "communities": _table(found, strength, properties)}


def _table(found: Communities, strength: np.ndarray, properties: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row a community: its units, its share of all strength, the share of its inputs' strength that stays in it,
    and medians over its inputs."""
    rows = []
    for number in range(found.count):
        inputs, outputs = found.inputs == number, found.outputs == number
        read, kept = strength[:, inputs].sum(), strength[np.ix_(outputs, inputs)].sum()
        row: dict[str, Any] = {"community": number, "inputs": int(inputs.sum()), "outputs": int(outputs.sum())}
        row |= {"strength": read / strength.sum(), "inside": kept / read if read else math.nan}
        for name in ("chroma", "frequency"):
            values = properties[name][inputs]
            values = values[~np.isnan(values)]
            row[name] = float(np.median(values)) if len(values) else math.nan
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS["communities"]))


ANALYSES = (
    Analysis(
        name="connectivity",
        version=1,
        scope="model",
        summary="factors and communities of the connections of the first convolution, with colour and frequency",
        run=run,
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
