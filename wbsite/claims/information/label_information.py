"""The notebook's claims that networks whose weights are held small reach less information about the label."""

from __future__ import annotations

from .base import INFORMATION, Comparison, notebook_claim, verdicts

CLAIMS = (
    notebook_claim(
        "ty-tanh-0.8",
        "tanh, max-norm 0.8: I(T;Y) stays lower.",
        Comparison("ty", "tanh", 0.8, INFORMATION),
        verdicts(
            "Under the weaker limit, hidden layers of hyperbolic tangents reach less information about the label",
            "Under the weaker limit, hidden layers of hyperbolic tangents reach as much information about the label",
            "hidden layers of hyperbolic tangents reach less information about the label under the weaker limit",
        ),
    ),
    notebook_claim(
        "ty-relu-0.8",
        "relu, max-norm 0.8: I(T;Y) stays lower.",
        Comparison("ty", "relu", 0.8, INFORMATION),
        verdicts(
            "Those of rectifiers reach less under it than with free weights",
            "Those of rectifiers reach as much under it as with free weights",
            "those of rectifiers reach less under it than with free weights",
        ),
    ),
)
