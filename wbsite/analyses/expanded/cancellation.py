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
from wbsite.core.store import Contents
from wbsite.graph.channel_origin import ChannelOrigin, channel_origins, unit_of
from wbsite.graph.dominators import Route, routes
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.cancellation import NULLS, Cancellation, measure_cancellation, null_p_and_q
from wbsite.ops.expanded.weights import Path

from ._hidden import SOURCE_COLUMNS, THROUGH_COLUMNS, Shown

LEVEL = 0.2
"""False discovery rate up to which a unit counts as found."""


def run(context: Context) -> Contents:
    """Cancelling paths between every spatial convolution and the wide map two steps back (`ops/cancelling.py`).

    Of every unit the `strongest` sources are looked at, by the size of their paths. A unit's score is `hidden`: the
    share of their squared size that the expanded weights do not show. p and q compare it with the units of the same
    layer under each null; q is the false discovery rate within the layer, not corrected for the number of layers. Units
    count as found at q ≤ 0.2 against shuffled kernels; how many of them are, at the same rate, beyond what random
    signs give is counted beside it.

    Values: found, found_signs; layers left out with the reason; shown, the units to be shown, in order of q against
    shuffled kernels, then of the larger of both p; wanted, layer → units that want a picture; settings. Tables: rows,
    one a unit and strong source; summary, one a layer; units, one a unit; sources, one a shown unit and source
    channel; through, one a shown unit, hidden source and unit between. Arrays, of shown unit N: positive_N,
    negative_N, net_N (hidden sources, kh, kw), sums over the units between; through_N (hidden sources, between, kh,
    kw), the contributions C_m.
    """
    recorded, params = Recorded.of(context.model).on(context.device), context.params
    spatial = [layer.name for layer in context.layers.convs if layer.spatial]
    ways = routes(recorded, spatial, context.layers.names)
    skipped = [
        {"layer": name, "reason": "there are no two wide maps before it"} for name in spatial if name not in ways
    ]
    found: list[_Layer] = []
    context.progress.step("cancelling paths", len(ways))
    for number, route in enumerate(ways.values()):
        try:
            _affordable(recorded, route, params["largest"])
            seed = params["seed"] * 1_000_003 + number
            draws = _draws(recorded, route, params)
            found.append(_Layer.of(recorded, measure_cancellation(recorded, route, params["strongest"], draws, seed)))
        except WbsiteError as error:
            skipped.append({"layer": route.target, "reason": error.message})
        context.progress.advance()
    units = _concat([layer.units() for layer in found], UNIT_COLUMNS)
    worst = units[[f"p_{null}" for null in NULLS]].max(axis=1)
    best_first = units.assign(p=worst).sort_values(
        ["q_shuffle", "p", "hidden"], ascending=[True, True, False], kind="stable"
    )
    order = best_first.index
    shown = [dict(units.loc[i]) for i in order[: params["shown"]]]
    drawn, by_layer = Shown(recorded), {layer.route.target: layer.found for layer in found}
    for row in shown:
        drawn.add(by_layer[str(row["layer"])], int(row["unit"]))
    beyond = units["q_shuffle"] <= LEVEL
    return Contents(
        values={
            **{name: params[name] for name in ("strongest", "null_units", "draws", "seed", "largest")},
            "level": LEVEL,
            "layers": len(found),
            "units": len(units),
            "found": int(beyond.sum()),
            "found_signs": int((beyond & (units["q_signs"] <= LEVEL)).sum()),
            "shown": [{name: _plain(row[name]) for name in UNIT_COLUMNS} for row in shown],
            "wanted": drawn.wanted,
            "skipped": skipped,
        },
        arrays=drawn.arrays,
        tables={
            "rows": _concat([layer.pairs() for layer in found], PAIR_COLUMNS),
            "summary": _concat([pd.DataFrame([layer.summary()]) for layer in found], SUMMARY_COLUMNS),
            "units": units,
            "sources": pd.DataFrame(drawn.sources, columns=SOURCE_COLUMNS),
            "through": pd.DataFrame(drawn.through, columns=THROUGH_COLUMNS),
        },
    )


UNIT_COLUMNS = ["layer", "unit", "source", "between", "hidden", "p_signs", "p_shuffle", "q_signs", "q_shuffle"]
PAIR_COLUMNS = [
    *("layer", "unit", "source", "channel", "source_layer", "source_unit", "rank", "positive", "negative", "net"),
    *("cancellation", "strength", "coherence", "p_signs", "p_shuffle"),
]
SUMMARY_COLUMNS = [
    *("layer", "source", "between", "units", "pairs", "draws", "coherence", "low", "high"),
    *(f"{null}{end}" for null in NULLS for end in ("", "_low", "_high")),
    *("cancelling_signs", "cancelling_shuffle", "cancellation", "found", "found_signs"),
]
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


def _concat(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


@dataclass(frozen=True)
class _Layer:
    """What was measured of one layer; every tensor on the CPU.

    Attributes:
        p, q: null → (units,), of the units' hidden share.
        pair_p: null → (units, strongest), how often a pair's coherence is as small by chance.
        before: what the source's channels are.
    """

    route: Route
    found: Cancellation
    p: Mapping[str, torch.Tensor]
    q: Mapping[str, torch.Tensor]
    pair_p: Mapping[str, torch.Tensor]
    before: tuple[ChannelOrigin, ...]

    @classmethod
    def of(cls, recorded: Recorded, found: Cancellation) -> _Layer:
        hidden, small = found.pairs.hidden.cpu(), -found.pairs.coherence.cpu()
        p, q, pair_p = {}, {}, {}
        for null, draws in found.nulls.items():
            p[null], q[null] = null_p_and_q(hidden, torch.cat([pairs.hidden for pairs in draws]).cpu())
            flat, _ = null_p_and_q(small.flatten(), -torch.cat([pairs.coherence.flatten() for pairs in draws]).cpu())
            pair_p[null] = flat.reshape(small.shape)
        before = channel_origins(recorded.tape)[recorded.tape.activation(found.route.source)]
        return cls(found.route, found, p, q, pair_p, before)

    def units(self) -> pd.DataFrame:
        hidden = self.found.pairs.hidden.cpu()
        about: dict[str, Any] = {"layer": self.route.target, "unit": range(len(hidden)), "source": self.route.source}
        about |= {"between": self.route.between, "hidden": hidden}
        about |= {f"p_{null}": self.p[null] for null in NULLS} | {f"q_{null}": self.q[null] for null in NULLS}
        return pd.DataFrame(about)[UNIT_COLUMNS]

    def pairs(self) -> pd.DataFrame:
        """One row a unit and strong source."""
        pairs, found = self.found.pairs, self.found
        count, strong = pairs.channel.shape
        channels = pairs.channel.flatten().tolist()
        of = [unit_of(self.before, channel) for channel in channels]
        sums = {name: getattr(found, name).gather(1, pairs.channel) for name in ("positive", "negative", "net")}
        sums |= {"cancellation": found.cancellation.gather(1, pairs.channel)}
        sums |= {"strength": pairs.strength, "coherence": pairs.coherence}
        sums |= {f"p_{null}": self.pair_p[null] for null in NULLS}
        return pd.DataFrame(
            {
                "layer": self.route.target,
                "unit": np.repeat(np.arange(count), strong),
                "source": self.route.source,
                "channel": channels,
                "source_layer": [layer for layer, _ in of],
                "source_unit": [unit for _, unit in of],
                "rank": np.tile(np.arange(1, strong + 1), count),
                **{name: value.flatten().cpu().numpy() for name, value in sums.items()},
            }
        )[PAIR_COLUMNS]

    def summary(self) -> dict[str, Any]:
        """One row: medians and quantiles over strong pairs; how many cancel as the lowest 5 % of a null do."""
        pairs, q = self.found.pairs, self.q
        spread = _quantiles(pairs.coherence)
        row: dict[str, Any] = dict(zip(("coherence", "low", "high"), spread, strict=True))
        for null, draws in self.found.nulls.items():
            spread = _quantiles(torch.cat([draw.coherence for draw in draws]))
            row |= dict(zip((null, f"{null}_low", f"{null}_high"), spread, strict=True))
            row[f"cancelling_{null}"] = float((self.pair_p[null] <= ENDS[0]).double().mean())
        beyond = q["shuffle"] <= LEVEL
        row |= {
            "layer": self.route.target,
            "source": self.route.source,
            "between": self.route.between,
            "units": len(pairs.channel),
            "pairs": pairs.channel.numel(),
            "draws": len(self.found.nulls["signs"]),
            "cancellation": float(self.found.cancellation.gather(1, pairs.channel).median()),
            "found": int(beyond.sum()),
            "found_signs": int((beyond & (q["signs"] <= LEVEL)).sum()),
        }
        return {name: row[name] for name in SUMMARY_COLUMNS}


def _quantiles(values: torch.Tensor) -> list[float]:
    """Median, and the ends of the middle 90 %."""
    return np.quantile(values.flatten().cpu().numpy(), [0.5, *ENDS]).tolist()


ANALYSES = (
    Analysis(
        name="cancellation",
        version=1,
        scope="model",
        summary="units that the same earlier unit excites and inhibits, which expanded weights hide",
        run=run,
        params={
            "quick": {"strongest": 10, "null_units": 400, "draws": 6, "seed": 0, "largest": 30_000_000, "shown": 4},
            "full": {"strongest": 10, "null_units": 5000, "draws": 100, "seed": 0, "largest": 10**10, "shown": 12},
        },
    ),
)
