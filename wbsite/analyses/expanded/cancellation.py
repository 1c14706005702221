"""Units whose expanded weights hide what they read: the same earlier unit excites and inhibits them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_origin import ChannelOrigin, channel_origins, unit_of
from wbsite.graph.dominators import Route, routes
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.cancellation import NULLS, RouteCancellation, null_p_and_q, route_cancellation
from wbsite.ops.expanded.weights import Path
from wbsite.results.expanded.cancellation import Cancellation, SkippedLayer, UnitScore

from ._cancellation_examples import CancellationExamples

LEVEL = 0.2
"""False discovery rate up to which a unit counts as hiding more than chance."""


def run(context: Context) -> Cancellation:
    """Cancelling paths between every spatial convolution and the wide map two steps back.

    Of every unit the `strongest` sources are looked at, by the size of their paths. A unit's score is `hidden`: the
    share of their squared size that the expanded weights do not show. p and q compare it with the units of the same
    layer under each null; q is the false discovery rate within the layer, not corrected for the number of layers.
    Units count at q ≤ 0.2 against shuffled kernels; how many of them are, at the same rate, beyond what random signs
    give is counted beside it. Examples are in order of q against shuffled kernels, then of the larger of both p.
    """
    recorded, params = Recorded.of(context.model).on(context.device), context.params
    spatial = [layer.name for layer in context.layers.convs if layer.spatial]
    ways = routes(recorded, spatial, context.layers.names)
    skipped = [
        SkippedLayer(layer=name, reason="there are no two wide maps before it") for name in spatial if name not in ways
    ]
    layers: list[_Layer] = []
    context.progress.step("cancelling paths", len(ways))
    for number, route in enumerate(ways.values()):
        try:
            _affordable(recorded, route, params["largest"])
            seed = params["seed"] * 1_000_003 + number
            draws = _draws(recorded, route, params)
            layers.append(_Layer.of(recorded, route_cancellation(recorded, route, params["strongest"], draws, seed)))
        except WbsiteError as error:
            skipped.append(SkippedLayer(layer=route.target, reason=error.message))
        context.progress.advance()
    units = _concat([layer.units() for layer in layers], "per_unit")
    examples = _examples(units, params["shown"])
    kernels, by_layer = CancellationExamples(recorded), {layer.route.target: layer.cancelling for layer in layers}
    for example in examples:
        kernels.add(by_layer[example.layer], example.unit)
    beyond = units["q_shuffle"] <= LEVEL
    return Cancellation(
        strongest=params["strongest"],
        null_units=params["null_units"],
        draws=params["draws"],
        seed=params["seed"],
        largest=params["largest"],
        level=LEVEL,
        layers=len(layers),
        units=len(units),
        beyond_shuffle=int(beyond.sum()),
        beyond_signs=int((beyond & (units["q_signs"] <= LEVEL)).sum()),
        examples=examples,
        wanted=kernels.wanted,
        skipped=skipped,
        positive=kernels.kernels["positive"],
        negative=kernels.kernels["negative"],
        net=kernels.kernels["net"],
        contributions=kernels.kernels["contributions"],
        rows=_concat([layer.pairs() for layer in layers], "rows"),
        per_layer=_concat([pd.DataFrame([layer.summary()]) for layer in layers], "per_layer"),
        per_unit=units,
        sources=pd.DataFrame(kernels.sources, columns=_columns("sources")),
        through=pd.DataFrame(kernels.through, columns=_columns("through")),
    )


ENDS = (0.05, 0.95)
"""Quantiles between which 90 % of the coherences of a layer, or of a null, lie."""


def _affordable(recorded: Recorded, route: Route, largest: int) -> None:
    """Refuses a route with more expanded weights than the profile computes."""
    path = Path.between(recorded, route.source, route.target)
    count = len(path.units(None)) * path.source_shape[0] * path.kernel[0] * path.kernel[1]
    if count > largest:
        raise WbsiteError(f"its {count:,} expanded weights are more than the {largest:,} of this profile")


def _draws(recorded: Recorded, route: Route, params: Mapping[str, Any]) -> int:
    """As many as give so many units under each null: small layers need more of them to tell a rare score."""
    units = recorded.tape.shapes[recorded.tape.pre_activation(route.target)][1]
    return min(params["draws"], max(2, -(-params["null_units"] // units)))


def _examples(units: pd.DataFrame, count: int) -> list[UnitScore]:
    """Those least likely by chance."""
    worst = units[[f"p_{null}" for null in NULLS]].max(axis=1)
    order = units.assign(p=worst).sort_values(
        ["q_shuffle", "p", "hidden"], ascending=[True, True, False], kind="stable"
    )
    return [UnitScore(**row) for row in units.loc[order.index[:count]].to_dict("records")]


def _columns(table: str) -> list[str]:
    return list(Cancellation.fields[table].columns)


def _concat(parts: Sequence[pd.DataFrame], table: str) -> pd.DataFrame:
    """Rows of all layers, with the table's columns in order."""
    return pd.concat(parts, ignore_index=True)[_columns(table)] if parts else pd.DataFrame(columns=_columns(table))


@dataclass(frozen=True)
class _Layer:
    """What was measured of one layer; every tensor on the CPU.

    Attributes:
        p, q: null → (units,), of the units' hidden share.
        pair_p: null → (units, strongest), how often a pair's coherence is as small by chance.
        origin: what the source's channels are.
    """

    route: Route
    cancelling: RouteCancellation
    p: Mapping[str, torch.Tensor]
    q: Mapping[str, torch.Tensor]
    pair_p: Mapping[str, torch.Tensor]
    origin: tuple[ChannelOrigin, ...]

    @classmethod
    def of(cls, recorded: Recorded, cancelling: RouteCancellation) -> _Layer:
        hidden, small = cancelling.pairs.hidden.cpu(), -cancelling.pairs.coherence.cpu()
        p, q, pair_p = {}, {}, {}
        for null, draws in cancelling.nulls.items():
            p[null], q[null] = null_p_and_q(hidden, torch.cat([pairs.hidden for pairs in draws]).cpu())
            flat, _ = null_p_and_q(small.flatten(), -torch.cat([pairs.coherence.flatten() for pairs in draws]).cpu())
            pair_p[null] = flat.reshape(small.shape)
        origin = channel_origins(recorded.tape)[recorded.tape.activation(cancelling.route.source)]
        return cls(cancelling.route, cancelling, p, q, pair_p, origin)

    def units(self) -> pd.DataFrame:
        hidden = self.cancelling.pairs.hidden.cpu()
        about: dict[str, Any] = {"layer": self.route.target, "unit": range(len(hidden)), "source": self.route.source}
        about |= {"between": self.route.between, "hidden": hidden}
        about |= {f"p_{null}": self.p[null] for null in NULLS} | {f"q_{null}": self.q[null] for null in NULLS}
        return pd.DataFrame(about)

    def pairs(self) -> pd.DataFrame:
        """One row a unit and strong source."""
        cancelling, pairs = self.cancelling, self.cancelling.pairs
        count, strong = pairs.channel.shape
        channels = pairs.channel.flatten().tolist()
        sources = [unit_of(self.origin, channel) for channel in channels]
        sums = {name: getattr(cancelling, name).gather(1, pairs.channel) for name in ("positive", "negative", "net")}
        sums |= {"cancellation": cancelling.cancellation.gather(1, pairs.channel)}
        sums |= {"strength": pairs.strength, "coherence": pairs.coherence}
        sums |= {f"p_{null}": self.pair_p[null] for null in NULLS}
        return pd.DataFrame(
            {
                "layer": self.route.target,
                "unit": np.repeat(np.arange(count), strong),
                "source": self.route.source,
                "channel": channels,
                "source_layer": [layer for layer, _ in sources],
                "source_unit": [unit for _, unit in sources],
                "rank": np.tile(np.arange(1, strong + 1), count),
                **{name: sum_.flatten().cpu().numpy() for name, sum_ in sums.items()},
            }
        )

    def summary(self) -> dict[str, Any]:
        """One row: medians and quantiles over strong pairs; how many cancel as the lowest 5 % of a null do."""
        pairs, q = self.cancelling.pairs, self.q
        beyond = q["shuffle"] <= LEVEL
        row: dict[str, Any] = {
            "layer": self.route.target,
            "source": self.route.source,
            "between": self.route.between,
            "units": len(pairs.channel),
            "pairs": pairs.channel.numel(),
            "draws": len(self.cancelling.nulls["signs"]),
            **dict(zip(("coherence", "low", "high"), _quantiles(pairs.coherence), strict=True)),
            "cancellation": float(self.cancelling.cancellation.gather(1, pairs.channel).median()),
            "found": int(beyond.sum()),
            "found_signs": int((beyond & (q["signs"] <= LEVEL)).sum()),
        }
        for null, draws in self.cancelling.nulls.items():
            spread = _quantiles(torch.cat([draw.coherence for draw in draws]))
            row |= dict(zip((null, f"{null}_low", f"{null}_high"), spread, strict=True))
            row[f"cancelling_{null}"] = float((self.pair_p[null] <= ENDS[0]).double().mean())
        return row


def _quantiles(values: torch.Tensor) -> list[float]:
    """Median, and the ends of the middle 90 %."""
    return np.quantile(values.flatten().cpu().numpy(), [0.5, *ENDS]).tolist()


ANALYSES = (
    Analysis(
        name="cancellation",
        scope="model",
        summary="units that the same earlier unit excites and inhibits, which expanded weights hide",
        run=run,
        result=Cancellation,
        params={
            "quick": {"strongest": 10, "null_units": 400, "draws": 6, "seed": 0, "largest": 30_000_000, "shown": 4},
            "full": {"strongest": 10, "null_units": 5000, "draws": 100, "seed": 0, "largest": 10**10, "shown": 12},
        },
    ),
)
