"""Gradients of the network as it is, on given pictures: what a unit's input from an earlier layer really was.

Unlike expanded weights they know which rectifiers were open: ∂(pre-activation of a unit at one position) /
∂(activation of the earlier layer) on each picture, cut to the window that the position sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.tape import INPUT, Call, execute, of_batch

from .weights import Path

_BATCH = 16


@dataclass(frozen=True)
class ExampleGradients:
    """Gradients on pictures.

    Attributes:
        gradients: (units, pictures, channels, kh, kw); zero where the window leaves the source's map.
        activations: (units, pictures), pre-activation of the unit at the position.
        positions: (units, pictures, 2), row and column in the target's map.
    """

    gradients: torch.Tensor
    activations: torch.Tensor
    positions: torch.Tensor


def example_gradients(
    model: Any,
    source: str,
    target: str,
    inputs: torch.Tensor,
    units: Sequence[int] | None = None,
    channels: Sequence[int] | None = None,
    at: Literal["centre", "strongest"] = "centre",
) -> ExampleGradients:
    """∂ pre-activation of target units / ∂ activation of source channels, on every picture.

    One forward pass for all units and one backward pass for each, cut at the source.

    Args:
        model, source, target, units: as for `expanded.expanded_weights`.
        inputs: (pictures, C, H, W), preprocessed, of the network's usual size.
        channels: of the source that are kept; None for all.
        at: which position of the target: the centre of its map, or where the unit responds most strongly.

    Raises:
        WbsiteError: a layer or unit does not exist; no path leads from source to target; the pictures have
            another size; the target sees the whole map of the source at once.
    """
    path = Path.between(model, source, target)
    wanted = path.units(units)
    if tuple(inputs.shape[1:]) != path.recorded.input_shape or not len(inputs):
        given, size = tuple(inputs.shape), path.recorded.input_shape
        raise WbsiteError(f"the pictures have the shape {given}.", f"Expected (pictures, {', '.join(map(str, size))}).")
    if path.window is None:
        raise WbsiteError(
            f"{target} sees the whole map of {source} at once, and gradients are cut to windows.",
            "Choose a target before the network pools over the whole map.",
        )
    kept = slice(None) if channels is None else torch.as_tensor(list(channels), device=inputs.device)
    parts = [_of(path, batch, wanted, kept, at) for batch in inputs.split(_BATCH)]
    return ExampleGradients(*(torch.cat(found, 1) for found in zip(*parts, strict=True)))


def _of(
    path: Path, inputs: torch.Tensor, units: Sequence[int], kept: Any, at: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients, activations and positions of one batch."""
    leaf: list[torch.Tensor] = []

    def run(call: Call, values: Mapping[int, Any]) -> Any:
        made = call.run(values)
        if path.start in call.outputs:
            leaf.append(made.detach().requires_grad_())
            return leaf[0]
        return made

    program = path.recorded.tape.program((path.end,))
    values = {INPUT: inputs.detach()}
    if path.start == INPUT:
        leaf.append(values[INPUT].requires_grad_())
    with torch.enable_grad():
        out = of_batch(execute(program.calls, values, (path.end,), run), len(inputs))[path.end]
    rows = torch.arange(len(inputs), device=inputs.device)
    gradients, activations, positions = [], [], []
    for unit in units:
        where = _positions(out[:, unit].detach(), at)
        response = out[rows, unit, where[:, 0], where[:, 1]]
        (found,) = torch.autograd.grad(response.sum(), leaf[0], retain_graph=True)
        gradients.append(_windows(found[:, kept], where, path))
        activations.append(response.detach())
        positions.append(where)
    return torch.stack(gradients), torch.stack(activations), torch.stack(positions)


def _positions(maps: torch.Tensor, at: str) -> torch.Tensor:
    """(pictures, H, W) → (pictures, 2), the centre or the first of the strongest."""
    height, width = maps.shape[1:]
    if at == "centre":
        return torch.tensor([[height // 2, width // 2]], device=maps.device).expand(len(maps), 2)
    best = maps.flatten(1).argmax(1)
    return torch.stack([best // width, best % width], 1)


def _windows(found: torch.Tensor, where: torch.Tensor, path: Path) -> torch.Tensor:
    """(pictures, C, H, W), at positions of the target → (pictures, C, kh, kw) of what they see."""
    assert path.window is not None
    for axis, size, positions, along in zip(path.window, found.shape[2:], where.T, (2, 3), strict=True):
        seen = axis.stride * positions[:, None] + axis.low + torch.arange(axis.size, device=found.device)
        inside = (seen >= 0) & (seen < size)
        shape = [len(found), 1, 1, 1]
        shape[along] = axis.size
        index = seen.clamp(0, size - 1).reshape(shape)
        expanded = list(found.shape)
        expanded[along] = axis.size
        found = found.gather(along, index.expand(expanded)) * inside.reshape(shape)
    return found
