"""Claims about intervals over a study's trainings: of which network and layers, against which threshold.

The claims of the deep-bottleneck project's notebook "Effect of weight renormalization on activity patterns" are of this
kind. It shows one run of each network, and mentions a look at several; thresholds were fixed before anything was
computed by them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim, Meaning
from wbsite.claims.effect import Effect, estimated
from wbsite.core.naming import STUDY
from wbsite.results.information.plane_claims import PlaneClaims
from wbsite.results.information.trajectories import ConfigurationRecord, Trajectories
from wbsite.results.site import Gap, Site

from ._study import read

if TYPE_CHECKING:
    import pandas as pd

NOTEBOOK = "deepbottleneck2018"
"""Source of these claims."""

ABSENT = "absent"
"""Verdict where the study has no such network."""

MEANING: Mapping[str, Meaning] = {ABSENT: (NOTHING, "the study does not have the network")}

FREE = "section on max_weight_norm 0.8, text on the networks without weight regularisation"
HELD = "section on max_weight_norm 0.8, text on the networks with it"
HELD_MORE = "section on max_weight_norm 0.4"
"""Places in the notebook."""

COMPRESSES = 0.1
"""Bits that a layer loses in all trainings alike, from which on it compresses: less than 1 % of the 12 bits that a
plane of 4096 samples is wide, and no more than the eye can tell in it."""

INFORMATION = 0.01
"""Bits of I(T;Y) from which on a difference counts: 1 % of what a binary label holds."""

ACCURACY = 0.01
"""Difference of test accuracy from which on it counts, one sample in a hundred."""

GAP = 0.02
"""Training minus test accuracy from which on a network overfits. All seeds share one split, so their interval leaves
out how hard its test samples happen to be: about 0.01, one standard error for some 820 samples at 0.9."""

Quantity = Literal["compression", "ty", "loss", "gap", "rho"]
Layers = Literal["last hidden", "earlier hidden", "hidden", "output"]

LAYERS: Mapping[str, tuple[str, bool]] = {
    "last hidden": ("the last hidden layer", False),
    "earlier hidden": ("the hidden layers before the last", True),
    "hidden": ("the hidden layers", True),
    "output": ("the output", False),
}
"""Layers that a claim looks at → in words, and whether these may be several."""

QUANTITIES: Mapping[str, str] = {
    "compression": "I(X;T) of a run at the epoch at which the mean of the other runs is largest, minus its own last",
    "ty": "The highest I(T;Y) of the unconstrained network minus that of this one, paired by seed, mean over the"
    " hidden layers",
    "loss": "Test accuracy of the unconstrained network minus that of this one, paired by seed",
    "gap": "Training minus test accuracy at the end",
    "rho": "Spearman's ρ over runs of compression with test accuracy",
}


SHORT: Mapping[str, tuple[str, str]] = {
    "compression": ("compression of {layer}", "bits"),
    "ty": ("loss of I(T;Y), mean over hidden layers", "bits"),
    "loss": ("loss of test accuracy", ""),
    "gap": ("training minus test accuracy", ""),
}
"""Quantity → the words of the ledger for it, and its unit."""


class Measured(NamedTuple):
    """A mean over runs and its side of the claim's threshold.

    Attributes:
        name: layer, "mean" for the mean over hidden layers, a configuration's name, or "".
        mean, low, high: with its 95 % interval; NaN where undefined.
        seeds: runs, or pairs of runs.
        above: whether the whole interval lies above the threshold (True) or below (False); None for neither.
        p: of a rank correlation, else NaN.
    """

    name: str
    mean: float
    low: float
    high: float
    seeds: int
    above: bool | None = None
    p: float = math.nan


class Decision(NamedTuple):
    """What one estimator decides: whether the claim holds, None for undecided, and by which intervals."""

    holds: bool | None
    measured: tuple[Measured, ...]

    @property
    def seeds(self) -> int:
        """Runs that it rests on, the fewest of any interval."""
        return min(each.seeds for each in self.measured)


@dataclass(frozen=True)
class Evidence:
    """Intervals that decide a claim about the plane, by every estimator of the study.

    Attributes:
        quantity: what is measured.
        threshold: that it is compared with.
        seeds: of the study.
        decisions: estimator → what it decides, the study's first estimator first; under "" for accuracies, which no
            estimator measures. Empty where the study has no such network.
    """

    quantity: Quantity
    threshold: float
    seeds: int
    decisions: Mapping[str, Decision]

    @property
    def decision(self) -> Decision:
        """By the study's first estimator."""
        return next(iter(self.decisions.values()))

    @property
    def by_estimators(self) -> str:
        """That the other estimators agree, in words that follow a verdict; "" where they do not, or there are none."""
        agree = len({decision.holds for decision in self.decisions.values()}) == 1
        return ", whichever estimator is asked" if agree and len(self.decisions) > 1 else ""

    @property
    def bounded(self) -> list[Measured]:
        """The intervals of layers that are defined, by the study's first estimator."""
        return [each for each in self.decision.measured if each.name != "mean" and not math.isnan(each.low)]

    @property
    def deciding(self) -> Measured:
        """The last of its intervals: the only one, or the mean over layers."""
        return self.decision.measured[-1]


def verdict(evidence: Evidence) -> str:
    """Decided by the study's first estimator."""
    if not evidence.decisions:
        return ABSENT
    return {True: HOLDS, False: FAILS, None: UNDECIDED}[evidence.decision.holds]


@dataclass(frozen=True)
class Comparison:
    """On which side of a threshold the intervals of one network's layers lie.

    Attributes:
        quantity: what is measured.
        activation, max_norm: of the network; all else is like the study's first.
        threshold: that the quantity is compared with.
        layers: that are looked at.
        at_least: how many of them have to lie above the threshold; 0 says that none does.
    """

    quantity: Quantity
    activation: str
    max_norm: float | None
    threshold: float
    layers: Layers = "hidden"
    at_least: int = 1

    @property
    def place(self) -> str:
        """Where the notebook speaks of such a network."""
        return FREE if self.max_norm is None else HELD if self.max_norm == 0.8 else HELD_MORE

    @property
    def rule(self) -> str:
        """In words."""
        network = self.activation + (f" under max-norm {self.max_norm:g}" if self.max_norm else " without a max-norm")
        which, several = LAYERS[self.layers]
        count = f"at least {self.at_least} of " if self.at_least else "all of "
        where = f" in {count if several else ''}{which}" if self.quantity == "compression" else ""
        return (
            f"{QUANTITIES[self.quantity]}, of networks of {network}: holds where the whole 95 % Student t interval"
            f" over runs lies {'above' if self.at_least else 'below'} {self.threshold:g}{where}; undecided where"
            " intervals that contain the threshold leave it open, or fewer than two runs lived. By the study's first"
            " estimator; not corrected for the number of claims."
        )

    def evidence(self, site: Site) -> Evidence | Gap:
        """The intervals that a site's study has."""
        results = read(site, Trajectories, PlaneClaims)
        if isinstance(results, Gap):
            return results
        trajectories, intervals = results
        configuration = self._network(trajectories)
        decisions = {} if configuration is None else self._decisions(intervals.rows, configuration)
        return Evidence(self.quantity, self.threshold, len(trajectories.seeds), decisions)

    def effect(self, evidence: Evidence) -> Effect | None:
        """The interval that the verdict turns on: of several layers the one that compresses most, or the last of as many
        as have to; None where the study has no such network."""
        if not evidence.decisions:
            return None
        measured = evidence.deciding
        if self.quantity == "compression":
            ranked = sorted(evidence.bounded, key=lambda each: each.mean, reverse=True)
            if len(ranked) < max(self.at_least, 1):
                return None
            measured = ranked[max(self.at_least, 1) - 1]
        what, unit = SHORT[self.quantity]
        return estimated(what.format(layer=measured.name), measured, measured.seeds, null=self.threshold, unit=unit)

    def _network(self, trajectories: Trajectories) -> ConfigurationRecord | None:
        """The configuration that the claim is about, or None."""
        wanted = {"name": "", "title": "", "activation": self.activation, "max_norm": self.max_norm}
        alike = trajectories.configurations[0].model_copy(update=wanted)
        for configuration in trajectories.configurations:
            if configuration.model_copy(update={"name": "", "title": ""}) == alike:
                return configuration
        return None

    def _decisions(self, rows: pd.DataFrame, configuration: ConfigurationRecord) -> dict[str, Decision]:
        """Estimator → what it decides; none where the network that this one is compared with is not there."""
        rows = rows[(rows["quantity"] == self.quantity) & (rows["configuration"] == configuration.name)]
        if self.quantity == "compression":
            rows = rows[rows["layer"].isin(chosen_layers(configuration.layers, self.layers))]
        decisions = {}
        for token, table in rows.groupby("estimator", sort=False):
            measured = tuple(
                Measured(row.layer, row.mean, row.low, row.high, row.seeds, above(row.low, row.high, self.threshold))
                for row in table.itertuples()
            )
            deciding = [each for each in measured if self.quantity != "ty" or each.name == "mean"]
            decisions[str(token)] = Decision(self.holds([each.above for each in deciding]), measured)
        return decisions

    def holds(self, sides: Sequence[bool | None]) -> bool | None:
        """True or False where the layers that are certain decide it, else None.

        Args:
            sides: of each layer, see `Measured.above`.
        """
        certain, uncertain = sum(side is True for side in sides), sum(side is None for side in sides)
        if self.at_least == 0:
            return False if certain else None if uncertain or not sides else True
        if certain >= self.at_least:
            return True
        return None if certain + uncertain >= self.at_least or not sides else False


def quoted(title: str) -> str:
    """A network's title in a sentence, since it may have commas of its own."""
    return f"“{title}”"


def above(low: float, high: float, threshold: float) -> bool | None:
    """Whether an interval lies above the threshold (True) or below (False); None for neither, or without bounds."""
    return True if low > threshold else False if high < threshold else None


def chosen_layers(names: Sequence[str], which: Layers) -> list[str]:
    """Those of a network's layers, the output last, that a claim is about."""
    *hidden, output = names
    chosen: dict[str, list[str]] = {
        "last hidden": hidden[-1:],
        "earlier hidden": hidden[:-1],
        "hidden": hidden,
        "output": [output],
    }
    return chosen[which]


def notebook_claim(
    name: str,
    statement: str,
    comparison: Comparison,
    wording: Mapping[str, str],
    verdict: Callable[[Evidence], str] = verdict,
    meaning: Mapping[str, Meaning] = MEANING,
) -> Claim:
    """A claim of the notebook."""
    return Claim(
        name=name,
        statement=statement,
        source=NOTEBOOK,
        place=comparison.place,
        of=STUDY,
        rule=comparison.rule,
        evidence=comparison.evidence,
        verdict=verdict,
        wording=wording,
        meaning=meaning,
        effect=comparison.effect,
    )


def verdicts(holds: str, fails: str, question: str, absent: str = "") -> dict[str, str]:
    """The wording of a sentence for every verdict, without its full stop.

    Args:
        question: behind "Whether".
        absent: in place of the sentence where the study has no such network, with its full stop.
    """
    few = 'cannot be decided with {{ e.seeds | counted("seed") }}'
    sentences = {HOLDS: holds, FAILS: fails, UNDECIDED: f"Whether {question} {few}"}
    return {outcome: f"{text}{{{{ e.by_estimators }}}}." for outcome, text in sentences.items()} | {ABSENT: absent}
