"""Gradients on photographs, bounds of them and their typical cases, for units that expanded weights misread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, Entry
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.gradient_bounds import GradientBounds, gradient_bounds
from wbsite.ops.expanded.gradient_nmf import gradient_nmf
from wbsite.ops.expanded.photograph_gradients import photograph_gradients
from wbsite.ops.expanded.weights import Paths, expanded_weights, path_products

ROUNDING = 1e-5
"""Share of the sum of absolute path products that float32 may take from an entry before it counts as out of bounds."""

SHOWN = 4
"""Sources of a unit that are drawn."""

ROW_COLUMNS = [
    *("example", "layer", "unit", "channel", "source_layer", "source_unit", "photograph", "activation"),
    *("excitation", "inhibition", "case"),
]
SOURCE_COLUMNS = [
    *("example", "layer", "unit", "kind", "source", "channel", "source_layer", "source_unit", "expanded_positive"),
    *("expanded_negative", "best_positive", "best_negative", "paths_positive", "paths_negative", "agreement"),
    *("entries", "outside_best", "outside_paths", "largest_of_best"),
]
CASE_COLUMNS = ["example", "layer", "unit", "cases", "explained", "beyond_mean"]


@dataclass(frozen=True)
class _Example:
    """A unit that is looked at.

    Attributes:
        kind: "cancelling", one of those with the highest score, or "ordinary", of the first one's layer with the
            median score, for comparison.
        sources: channel, source_layer and source_unit of its strongest sources, those that are drawn first.
    """

    kind: str
    layer: str
    unit: int
    source: str
    hidden: float
    sources: pd.DataFrame

    @property
    def channels(self) -> list[int]:
        return self.sources["channel"].tolist()


def run(context: Context) -> Contents:
    """For the units that `cancellation` shows, and an ordinary one: ∂ pre-activation / ∂ the earlier map, as it was.

    On every photograph the gradient is taken where the unit responds most strongly, to its strongest sources. Beside
    it: expanded weights; the sums of path products with open gates and the best case, which bound it; and its factors
    over photographs, the typical cases. For these and for means, the gradients of a unit are scaled to the same size on
    every photograph. Agreement of a source is ‖mean gradient‖² / mean ‖gradient‖²: 1 if it is the same on every
    photograph, 1 / photographs if they have nothing in common.

    Values: photographs, shown (number of them), examples with share of each typical case and how many photographs have
    most of it; skipped with the reason. Arrays, of example N: expanded_N, mean_N, upper_N, lower_N (sources, kh,
    kw), cases_N (cases, sources, kh, kw). Tables: rows, one an example, source and photograph, with excitation and
    inhibition summed over positions; sources, one an example and source, with the sums of everything it is compared
    with and how many entries lie outside the bounds; cases, explained variance by number of cases.
    """
    recorded, params, photographs = Recorded.of(context.model).on(context.device), context.params, context.photographs()
    shown = torch.linspace(0, photographs.count - 1, min(params["photographs"], photographs.count)).round().long()
    inputs = photographs.inputs[shown.to(photographs.inputs.device)].to(recorded.like)
    examples = list(_examples(context.needs["cancellation"], params["units"]))
    skipped: list[dict[str, Any]] = []
    rows, sources, cases = [], [], []
    told: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    context.progress.step("gradients on photographs", len(examples))
    for example in examples:
        try:
            found = _Measured.of(recorded, example, inputs, params["cases"])
        except WbsiteError as error:
            skipped.append({"layer": example.layer, "unit": example.unit, "reason": error.message})
            continue
        finally:
            context.progress.advance()
        number = len(told)
        rows.append(found.rows(shown).assign(example=number)[ROW_COLUMNS])
        sources.append(found.sources().assign(example=number)[SOURCE_COLUMNS])
        cases.append(found.cases().assign(example=number)[CASE_COLUMNS])
        arrays |= {f"{name}_{number}": value.cpu().numpy() for name, value in found.kernels().items()}
        told.append(found.said())
    return Contents(
        values={"photographs": photographs.about, "shown": len(inputs), "examples": told, "skipped": skipped},
        arrays=arrays,
        tables={
            name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
            for name, parts, columns in (
                ("rows", rows, ROW_COLUMNS),
                ("sources", sources, SOURCE_COLUMNS),
                ("cases", cases, CASE_COLUMNS),
            )
        },
    )


def _examples(cancellation: Entry, count: int) -> Iterator[_Example]:
    """The units of highest score, then the one of the first one's layer whose score is the median."""
    pairs, units = cancellation.table("rows"), cancellation.table("units")
    shown = cancellation.values["shown"][:count]
    for unit in shown:
        yield _example("cancelling", unit, pairs)
    if shown:
        of = units[units["layer"] == shown[0]["layer"]].sort_values("hidden", kind="stable")
        yield _example("ordinary", of.iloc[len(of) // 2].to_dict(), pairs)


def _example(kind: str, unit: Mapping[str, Any], pairs: pd.DataFrame) -> _Example:
    """Its sources in the order of what is hidden of them: strength² − net², which is strength²·(1 − coherence²)."""
    of = pairs[(pairs["layer"] == unit["layer"]) & (pairs["unit"] == unit["unit"])]
    hidden = of["strength"] ** 2 * (1 - of["coherence"] ** 2)
    order = of.assign(lost=hidden).sort_values("lost", ascending=False, kind="stable")
    columns = ["channel", "source_layer", "source_unit"]
    return _Example(
        kind, str(unit["layer"]), int(unit["unit"]), str(unit["source"]), float(unit["hidden"]), order[columns]
    )


@dataclass(frozen=True)
class _Measured:
    """What was measured of an example.

    Attributes:
        gradients: (photographs, channels, kh, kw), to all its sources.
        alike: the same, scaled to one size on every photograph.
        expanded, paths, best: of the sources that are drawn.
        factors: the typical cases of `alike`.
    """

    example: _Example
    gradients: torch.Tensor
    alike: torch.Tensor
    activations: torch.Tensor
    expanded: torch.Tensor
    paths: Paths
    best: GradientBounds
    factors: Any

    @classmethod
    def of(cls, recorded: Recorded, example: _Example, inputs: torch.Tensor, cases: int) -> _Measured:
        between = (recorded, example.source, example.layer)
        unit, channels = [example.unit], example.channels
        drawn = channels[:SHOWN]
        found = photograph_gradients(*between, inputs, unit, channels, position="strongest")
        every = path_products(*between, unit, pools="gates")
        alike = _alike(found.gradients[0])
        return cls(
            example,
            found.gradients[0],
            alike,
            found.activations[0],
            expanded_weights(*between, unit)[0, drawn],
            Paths(every.positive[:, drawn], every.negative[:, drawn]),
            gradient_bounds(*between, unit, drawn),
            gradient_nmf(alike, cases),
        )

    @property
    def drawn(self) -> torch.Tensor:
        """Gradients to the sources that are drawn."""
        return self.gradients[:, :SHOWN]

    def kernels(self) -> dict[str, torch.Tensor]:
        return {
            "expanded": self.expanded,
            "mean": self.alike[:, :SHOWN].mean(0),
            "upper": self.best.upper[0],
            "lower": self.best.lower[0],
            "cases": self.factors.patterns[:, :SHOWN],
        }

    def said(self) -> dict[str, Any]:
        """What the values say of it."""
        count = torch.bincount(self.factors.strongest, minlength=len(self.factors.share))
        return {
            **{name: getattr(self.example, name) for name in ("kind", "layer", "unit", "source", "hidden")},
            "sources": self.example.sources.head(SHOWN).to_dict("records"),
            "factored": len(self.example.channels),
            "active": int((self.activations > 0).sum()),
            "cases": [
                {"share": float(share), "photographs": int(n)}
                for share, n in zip(self.factors.share, count, strict=True)
            ],
        }

    def rows(self, shown: torch.Tensor) -> pd.DataFrame:
        excitation, inhibition = (
            part.sum((2, 3)).flatten().cpu() for part in (self.drawn.clamp_min(0), self.drawn.clamp_max(0))
        )
        names, count = self.example.sources.head(SHOWN), len(shown)
        repeated = pd.concat([names] * count, ignore_index=True)
        per = len(names)
        return repeated.assign(
            layer=self.example.layer,
            unit=self.example.unit,
            photograph=np.repeat(shown.numpy(), per),
            activation=np.repeat(self.activations.cpu().numpy(), per),
            excitation=excitation.numpy(),
            inhibition=inhibition.numpy(),
            case=np.repeat(self.factors.strongest.numpy(), per),
        )

    def sources(self) -> pd.DataFrame:
        """One row a source that is drawn."""
        gradients, best, paths, alike = self.drawn, self.best, self.paths, self.alike[:, :SHOWN]
        slack = ROUNDING * paths.magnitude
        mean = alike.mean(0).square().sum((1, 2)) / alike.square().sum((2, 3)).mean(0).clamp_min(1e-30)
        of_best = torch.maximum(
            gradients / best.upper.clamp_min(1e-30), gradients / best.lower.clamp_max(-1e-30)
        ).flatten(2)
        sums = {
            "expanded_positive": self.expanded.clamp_min(0),
            "expanded_negative": self.expanded.clamp_max(0),
            "best_positive": best.upper[0].clamp_min(0),
            "best_negative": best.lower[0].clamp_max(0),
            "paths_positive": paths.positive[0],
            "paths_negative": paths.negative[0],
        }
        names = self.example.sources.head(SHOWN).reset_index(drop=True)
        return names.assign(
            layer=self.example.layer,
            unit=self.example.unit,
            kind=self.example.kind,
            source=self.example.source,
            **{name: kernel.sum((1, 2)).cpu().numpy() for name, kernel in sums.items()},
            agreement=mean.cpu().numpy(),
            entries=gradients[:, 0].numel(),
            outside_best=_outside(gradients, best.lower, best.upper, slack),
            outside_paths=_outside(gradients, paths.negative, paths.positive, slack),
            largest_of_best=of_best.amax((0, 2)).cpu().numpy(),
        )

    def cases(self) -> pd.DataFrame:
        explained, beyond = self.factors.explained.tolist(), self.factors.beyond_mean.tolist()
        about = {"layer": self.example.layer, "unit": self.example.unit}
        return pd.DataFrame(
            [
                {**about, "cases": i + 1, "explained": one, "beyond_mean": other}
                for i, (one, other) in enumerate(zip(explained, beyond, strict=True))
            ]
        )


def _alike(gradients: torch.Tensor) -> torch.Tensor:
    """Gradients of the median size on every photograph.

    Faint photographs would outweigh all others where responses are normalised: their gradients are many times larger.
    """
    size = gradients.flatten(1).norm(dim=1)
    some = size[size > 0]
    scale = some.median() / size if len(some) else size
    return gradients * torch.where(size > 0, scale, 0)[:, None, None, None]


def _outside(gradients: torch.Tensor, low: torch.Tensor, high: torch.Tensor, slack: torch.Tensor) -> Sequence[int]:
    """Entries of each source outside its bounds."""
    out = (gradients < low - slack) | (gradients > high + slack)
    return out.sum((0, 2, 3)).tolist()


ANALYSES = (
    Analysis(
        name="gradients",
        version=1,
        scope="model",
        summary="gradients on photographs, their bounds and typical cases, of units whose paths cancel",
        run=run,
        params={
            "quick": {"units": 3, "photographs": 48, "cases": 3},
            "full": {"units": 8, "photographs": 200, "cases": 3},
        },
        needs=("cancellation",),
        photographs=True,
    ),
)
