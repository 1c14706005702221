"""The notebook's claims about the accuracy that a limit on weights costs."""

from __future__ import annotations

from wbsite.claims.base import UNDECIDED

from .base import ACCURACY, GAP, MEANING, Comparison, Evidence, notebook_claim, verdict, verdicts

LOSS = "undecided, with a loss"
"""Verdict where accuracy is certainly lost, and whether that is less than the threshold is not."""


def loss_verdict(evidence: Evidence) -> str:
    """An undecided claim may still rest on a loss that is certain."""
    usual = verdict(evidence)
    return LOSS if usual == UNDECIDED and evidence.deciding.low > 0 else usual


def _wording(price: str) -> dict[str, str]:
    """Of a limit's cost in test accuracy; the notebook's "no significant loss" is taken as less than one point.

    Args:
        price: a sentence without its full stop, with MUCH in place of "less than a point".
    """
    less, more = (price.replace("MUCH", f"{than} than a point") for than in ("less", "more"))
    wording = verdicts(less, more, less[0].lower() + less[1:])
    return wording | {LOSS: wording[UNDECIDED].removesuffix(".") + ", though that it costs some is certain."}


LOSS_MEANING = {**MEANING, LOSS: (UNDECIDED, "though that there is a loss is certain")}

CLAIMS = (
    notebook_claim(
        "accuracy-tanh-0.8",
        "tanh, max-norm 0.8: costs no accuracy.",
        Comparison("loss", "tanh", 0.8, ACCURACY, at_least=0),
        _wording("The weaker limit costs networks of hyperbolic tangents MUCH of test accuracy"),
        loss_verdict,
        LOSS_MEANING,
    ),
    notebook_claim(
        "accuracy-relu-0.8",
        "relu, max-norm 0.8: costs no accuracy.",
        Comparison("loss", "relu", 0.8, ACCURACY, at_least=0),
        _wording("Networks of rectifiers pay MUCH for it"),
        loss_verdict,
        LOSS_MEANING,
    ),
    notebook_claim(
        "accuracy-relu-0.4",
        "relu, max-norm 0.4: costs accuracy.",
        Comparison("loss", "relu", 0.4, ACCURACY),
        verdicts(
            "The stronger one impairs training: it costs networks of rectifiers"
            " {{ (100 * e.deciding.mean) | fixed(0) }} points",
            "The stronger one costs networks of rectifiers less than a point",
            "the stronger one costs networks of rectifiers accuracy",
        ),
    ),
    notebook_claim(
        "gap-relu-0.4",
        "relu, max-norm 0.4: does not overfit.",
        Comparison("gap", "relu", 0.4, GAP, at_least=0),
        verdicts(
            "These do not overfit: they are about as good on training samples as on test samples",
            "These overfit all the same",
            "these overfit",
        ),
    ),
)
