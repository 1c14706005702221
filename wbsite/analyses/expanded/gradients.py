"""Gradients on photographs, bounds of them and their typical cases, for units that expanded weights misread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.featurevis.image_model import agreement
from wbsite.graph.agreement import Agreement
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.gradient_bounds import GradientBounds, gradient_bounds
from wbsite.ops.expanded.gradient_nmf import GradientNMF, gradient_nmf
from wbsite.ops.expanded.photograph_gradients import photograph_gradients
from wbsite.ops.expanded.weights import Path, Paths, expanded_weights, path_products
from wbsite.results.expanded.cancellation import Cancellation, UnitScore
from wbsite.results.expanded.gradients import GradientExample, Gradients, SkippedUnit, Source, TypicalCase
from wbsite.results.photographs import PhotographSet

ROUNDING = 1e-5
"""Share of the sum of absolute path products that float32 may take from an entry before it counts as out of bounds."""

DRAWN = 4
"""Sources of a unit that are drawn."""


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


def run(context: Context) -> Gradients:
    """For the units that `cancellation` shows, and an ordinary one: ∂ pre-activation / ∂ the earlier map, as it was.

    On every photograph the gradient is taken where the unit responds most strongly, to its strongest sources. Beside
    it: expanded weights; the sums of path products with open gates and the bounds of the gradient; and its factors
    over photographs, the typical cases. For these and for means, the gradients of a unit are scaled to the same size on
    every photograph. Agreement of a source is ‖mean gradient‖² / mean ‖gradient‖²: 1 if it is the same on every
    photograph, 1 / photographs if they have nothing in common.
    """
    recorded, params, photographs = Recorded.of(context.model).on(context.device), context.params, context.photographs()
    numbers = torch.linspace(0, photographs.count - 1, min(params["photographs"], photographs.count)).round().long()
    inputs = photographs.inputs[numbers.to(photographs.inputs.device)].to(recorded.like)
    cancellation = context.need(Cancellation)
    assert cancellation is not None, "it applies to every model"
    examples = list(_examples(cancellation, params["units"]))
    skipped: list[SkippedUnit] = []
    measured: list[_Measured] = []
    agrees = agreement(context.model, context.device)
    context.progress.step("gradients on photographs", len(examples))
    for example in examples:
        try:
            measured.append(_Measured.of(recorded, example, inputs, params["cases"], agrees))
        except WbsiteError as error:
            skipped.append(SkippedUnit(layer=example.layer, unit=example.unit, reason=error.message))
        context.progress.advance()
    kernels = [unit.kernels() for unit in measured]
    by_name = {
        name: {str(number): arrays[name].cpu().numpy() for number, arrays in enumerate(kernels)} for name in KERNELS
    }
    return Gradients(
        photographs=PhotographSet(**photographs.about),
        photographs_used=len(inputs),
        examples=[unit.example_record() for unit in measured],
        skipped=skipped,
        expanded=by_name["expanded"],
        mean=by_name["mean"],
        upper=by_name["upper"],
        lower=by_name["lower"],
        typical=by_name["typical"],
        rows=_numbered("rows", [unit.rows(numbers) for unit in measured]),
        sources=_numbered("sources", [unit.sources() for unit in measured]),
        cases=_numbered("cases", [unit.cases() for unit in measured]),
    )


def _numbered(table: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all examples, with the example's number and the table's columns in order."""
    columns = list(Gradients.fields[table].columns)
    numbered = [part.assign(example=number) for number, part in enumerate(parts)]
    return pd.concat(numbered, ignore_index=True)[columns] if numbered else pd.DataFrame(columns=columns)


def _examples(cancellation: Cancellation, count: int) -> Iterator[_Example]:
    """The units of highest score, then the one of the first one's layer whose score is the median."""
    pairs, units = cancellation.rows, cancellation.per_unit
    examples = cancellation.examples[:count]
    for example in examples:
        yield _example("cancelling", example, pairs)
    if examples:
        layer = units[units["layer"] == examples[0].layer].sort_values("hidden", kind="stable")
        yield _example("ordinary", UnitScore(**layer.to_dict("records")[len(layer) // 2]), pairs)


def _example(kind: str, unit: UnitScore, pairs: pd.DataFrame) -> _Example:
    """Its sources in the order of what is hidden of them: strength² − net², which is strength²·(1 − coherence²)."""
    sources = pairs[(pairs["layer"] == unit.layer) & (pairs["unit"] == unit.unit)]
    hidden = sources["strength"] ** 2 * (1 - sources["coherence"] ** 2)
    order = sources.assign(lost=hidden).sort_values("lost", ascending=False, kind="stable")
    columns = ["channel", "source_layer", "source_unit"]
    return _Example(kind, unit.layer, unit.unit, unit.source, unit.hidden, order[columns])


KERNELS = ("expanded", "mean", "upper", "lower", "typical")


@dataclass(frozen=True)
class _Measured:
    """What was measured of an example.

    Attributes:
        gradients: (photographs, channels, kh, kw), to all its sources.
        alike: the same, scaled to one size on every photograph.
        expanded, paths, bounds: of the sources that are drawn.
        typical: the typical cases of `alike`.
    """

    example: _Example
    gradients: torch.Tensor
    alike: torch.Tensor
    activations: torch.Tensor
    expanded: torch.Tensor
    paths: Paths
    bounds: GradientBounds
    typical: GradientNMF

    @classmethod
    def of(
        cls, recorded: Recorded, example: _Example, inputs: torch.Tensor, cases: int, agrees: Agreement
    ) -> _Measured:
        between = (recorded, example.source, example.layer)
        path = Path.between(*between)
        alone = agrees.check((path.start, path.end))
        unit, channels = [example.unit], example.channels
        drawn = channels[:DRAWN]
        measured = photograph_gradients(*between, inputs, unit, channels, position="strongest", alone=alone)
        products = path_products(*between, unit, pools="gates")
        alike = _alike(measured.gradients[0])
        return cls(
            example,
            measured.gradients[0],
            alike,
            measured.activations[0],
            expanded_weights(*between, unit)[0, drawn],
            Paths(products.positive[:, drawn], products.negative[:, drawn]),
            gradient_bounds(*between, unit, drawn),
            gradient_nmf(alike, cases),
        )

    @property
    def drawn(self) -> torch.Tensor:
        """Gradients to the sources that are drawn."""
        return self.gradients[:, :DRAWN]

    def kernels(self) -> dict[str, torch.Tensor]:
        return {
            "expanded": self.expanded,
            "mean": self.alike[:, :DRAWN].mean(0),
            "upper": self.bounds.upper[0],
            "lower": self.bounds.lower[0],
            "typical": self.typical.patterns[:, :DRAWN],
        }

    def example_record(self) -> GradientExample:
        example, typical = self.example, self.typical
        counts = torch.bincount(typical.strongest, minlength=len(typical.share)).tolist()
        return GradientExample(
            kind=example.kind,
            layer=example.layer,
            unit=example.unit,
            source=example.source,
            hidden=example.hidden,
            sources=[Source(**row) for row in example.sources.head(DRAWN).to_dict("records")],
            factored=len(example.channels),
            active=int((self.activations > 0).sum()),
            cases=[
                TypicalCase(share=share, photographs=count)
                for share, count in zip(typical.share.tolist(), counts, strict=True)
            ],
        )

    def rows(self, photographs: torch.Tensor) -> pd.DataFrame:
        excitation, inhibition = (
            part.sum((2, 3)).flatten().cpu() for part in (self.drawn.clamp_min(0), self.drawn.clamp_max(0))
        )
        names, count = self.example.sources.head(DRAWN), len(photographs)
        repeated = pd.concat([names] * count, ignore_index=True)
        per = len(names)
        return repeated.assign(
            layer=self.example.layer,
            unit=self.example.unit,
            photograph=np.repeat(photographs.numpy(), per),
            activation=np.repeat(self.activations.cpu().numpy(), per),
            excitation=excitation.numpy(),
            inhibition=inhibition.numpy(),
            case=np.repeat(self.typical.strongest.numpy(), per),
        )

    def sources(self) -> pd.DataFrame:
        """One row a source that is drawn."""
        gradients, bounds, paths, alike = self.drawn, self.bounds, self.paths, self.alike[:, :DRAWN]
        slack = ROUNDING * paths.magnitude
        mean = alike.mean(0).square().sum((1, 2)) / alike.square().sum((2, 3)).mean(0).clamp_min(1e-30)
        of_bound = torch.maximum(
            gradients / bounds.upper.clamp_min(1e-30), gradients / bounds.lower.clamp_max(-1e-30)
        ).flatten(2)
        sums = {
            "expanded_positive": self.expanded.clamp_min(0),
            "expanded_negative": self.expanded.clamp_max(0),
            "best_positive": bounds.upper[0].clamp_min(0),
            "best_negative": bounds.lower[0].clamp_max(0),
            "paths_positive": paths.positive[0],
            "paths_negative": paths.negative[0],
        }
        names = self.example.sources.head(DRAWN).reset_index(drop=True)
        return names.assign(
            layer=self.example.layer,
            unit=self.example.unit,
            kind=self.example.kind,
            source=self.example.source,
            **{name: kernel.sum((1, 2)).cpu().numpy() for name, kernel in sums.items()},
            agreement=mean.cpu().numpy(),
            entries=gradients[:, 0].numel(),
            outside_best=_outside(gradients, bounds.lower, bounds.upper, slack),
            outside_paths=_outside(gradients, paths.negative, paths.positive, slack),
            largest_of_best=of_bound.amax((0, 2)).cpu().numpy(),
        )

    def cases(self) -> pd.DataFrame:
        explained, beyond = self.typical.explained.tolist(), self.typical.beyond_mean.tolist()
        about = {"layer": self.example.layer, "unit": self.example.unit}
        return pd.DataFrame(
            [
                {**about, "cases": i + 1, "explained": share, "beyond_mean": share_beyond}
                for i, (share, share_beyond) in enumerate(zip(explained, beyond, strict=True))
            ]
        )


def _alike(gradients: torch.Tensor) -> torch.Tensor:
    """Gradients of the median size on every photograph.

    Faint photographs would outweigh all others where responses are normalised: their gradients are many times larger.
    """
    size = gradients.flatten(1).norm(dim=1)
    nonzero = size[size > 0]
    scale = nonzero.median() / size if len(nonzero) else size
    return gradients * torch.where(size > 0, scale, 0)[:, None, None, None]


def _outside(gradients: torch.Tensor, low: torch.Tensor, high: torch.Tensor, slack: torch.Tensor) -> Sequence[int]:
    """Entries of each source outside its bounds."""
    out = (gradients < low - slack) | (gradients > high + slack)
    return out.sum((0, 2, 3)).tolist()


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=Gradients,
        params={
            "quick": {"units": 3, "photographs": 48, "cases": 3},
            "full": {"units": 8, "photographs": 200, "cases": 3},
        },
        needs=("cancellation",),
        inputs=("photographs",),
    ),
)
