"""An index against the value that chance gives it."""

from __future__ import annotations


def chance_corrected(value: float, expected: float) -> float:
    """An index in [-1, 1] moved so that chance is at 0 and its ends stay where they are.

    (value - expected)/(1 - expected) above chance and (value - expected)/(1 + expected) below: the share of the way
    from chance to the end on that side, as Cohen's kappa and the adjusted Rand index have it on theirs. Where chance
    is 0, the value itself; NaN for NaN.

    Args:
        value: in [-1, 1].
        expected: strictly between -1 and 1.
    """
    beyond = value - expected
    return beyond / (1 - expected if beyond > 0 else 1 + expected)
