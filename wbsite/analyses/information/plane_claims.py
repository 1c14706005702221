"""What claims about the information plane are decided by: intervals over a study's trainings.

The claims themselves, with their thresholds, are in `wbsite.claims.information`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.ops.information.shared_compression import shared_compression
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.plane_claims import PlaneClaims
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.stats.intervals import t_interval
from wbsite.stats.rank_correlation import rank_correlation

from ._runs import of_living

DRAWS, SEED = 2000, 0
"""Of the bootstrap and the permutations of the rank correlation."""

Row = dict[str, Any]


def run(context: StudyContext) -> PlaneClaims:
    """Every configuration by every estimator.

    An interval is Student's, of 95 %, over the seeds whose runs lived to the end, in both configurations where two are
    compared. A mean without an interval is one of fewer than two seeds, or of values that are not finite.
    """
    tokens = context.study.estimators
    measured = Measured(context.need(Trajectories), context.need(InformationPlane))
    rows = [row for configuration in measured.configurations for row in measured.rows(configuration, tokens)]
    links = [measured.link(configuration, token) for token in tokens for configuration in measured.configurations]
    return PlaneClaims(
        default=tokens[0],
        rows=pd.DataFrame(rows, columns=list(PlaneClaims.fields["rows"].columns)),
        links=pd.DataFrame(links, columns=list(PlaneClaims.fields["links"].columns)),
    )


class Measured:
    """What claims are about, by configuration, estimator, layer and seed, of runs that lived."""

    def __init__(self, trajectories: Trajectories, plane: InformationPlane) -> None:
        self.configurations = trajectories.configurations
        self._runs = of_living(trajectories.runs, trajectories).set_index(["configuration", "seed"])
        self._final = plane.final
        rows = of_living(plane.rows, trajectories).sort_values("epoch", kind="stable")
        self._courses = dict(iter(rows.groupby(["configuration", "estimator", "layer"], sort=False)))

    def rows(self, configuration: ConfigurationRecord, tokens: tuple[str, ...]) -> Iterator[Row]:
        """All rows of one configuration."""
        free = self._unconstrained(configuration)
        about = {"configuration": configuration.name, "against": ""}
        paired = {"configuration": configuration.name, "against": free.name if free else ""}
        for token in tokens:
            for layer in configuration.layers:
                course = self._course(configuration.name, token, layer, "i_xt").to_numpy()
                compression = shared_compression(course) if course.size else np.empty(0)
                yield {"quantity": "compression", "estimator": token, **about, "layer": layer, **_mean(compression)}
            for layer, lower in self._label_information(configuration, free, token).items() if free else ():
                yield {"quantity": "ty", "estimator": token, **paired, "layer": layer, **_mean(lower)}
        accuracies = self._accuracies(configuration.name)
        gap = accuracies["train_accuracy"] - accuracies["test_accuracy"]
        yield {"quantity": "gap", "estimator": "", **about, "layer": "", **_mean(gap.to_numpy())}
        if free:
            loss = self._accuracies(free.name)["test_accuracy"] - accuracies["test_accuracy"]
            yield {"quantity": "loss", "estimator": "", **paired, "layer": "", **_mean(loss.dropna().to_numpy())}

    def link(self, configuration: ConfigurationRecord, token: str) -> Row:
        """Spearman's ρ over seeds of compression (largest I(X;T) minus last, mean over the hidden layers) with final
        test accuracy; NaN for fewer than 6 seeds, or where one does not vary."""
        final = self._final[
            (self._final["configuration"] == configuration.name)
            & (self._final["estimator"] == token)
            & self._final["layer"].isin(configuration.layers[:-1])
        ]
        compression = final.groupby("seed")["compression"].mean()
        accuracy = self._accuracies(configuration.name)["test_accuracy"].reindex(compression.index)
        link = rank_correlation(compression.to_numpy(), accuracy.to_numpy(), draws=DRAWS, seed=SEED)
        numbers = {"rho": link.rho, "low": link.low, "high": link.high, "p": link.p, "seeds": link.units}
        return {"configuration": configuration.name, "estimator": token, **numbers}

    def _unconstrained(self, configuration: ConfigurationRecord) -> ConfigurationRecord | None:
        """The configuration that differs from this one in having no limit on its weights, or None."""
        if configuration.max_norm is None:
            return None
        names = {"name": "", "title": "", "max_norm": None}
        wanted = configuration.model_copy(update=names)
        return next((each for each in self.configurations if each.max_norm is None
                     and each.model_copy(update=names) == wanted), None)  # fmt: skip

    def _label_information(
        self, configuration: ConfigurationRecord, free: ConfigurationRecord, token: str
    ) -> dict[str, np.ndarray]:
        """Hidden layer → highest I(T;Y) of the unconstrained network minus that of this one, in bits, (pairs,); under
        "mean" their mean over the layers."""
        layers = {}
        for layer in configuration.layers[:-1]:
            highest, lower = (
                self._course(each.name, token, layer, "i_ty").max(axis=1) for each in (free, configuration)
            )
            layers[layer] = (highest - lower).dropna()
        together = pd.DataFrame(layers)
        columns = {layer: together[layer].to_numpy() for layer in layers}
        return {**columns, "mean": together.mean(axis=1).to_numpy()}

    def _course(self, name: str, token: str, layer: str, column: str) -> pd.DataFrame:
        """(seeds, records)."""
        table = self._courses.get((name, token, layer))
        return pd.DataFrame() if table is None else table.pivot(index="seed", columns="epoch", values=column)

    def _accuracies(self, name: str) -> pd.DataFrame:
        """Accuracies at the end by seed."""
        return self._runs[self._runs.index.get_level_values(0) == name].droplevel(0)


def _mean(values: np.ndarray) -> Row:
    """Mean with interval, and how many values; NaN where one is not finite."""
    interval = t_interval(values) if np.isfinite(values).all() else t_interval([])
    return {**interval._asdict(), "seeds": len(values)}


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=PlaneClaims,
        needs=("trajectories", "information_plane"),
        inputs=("estimators",),
    ),
)
