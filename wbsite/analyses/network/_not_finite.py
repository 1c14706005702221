"""Why a network's activations are no finite numbers, though its weights are: in a sentence."""

from __future__ import annotations

from wbsite.analyses.base import Context


def why_not_finite(context: Context) -> str:
    """What has come of a layer whose activations on photographs are infinite or no numbers."""
    if context.model.missing:
        return "the weights file does not hold it, or a layer before it"
    return "they grow from layer to layer beyond what numbers of 32 bits hold; are these the weights it was trained to?"
