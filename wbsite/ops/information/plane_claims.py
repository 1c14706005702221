"""The earlier work's claims of compression and weight renormalisation, and the rules that decide them.

The claims are those of the deep-bottleneck project's notebook "Effect of weight renormalization on activity patterns",
read off single runs there. Rules and thresholds were fixed before anything was computed by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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

SEVERAL = 2
"""How many layers are several."""

Layers = Literal["last hidden", "earlier hidden", "hidden", "output"]


@dataclass(frozen=True)
class Claim:
    """A claim on one configuration, decided by intervals that lie above or below a threshold.

    Attributes:
        name: its public name.
        quantity: what is measured: "compression" (`shared_compression`) or "ty" (highest I(T;Y) of the unconstrained
            network minus that of this one, paired by seed), by estimator and layer; "loss" (test accuracy of the
            unconstrained network minus that of this one, paired by seed) and "gap" (training minus test accuracy).
        activation, max_norm: of the configuration.
        threshold: that the quantity is compared with.
        layers: which layers are looked at; for "ty" the mean over them decides.
        at_least: how many of them have to lie above the threshold; 0 says that none does.
    """

    name: str
    quantity: Literal["compression", "ty", "loss", "gap"]
    activation: str
    max_norm: float | None
    threshold: float
    layers: Layers = "hidden"
    at_least: int = 1

    def holds(self, above: Sequence[bool | None]) -> bool | None:
        """True or False where the layers that are certain decide it, else None."""
        sure, open_ = sum(each is True for each in above), sum(each is None for each in above)
        if self.at_least == 0:
            return False if sure else None if open_ or not above else True
        if sure >= self.at_least:
            return True
        return None if sure + open_ >= self.at_least or not above else False


CLAIMS = (
    Claim("tanh-last", "compression", "tanh", None, COMPRESSES, "last hidden"),
    Claim("tanh-earlier", "compression", "tanh", None, COMPRESSES, "earlier hidden", at_least=0),
    Claim("relu-hidden", "compression", "relu", None, COMPRESSES, at_least=0),
    Claim("relu-output", "compression", "relu", None, COMPRESSES, "output"),
    Claim("relu-0.8", "compression", "relu", 0.8, COMPRESSES),
    Claim("relu-0.4", "compression", "relu", 0.4, COMPRESSES),
    Claim("tanh-0.8", "compression", "tanh", 0.8, COMPRESSES, at_least=SEVERAL),
    Claim("ty-tanh-0.8", "ty", "tanh", 0.8, INFORMATION),
    Claim("ty-relu-0.8", "ty", "relu", 0.8, INFORMATION),
    Claim("accuracy-tanh-0.8", "loss", "tanh", 0.8, ACCURACY, at_least=0),
    Claim("accuracy-relu-0.8", "loss", "relu", 0.8, ACCURACY, at_least=0),
    Claim("accuracy-relu-0.4", "loss", "relu", 0.4, ACCURACY),
    Claim("gap-relu-0.4", "gap", "relu", 0.4, GAP, at_least=0),
)
"""In the order of the notebook. A last question, whether compression goes with accuracy, is decided by `linked`."""


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


def linked(rows: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether networks that compress more are better (True) or worse (False) on the test samples.

    In at least one configuration, by a permutation p below 5 % after Bonferroni's correction over those that have one,
    and in none the other way round; else None.
    """
    tested = [row for row in rows if row["p"] == row["p"]]
    signs = {row["rho"] > 0 for row in tested if row["p"] * len(tested) < 0.05}
    return signs.pop() if len(signs) == 1 else None
