"""The notebook's claims about the accuracy that a limit on weights costs."""

from __future__ import annotations

from wbsite.claims.base import UNDECIDED

from .base import ACCURACY, GAP, MEANING, Comparison, Evidence, notebook_claim, verdict, verdicts

LOSS = "undecided, with a loss"
"""Verdict where accuracy is certainly lost, and whether that is less than the threshold is not."""

POINTS = "{{ e.deciding | interval(1, 100) }} points"
COST = (
    f"a limit of 0.8 costs {POINTS} of test accuracy; that this is less than one point, as the notebook's \"no"
    ' significant loss" is taken here, VERDICT.'
)


def loss_verdict(evidence: Evidence) -> str:
    """An undecided claim may still rest on a loss that is certain."""
    usual = verdict(evidence)
    return LOSS if usual == UNDECIDED and evidence.deciding.low > 0 else usual


def _wording(words: str) -> dict[str, str]:
    wording = verdicts(f"{words} {COST}")
    return wording | {LOSS: wording[UNDECIDED].removesuffix(".") + ", though that there is a loss is certain."}


LOSS_MEANING = {**MEANING, LOSS: (UNDECIDED, "though that there is a loss is certain")}

CLAIMS = (
    notebook_claim(
        "accuracy-tanh-0.8",
        "tanh, max-norm 0.8: costs no accuracy.",
        Comparison("loss", "tanh", 0.8, ACCURACY, at_least=0),
        _wording("With hyperbolic tangents"),
        loss_verdict,
        LOSS_MEANING,
    ),
    notebook_claim(
        "accuracy-relu-0.8",
        "relu, max-norm 0.8: costs no accuracy.",
        Comparison("loss", "relu", 0.8, ACCURACY, at_least=0),
        _wording("With rectifiers"),
        loss_verdict,
        LOSS_MEANING,
    ),
    notebook_claim(
        "accuracy-relu-0.4",
        "relu, max-norm 0.4: costs accuracy.",
        Comparison("loss", "relu", 0.4, ACCURACY),
        verdicts(f"At 0.4, with rectifiers, it costs {POINTS}: that training is impaired VERDICT."),
    ),
    notebook_claim(
        "gap-relu-0.4",
        "relu, max-norm 0.4: does not overfit.",
        Comparison("gap", "relu", 0.4, GAP, at_least=0),
        verdicts(f"That it does not overfit then VERDICT; training minus test accuracy is {POINTS}."),
    ),
)
