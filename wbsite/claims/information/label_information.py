"""The notebook's claims that networks whose weights are held small reach less information about the label."""

from __future__ import annotations

from .base import INFORMATION, Comparison, notebook_claim, verdicts

LOWER = "it is lower by {{ e.deciding | interval }} bit, and the claim VERDICT."

CLAIMS = (
    notebook_claim(
        "ty-tanh-0.8",
        "tanh, max-norm 0.8: I(T;Y) stays lower.",
        Comparison("ty", "tanh", 0.8, INFORMATION),
        verdicts(f"With hyperbolic tangents {LOWER}", "With hyperbolic tangents this study has no such pair."),
    ),
    notebook_claim(
        "ty-relu-0.8",
        "relu, max-norm 0.8: I(T;Y) stays lower.",
        Comparison("ty", "relu", 0.8, INFORMATION),
        verdicts(f"With rectifiers {LOWER}", "With rectifiers this study has no such pair."),
    ),
)
