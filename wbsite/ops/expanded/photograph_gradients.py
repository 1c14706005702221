"""Gradients of the network as it is, on photographs: what a unit's input from an earlier layer really was.

Unlike expanded weights they depend on which rectifiers were open: ∂(pre-activation of a unit at one position) /
∂(activation of the earlier layer) on each photograph, cut to the receptive field of the position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.tape import INPUT, Call, check_batch, execute

from .weights import Path

Position = Literal["centre", "strongest"]

_BATCH = 4


@dataclass(frozen=True)
class PhotographGradients:
    """Gradients on photographs.

    Attributes:
        gradients: (units, pictures, channels, kh, kw); zero where the receptive field leaves the source's map.
        activations: (units, pictures), pre-activation of the unit at the position.
        positions: (units, pictures, 2), row and column in the target's map.
    """

    gradients: torch.Tensor
    activations: torch.Tensor
    positions: torch.Tensor


def photograph_gradients(
    model: Any,
    source: str,
    target: str,
    inputs: torch.Tensor,
    units: Sequence[int] | None = None,
    channels: Sequence[int] | None = None,
    position: Position = "centre",
    alone: bool = False,
) -> PhotographGradients:
    """∂ pre-activation of target units / ∂ activation of source channels, on every photograph.

    One forward pass for all units and one backward pass for each, cut at the source.

    Args:
        model, source, target, units: as for `weights.expanded_weights`.
        inputs: (pictures, C, H, W), preprocessed, of the network's usual size.
        channels: of the source that are kept; None for all.
        position: of the target: the centre of its map, or where the unit responds most strongly.
        alone: whether the network is run on one picture after another, as where its recording is right for one only.

    Raises:
        WbsiteError: a layer or unit does not exist; no path leads from source to target; the pictures have
            another size; the target sees the whole map of the source at once.
    """
    path = Path.between(model, source, target)
    numbers = path.units(units)
    if tuple(inputs.shape[1:]) != path.recorded.input_shape or not len(inputs):
        size = ", ".join(map(str, path.recorded.input_shape))
        raise WbsiteError(f"the pictures have the shape {tuple(inputs.shape)}.", f"Expected (pictures, {size}).")
    if path.receptive_field is None:
        raise WbsiteError(
            f"{target} sees the whole map of {source} at once, and gradients are cut to receptive fields.",
            "Choose a target before the network pools over the whole map.",
        )
    columns = slice(None) if channels is None else torch.as_tensor(list(channels), device=inputs.device)
    parts = [_on_batch(path, batch, numbers, columns, position) for batch in inputs.split(1 if alone else _BATCH)]
    return PhotographGradients(*(torch.cat(part, 1) for part in zip(*parts, strict=True)))


def _on_batch(
    path: Path, inputs: torch.Tensor, units: Sequence[int], channels: Any, position: Position
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients, activations and positions of one batch."""
    leaf: list[torch.Tensor] = []

    def run(call: Call, values: Mapping[int, Any]) -> Any:
        result = call.run(values)
        if path.start in call.outputs:
            leaf.append(result.detach().requires_grad_())
            return leaf[0]
        return result

    program = path.recorded.tape.program((path.end,))
    values = {
        INPUT: inputs.detach().contiguous(memory_format=torch.channels_last)
    }  # max pools take a tenth of the time
    if path.start == INPUT:
        leaf.append(values[INPUT].requires_grad_())
    with torch.enable_grad():
        results = execute(program.calls, values, (path.end,), run)
        check_batch(results, len(inputs))
        maps = results[path.end]
    rows = torch.arange(len(inputs), device=inputs.device)
    gradients, activations, positions = [], [], []
    for unit in units:
        places = _positions(maps[:, unit].detach(), position)
        response = maps[rows, unit, places[:, 0], places[:, 1]]
        (gradient,) = torch.autograd.grad(response.sum(), leaf[0], retain_graph=True)
        gradients.append(_cut(gradient[:, channels], places, path))
        activations.append(response.detach())
        positions.append(places)
    return torch.stack(gradients), torch.stack(activations), torch.stack(positions)


def _positions(maps: torch.Tensor, position: Position) -> torch.Tensor:
    """(pictures, H, W) → (pictures, 2), the centre or the first of the strongest."""
    height, width = maps.shape[1:]
    if position == "centre":
        return torch.tensor([[height // 2, width // 2]], device=maps.device).expand(len(maps), 2)
    best = maps.flatten(1).argmax(1)
    return torch.stack([best // width, best % width], 1)


def _cut(gradients: torch.Tensor, positions: torch.Tensor, path: Path) -> torch.Tensor:
    """(pictures, C, H, W) gradients at positions (pictures, 2) of the target → (pictures, C, kh, kw) that these see."""
    assert path.receptive_field is not None
    sizes = gradients.shape[2:]
    for axis, size, position, dim in zip(path.receptive_field, sizes, positions.T, (2, 3), strict=True):
        seen = axis.stride * position[:, None] + axis.low + torch.arange(axis.size, device=gradients.device)
        inside = (seen >= 0) & (seen < size)
        shape = [len(gradients), 1, 1, 1]
        shape[dim] = axis.size
        index = seen.clamp(0, size - 1).reshape(shape)
        expanded = list(gradients.shape)
        expanded[dim] = axis.size
        gradients = gradients.gather(dim, index.expand(expanded)) * inside.reshape(shape)
    return gradients
