"""What a round may find."""

from __future__ import annotations

from dataclasses import dataclass

LOSS, DIFFERENCE, TRACEBACK = "loss", "silent difference", "traceback"
KINDS = (LOSS, DIFFERENCE, TRACEBACK)


@dataclass(frozen=True)
class Problem:
    """Something that must not be.

    Attributes:
        kind: LOSS: finished work is gone, or cannot be finished; DIFFERENCE: something else came out, and nothing said
            so; TRACEBACK: a defect came out in place of a sentence.
        text: what, in one line.
    """

    kind: str
    text: str
