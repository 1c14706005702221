"""Checks finished pictures against the network itself: one forward pass of its own code, without transformations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from wbsite.core.errors import WbsiteError

from .base import Target
from .image_model import ImageModel
from .objectives import Readout, readouts

_RELATIVE = {"cpu": 2e-3, "cuda": 1e-2}
"""Largest difference that rounding is taken to make, in shares of a response; GPUs multiply with ten bits."""


@torch.no_grad()
def own_responses(
    model: ImageModel, targets: Sequence[Target], x: torch.Tensor, claimed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The strongest response of each target to its own picture by the module itself, and whether it is that claimed.

    All pictures are run in one batch where replays on batches are right; those that do not agree there, and all
    others, by themselves.

    Args:
        x: (B, channels, height, width), the network's inputs in float32, one for each target.
        claimed: (B,) responses that were measured otherwise.

    Returns:
        (B,) responses, NaN where the forward pass does not come to the target or fails; (B,) truth values.
    """
    own = torch.full_like(claimed, torch.nan)
    agrees = torch.zeros_like(claimed, dtype=torch.bool)
    if model.way == "batches":
        own, agrees = _compared(model, targets, x, claimed)
    for i in (~agrees).nonzero().flatten().tolist():
        row = slice(i, i + 1)
        own[row], agrees[row] = _compared(model, targets[row], x[row], claimed[row])
    return own, agrees


def _compared(
    model: ImageModel, targets: Sequence[Target], x: torch.Tensor, claimed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    own, scale = torch.full_like(claimed, torch.nan), torch.zeros_like(claimed)
    read = readouts(model.tape, targets, model.device)
    try:
        values = model.own(read, x)
    except WbsiteError:
        values = {}
    for readout in read:
        if readout.value in values:
            own[readout.rows] = readout.strongest(values)
            scale[readout.rows] = _typical(readout, values)
    unknown = own.isnan() & claimed.isnan()
    close = (own - claimed).abs() <= _RELATIVE[model.device.type] * torch.maximum(own.abs(), scale)
    return own, close | (own == claimed) | unknown


def _typical(readout: Readout, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
    """(n,) mean absolute value of what a target reads: a response near zero is not more exact than that."""
    return values[readout.value][readout.rows].float().abs().flatten(1).mean(1)
