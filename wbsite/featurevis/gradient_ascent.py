"""Gradient ascent on one batch of pictures, from given starts to finished pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event

import torch

from .adam import Adam
from .base import Picture, Settings, Target
from .fast.focus import focused
from .image_model import ImageModel
from .objectives import Readout, readouts
from .parameterisations import PARAMETERISATIONS
from .transforms import draw, present, warp
from .verification import own_responses

_PROBE = 8
"""Steps after which a batch is given up if none of its pictures ever had a gradient."""


def gradient_ascent(
    model: ImageModel, targets: Sequence[Target], attempts: Sequence[int], settings: Settings, cancelled: Event
) -> list[Picture]:
    """A picture for each target, dead ones marked.

    Args:
        attempts: how many starts of each target were given up before; each has draws of its own.
        cancelled: set from outside when the pictures are not needed any more.
    """
    form, device = PARAMETERISATIONS[settings.parameterisation], model.device
    seeds = [target.seed(settings.seed, attempt) for target, attempt in zip(targets, attempts, strict=True)]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    starts = [form.start(generator, model.channels, model.size) for generator in generators]
    parameters = torch.stack(starts).to(device)
    maps = draw(generators, settings.steps, settings.jitter, settings.scale, settings.rotate).to(device)
    read = readouts(model.tape, targets, device)
    before, _ = _measured(model, read, form.image(parameters, model.size), settings)
    finite = torch.isfinite(before)  # weights that are no numbers would spoil the gradients of the other pictures
    moved = torch.zeros_like(finite)
    if bool(finite.any()):
        chosen = [target for target, keep in zip(targets, finite.tolist(), strict=True) if keep]
        ends, moved[finite] = _ascended(model, chosen, parameters[finite], maps[:, finite], settings, cancelled)
        parameters[finite] = ends
    images = form.image(parameters, model.size)
    after, strongest = _measured(model, read, images, settings)
    own, agrees = own_responses(model, targets, _exact_input(model, images, settings), strongest)
    dead = (~moved | ~(after > before)).tolist()
    columns = images.float().cpu(), strongest.tolist(), own.tolist(), agrees.tolist(), dead, attempts
    rows = zip(targets, *columns, strict=True)
    return [Picture(t, x, a, o, same, d, n, settings.steps) for t, x, a, o, same, d, n in rows]


@torch.inference_mode(False)
@torch.enable_grad()
def _ascended(
    model: ImageModel,
    targets: Sequence[Target],
    starts: torch.Tensor,
    maps: torch.Tensor,
    settings: Settings,
    cancelled: Event,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The parameters after all steps, and whether each picture had a gradient, always a finite one."""
    form = PARAMETERISATIONS[settings.parameterisation]
    read = readouts(model.tape, targets, model.device)
    program, read = focused(model.program(read), read)
    parameters = starts.requires_grad_()
    optimiser = Adam(parameters.data, settings.learning_rate)
    moved = torch.zeros(len(targets), dtype=torch.bool, device=model.device)
    broken = torch.zeros_like(moved)
    for step in range(settings.steps):
        pictures = warp(form.image(parameters, model.size), maps[step], model.shape, settings.pad)
        objective = _objective(read, program(model.network_input(pictures)), settings)
        if not objective.requires_grad:  # a comparison or an index lies between: no derivative
            break
        (gradient,) = torch.autograd.grad(objective, parameters)
        flat = gradient.flatten(1)
        largest = torch.maximum(flat.amax(1), -flat.amin(1))
        moved |= largest > 0
        broken |= ~torch.isfinite(largest)
        if model.device.type != "cpu" or bool(broken.any()):  # a GPU would be waited for
            gradient = torch.nan_to_num(gradient, 0.0, 0.0, 0.0)
        optimiser.ascend(gradient)
        if cancelled.is_set() or (step + 1 == _PROBE and bool((broken | ~moved).all())):
            break
    return parameters.detach(), moved & ~broken


def _objective(read: Sequence[Readout], values: Mapping[int, torch.Tensor], settings: Settings) -> torch.Tensor:
    """The sum of all pictures' objectives; repulsion is in units of a picture's response."""
    total = torch.zeros((), dtype=torch.float32, device=read[0].rows.device)
    for readout in read:
        scores = readout.scores(values, settings.focus, settings.margin)
        total = total + scores.sum()
        if settings.diversity and readout.has_variants:
            strength = settings.diversity * scores.detach().abs()
            total = total - (strength * readout.repulsion(values)).sum()
    return total


@torch.no_grad()
def _measured(
    model: ImageModel, read: Sequence[Readout], images: torch.Tensor, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """The score that is maximised and the strongest response, (B,) each, in float32 and without transformations."""
    values = replace(model, dtype=torch.float32).program(read)(_exact_input(model, images, settings))
    scores, strongest = (torch.zeros(len(images), dtype=torch.float32, device=model.device) for _ in range(2))
    for readout in read:
        scores[readout.rows] = readout.scores(values, settings.focus, settings.margin)
        strongest[readout.rows] = readout.strongest(values)
    return scores, strongest


def _exact_input(model: ImageModel, images: torch.Tensor, settings: Settings) -> torch.Tensor:
    """What the network is given of pictures that are not moved, in float32."""
    return replace(model, dtype=torch.float32).network_input(present(images, model.shape, settings.pad))
