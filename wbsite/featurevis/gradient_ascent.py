"""Gradient ascent on one batch of pictures, from given starts to finished pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event

import torch

from .adam import Adam
from .base import Picture, Settings, Target
from .image_model import Sight
from .objectives import Reading, readings
from .parameterisations import PARAMETERISATIONS
from .transforms import draw, present, warp

_PROBE = 8
"""Steps after which a batch is given up if none of its pictures ever had a gradient."""


def climb(
    eyes: Sight, targets: Sequence[Target], attempts: Sequence[int], settings: Settings, left: Event
) -> list[Picture]:
    """A picture for each target, dead ones marked.

    Args:
        attempts: how many starts of each target were given up before; each has draws of its own.
        left: set from outside when nobody wants the pictures any more.
    """
    form, device = PARAMETERISATIONS[settings.parameterisation], eyes.device
    seeds = [target.seed(settings.seed, attempt) for target, attempt in zip(targets, attempts, strict=True)]
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    starts = torch.stack([form.start(own, eyes.channels, settings.size) for own in draws]).to(device)
    maps = draw(draws, settings.steps, settings.jitter, settings.scale, settings.rotate).to(device)
    read = readings(eyes.tape, targets, device)
    before, _ = measured(eyes, read, form.image(starts, settings.size), settings)
    fit = torch.isfinite(before)  # weights that are no numbers would spoil the gradients of the other pictures
    moved, ends = torch.zeros_like(fit), starts.clone()
    if bool(fit.any()):
        chosen = [target for target, one in zip(targets, fit.tolist(), strict=True) if one]
        ends[fit], moved[fit] = _ascend(eyes, chosen, starts[fit], maps[:, fit], settings, left)
    images = form.image(ends, settings.size)
    after, strongest = measured(eyes, read, images, settings)
    dead = (~moved | ~(after > before)).tolist()
    rows = zip(targets, images.float().cpu(), strongest.tolist(), dead, attempts, strict=True)
    return [Picture(t, x, a, d, n, settings.steps) for t, x, a, d, n in rows]


def _ascend(
    eyes: Sight, targets: Sequence[Target], starts: torch.Tensor, maps: torch.Tensor, settings: Settings, left: Event
) -> tuple[torch.Tensor, torch.Tensor]:
    """The parameters after all steps, and whether each picture had a gradient, always a finite one."""
    form = PARAMETERISATIONS[settings.parameterisation]
    read = readings(eyes.tape, targets, eyes.device)
    program = eyes.program([one.value for one in read])
    parameters = starts.requires_grad_()
    optimiser = Adam(parameters.data, settings.learning_rate)
    moved = torch.zeros(len(targets), dtype=torch.bool, device=eyes.device)
    broken = torch.zeros_like(moved)
    for step in range(settings.steps):
        seen = warp(form.image(parameters, settings.size), maps[step], eyes.side, settings.pad)
        objective = _objective(read, program(eyes.given(seen)), settings)
        if not objective.requires_grad:  # a comparison or an index lies between: no derivative
            break
        (gradient,) = torch.autograd.grad(objective, parameters)
        largest = gradient.flatten(1).abs().amax(1)
        moved |= largest > 0
        broken |= ~torch.isfinite(largest)
        optimiser.ascend(torch.nan_to_num(gradient, 0.0, 0.0, 0.0))
        if left.is_set() or (step + 1 == _PROBE and bool((broken | ~moved).all())):
            break
    return parameters.detach(), moved & ~broken


def _objective(read: Sequence[Reading], values: Mapping[int, torch.Tensor], settings: Settings) -> torch.Tensor:
    """The sum of what every picture climbs; repulsion is in units of its response."""
    total = torch.zeros((), device=read[0].rows.device)
    for one in read:
        scores = one.scores(values, settings.focus, settings.margin)
        total = total + scores.sum()
        if settings.diversity and one.has_variants:
            strength = settings.diversity * scores.detach().abs()
            total = total - (strength * one.repulsion(values)).sum()
    return total


@torch.no_grad()
def measured(
    eyes: Sight, read: Sequence[Reading], images: torch.Tensor, settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """What is climbed and the strongest response, (B,) each, in float32 and without transformations."""
    exact = replace(eyes, dtype=torch.float32)
    values = exact.program([one.value for one in read])(exact.given(present(images, eyes.side, settings.pad)))
    scores, strongest = (torch.zeros(len(images), device=eyes.device) for _ in range(2))
    for one in read:
        scores[one.rows] = one.scores(values, settings.focus, settings.margin)
        strongest[one.rows] = one.strongest(values)
    return scores, strongest
