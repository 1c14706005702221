"""How good a picture is: the unit's response to it, relative to its responses to photographs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from wbsite.core.threads import one_thread
from wbsite.graph.recording import Recorded

from .base import Network, Target
from .image_model import ImageModel
from .objectives import readouts

_LARGEST_BATCH = 16
_NUMBERS = 12_000_000
"""Of all layers that are read, for all photographs of a batch together."""


@torch.no_grad()
def photograph_responses(
    model: Network, targets: Sequence[Target], inputs: torch.Tensor, device: torch.device
) -> torch.Tensor:
    """The strongest response of every target to every photograph, (targets, N) float32 on the CPU.

    Measured as `Picture.activation` is: over all positions (or at the target's), times its sign, without
    transformations, in float32.

    Args:
        inputs: (N, C, H, W), as the network wants them.

    Raises:
        WbsiteError: a layer or unit is unknown.
    """
    with one_thread(device):
        channels, height, width = inputs.shape[1:]
        shape = (int(height), int(width))
        recorded = Recorded.of(model.module, (channels, *shape)).on(device)
        read = readouts(recorded.tape, targets, device)
        seen = ImageModel.of(model, recorded, shape, shape, device).suited([readout.value for readout in read])
        program = seen.program(read)
        responses = torch.zeros(len(targets), len(inputs), dtype=torch.float32)
        numbers = sum(math.prod(recorded.tape.shapes[readout.value]) for readout in read)
        size = max(1, min(_LARGEST_BATCH, _NUMBERS // max(1, numbers)))
        for start in range(0, len(inputs), size):
            values = program(inputs[start : start + size].to(device).contiguous(memory_format=torch.channels_last))
            for readout in read:
                responses[readout.rows.cpu(), start : start + size] = readout.strongest_of_all(values).cpu()
    return responses
