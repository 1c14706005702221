"""What earlier work claimed of compression and weight renormalisation, tested on a study's trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents, Entry
from wbsite.ops.information.plane_claims import (
    ACCURACY,
    CLAIMS,
    COMPRESSES,
    GAP,
    INFORMATION,
    Claim,
    chosen_layers,
    linked,
)
from wbsite.ops.information.shared_compression import shared_compression
from wbsite.stats.intervals import t_interval
from wbsite.stats.rank_correlation import rank_correlation

DRAWS, SEED = 2000, 0
"""Of the bootstrap and the permutations of the rank correlation."""

QUESTION = "compression-accuracy"
"""Name, among the claims, of the question whether compression goes with test accuracy."""

COLUMNS = [
    "claim", "estimator", "configuration", "against", "layer", "mean", "low", "high", "seeds", "above", "holds",
]  # fmt: skip


def run(context: StudyContext) -> Contents:
    """Every claim by every estimator: whether it holds, and the intervals that decide it.

    An interval is Student's, of 95 %, over the seeds whose runs lived to the end, in both configurations where two are
    compared. A quantity is above its threshold where the whole interval is, not above where the whole interval is
    below, and undecided otherwise. A claim holds, does not, or is undecided (None), as it is where a configuration is
    absent or fewer than two seeds lived. No correction is made for the number of claims.
    """
    trained, plane = context.needs["trajectories"], context.needs["information_plane"]
    found = Measured(trained, plane, context.study.estimators)
    evidence = [row for claim in CLAIMS for row in found.of(claim)]
    links = [row for token in context.study.estimators for row in correlated(found, token)]
    rows = pd.DataFrame(evidence, columns=COLUMNS)
    told = {claim.name: _told(claim, found, rows) for claim in CLAIMS}
    told[QUESTION] = _link_told(links, context.study.estimators)
    for each in told.values():
        verdicts = {by["holds"] for by in each["by"].values()}
        each["holds"] = next(iter(each["by"].values()))["holds"]
        each["agree"] = len(verdicts) == 1
    return Contents(
        values={
            "claims": told,
            "thresholds": {"compression": COMPRESSES, "ty": INFORMATION, "loss": ACCURACY, "gap": GAP},
            "default": context.study.estimators[0],
        },
        tables={
            "rows": _storable(rows),
            "layers": _storable(found.layers()),
            "links": pd.DataFrame(links, columns=["configuration", "estimator", "rho", "low", "high", "p", "seeds"]),
        },
    )


class Measured:
    """What the claims are about, by configuration, estimator, layer and seed.

    Args:
        trained: result of `trajectories`.
        plane: result of `information_plane`.
        tokens: the estimators.
    """

    def __init__(self, trained: Entry, plane: Entry, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.configurations: list[Mapping[str, Any]] = trained.values["configurations"]
        runs = trained.table("runs")
        self.runs = runs[runs["died"].isna()].set_index(["configuration", "seed"])
        self.final = plane.table("final")
        rows = plane.table("rows").sort_values("epoch", kind="stable")
        lived = pd.MultiIndex.from_frame(rows[["configuration", "seed"]]).isin(self.runs.index)
        keys = ["configuration", "estimator", "layer"]
        self.rows = dict(iter(rows[lived].groupby(keys, sort=False)))

    def named(self, activation: str, max_norm: float | None) -> Mapping[str, Any] | None:
        """The configuration with these two, and all else like the study's first; None where there is none."""
        apart = {"name", "title", "differs", "activation", "max_norm"}
        rest = [{key: value for key, value in of.items() if key not in apart} for of in self.configurations]
        for of, others in zip(self.configurations, rest, strict=True):
            if of["activation"] == activation and of["max_norm"] == max_norm and others == rest[0]:
                return of
        return None

    def compression(self, name: str, token: str, layer: str) -> np.ndarray:
        """(seeds that lived,) of a layer, in bits."""
        course = self.courses(name, token, layer, "i_xt")
        return shared_compression(course.to_numpy()) if course.size else np.empty(0)

    def courses(self, name: str, token: str, layer: str, column: str) -> pd.DataFrame:
        """(seeds that lived, records)."""
        table = self.rows.get((name, token, layer))
        return pd.DataFrame() if table is None else table.pivot(index="seed", columns="epoch", values=column)

    def layers(self) -> pd.DataFrame:
        """Compression of every layer there is, by the rule of the claims."""
        found = []
        for name, token, layer in self.rows:
            about = {"configuration": name, "estimator": token, "layer": layer}
            found.append({**about, **_judged(self.compression(name, token, layer), COMPRESSES)})
        return pd.DataFrame(
            found, columns=["configuration", "estimator", "layer", "mean", "low", "high", "seeds", "above"]
        )

    def of(self, claim: Claim) -> list[dict[str, Any]]:
        """The rows of evidence; "above" says on which side of the threshold each lies, "holds" what it decides."""
        of, free = self.named(claim.activation, claim.max_norm), self.named(claim.activation, None)
        if of is None or (claim.quantity in ("ty", "loss") and free is None):
            return []
        against = free["name"] if free and claim.quantity in ("ty", "loss") else ""
        about = {"claim": claim.name, "configuration": of["name"], "against": against}
        if claim.quantity in ("loss", "gap"):
            values = self._gap(of["name"]) if claim.quantity == "gap" else self._loss(of["name"], against)
            judged = _judged(values, claim.threshold)
            return [{**about, "estimator": "", "layer": "", **judged, "holds": claim.holds([judged["above"]])}]
        found = []
        for token in self.tokens:
            by_layer = self._by_layer(claim, of, against, token)
            judged = {layer: _judged(values, claim.threshold) for layer, values in by_layer.items()}
            deciding = {"mean": judged["mean"]} if claim.quantity == "ty" else judged
            holds = claim.holds([each["above"] for each in deciding.values()])
            about_these = {**about, "estimator": token, "holds": holds}
            found += [{**about_these, "layer": layer, **each} for layer, each in judged.items()]
        return found

    def _by_layer(self, claim: Claim, of: Mapping[str, Any], against: str, token: str) -> dict[str, np.ndarray]:
        layers = chosen_layers(of["layers"], claim.layers)
        if claim.quantity == "compression":
            return {layer: self.compression(of["name"], token, layer) for layer in layers}
        tops = {}
        for layer in layers:
            one, other = (self.courses(name, token, layer, "i_ty").max(axis=1) for name in (against, of["name"]))
            tops[layer] = (one - other).dropna()
        together = pd.DataFrame(tops)
        return {**{layer: together[layer].to_numpy() for layer in layers}, "mean": together.mean(axis=1).to_numpy()}

    def _gap(self, name: str) -> np.ndarray:
        table = self._lived(name)
        return (table["train_accuracy"] - table["test_accuracy"]).to_numpy()

    def _loss(self, name: str, against: str) -> np.ndarray:
        one, other = (self._lived(each)["test_accuracy"] for each in (against, name))
        return (one - other).dropna().to_numpy()

    def _lived(self, name: str) -> pd.DataFrame:
        return self.runs[self.runs.index.get_level_values(0) == name].droplevel(0)


def correlated(found: Measured, token: str) -> list[dict[str, Any]]:
    """Spearman's ρ over the seeds of each configuration, of compression (largest I(X;T) minus last, mean over the
    hidden layers) with final test accuracy; NaN for fewer than 6 seeds, or where one does not vary."""
    rows = []
    for of in found.configurations:
        hidden = chosen_layers(of["layers"], "hidden")
        table = found.final[
            (found.final["configuration"] == of["name"])
            & (found.final["estimator"] == token)
            & found.final["layer"].isin(hidden)
        ]
        lost = table.groupby("seed")["compression"].mean()
        accuracy = found._lived(of["name"])["test_accuracy"].reindex(lost.index)
        link = rank_correlation(lost.to_numpy(), accuracy.to_numpy(), draws=DRAWS, seed=SEED)
        about = {"configuration": of["name"], "estimator": token, "seeds": link.units}
        rows.append({**about, "rho": link.rho, "low": link.low, "high": link.high, "p": link.p})
    return rows


def _judged(values: np.ndarray, threshold: float) -> dict[str, Any]:
    """Mean and interval, and whether it lies above (True) or below (False) the threshold."""
    interval = t_interval(values) if np.isfinite(values).all() else t_interval([])
    above = True if interval.low > threshold else False if interval.high < threshold else None
    return {**interval._asdict(), "seeds": len(values), "above": above}


def _told(claim: Claim, found: Measured, rows: pd.DataFrame) -> dict[str, Any]:
    """A claim as JSON: by estimator, what it comes to and by which intervals; "" for what no estimator measures."""
    tokens = found.tokens if claim.quantity in ("compression", "ty") else [""]
    of = rows[rows["claim"] == claim.name]
    there = next(of.itertuples(), None)

    def by(token: str) -> dict[str, Any]:
        table = of[of["estimator"] == token].to_dict("records")
        return {
            "holds": table[0]["holds"] if table else None,
            "seeds": min((row["seeds"] for row in table), default=0),
            "layers": {row["layer"]: {**_numbers(row), "above": row["above"]} for row in table},
        }

    return {
        "quantity": claim.quantity,
        "threshold": claim.threshold,
        "at_least": claim.at_least,
        "configuration": there.configuration if there else None,
        "against": (there.against or None) if there else None,
        "by": {token: by(token) for token in tokens},
    }


def _link_told(links: Sequence[Mapping[str, Any]], tokens: Sequence[str]) -> dict[str, Any]:
    def by(token: str) -> dict[str, Any]:
        rows = [row for row in links if row["estimator"] == token]
        return {
            "holds": linked(rows),
            "seeds": min(row["seeds"] for row in rows),
            "configurations": {
                row["configuration"]: {**_numbers(row, ("rho", "low", "high", "p")), "seeds": row["seeds"]}
                for row in rows
            },
        }

    about = {"quantity": "rho", "threshold": 0.0, "at_least": 1, "configuration": None, "against": None}
    return {**about, "by": {token: by(token) for token in tokens}}


def _numbers(row: Mapping[str, Any], names: Sequence[str] = ("mean", "low", "high")) -> dict[str, float | None]:
    return {name: float(row[name]) if row[name] == row[name] else None for name in names}


def _storable(rows: pd.DataFrame) -> pd.DataFrame:
    """True, False and None as 1, 0 and NaN."""
    decided = [name for name in ("above", "holds") if name in rows]
    return rows.assign(**{name: rows[name].map({True: 1.0, False: 0.0}).astype(float) for name in decided})


ANALYSES = (
    Analysis(
        name="plane_claims",
        version=1,
        scope="study",
        summary="What earlier work claimed of compression and weight renormalisation, tested over seeds and estimators",
        run=run,
        needs=("trajectories", "information_plane"),
        estimators=True,
    ),
)
