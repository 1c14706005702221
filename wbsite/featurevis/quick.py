"""Pictures of all units of a layer in a handful of steps: to see at a glance what excites each of them.

What is left out of `visualize` costs more than it gains in so few steps, and what is done instead gains more than it
costs; all of it was found by the rule and on the units of `benchmarks/quick_pictures.py`:

- Each unit starts from that of STARTS pictures of noise, the same for all, which excites it most: one forward pass.
- A step goes along the square roots of the gradient's components (with their signs), between the gradient itself, which
  a few coefficients rule, and its signs, which count those that hardly matter. It needs no averages over steps.
- The picture is not moved, scaled or turned between steps.
- No start is given up for another, and the response is measured as the search has it, in its precision. The network's
  own code is asked of CHECKED pictures of each batch; where it disagrees, of all. Each batch decides this by itself, so
  that a run which begins with any of them, since others are there, comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from wbsite.core.progress import Progress
from wbsite.core.threads import one_thread

from .base import Network, Picture, Settings, Target
from .execution import Run
from .fast.focus import focused
from .image_model import ImageModel, image_model
from .objectives import Readout, readouts
from .parameterisations import PARAMETERISATIONS
from .transforms import present
from .verification import own_responses

_FORM = PARAMETERISATIONS["fourier"]

STARTS = 64
"""Pictures of noise to start from."""

ROUGHNESS = 30.0
"""By how much their coefficients are larger than those of the usual start, which is nearly grey."""

CHECKED = 2
"""Pictures of a batch that the network itself is shown."""


def quick_settings(size: int, steps: int, batch: int = 128) -> Settings:
    """For `quick_pictures`: long strides, and more weight for a picture's best position."""
    return Settings(size=size, steps=steps, learning_rate=0.25, focus=2.0, reseeds=0, batch=batch)


def quick_pictures(
    model: Network,
    targets: Sequence[Target],
    settings: Settings,
    device: torch.device,
    progress: Progress | None = None,
) -> Iterator[list[Picture]]:
    """Pictures of units of one layer, batch by batch in the order of the targets.

    A picture depends on the settings and its own target alone, up to rounding.

    Args:
        model: a LoadedModel.
        targets: units; at least one.
        settings: those of `quick_settings`, with the size of a batch.
        progress: told of every finished picture.

    Raises:
        WbsiteError: a layer or unit is unknown, or the network reads no pictures.
    """
    seen = image_model(model, targets, settings, device)
    assert settings.batch is not None
    with one_thread(device):
        search = _Search(seen, targets, settings)
    for i in range(0, len(targets), settings.batch):
        with one_thread(device):
            pictures = search.pictures(range(i, min(i + settings.batch, len(targets))))
        if progress:
            progress.advance(len(pictures), f"{targets[i].layer}: {len(targets)} units")
        yield pictures


class _Search:
    """What all batches of a layer have in common: the network made ready, and where each unit starts."""

    def __init__(self, model: ImageModel, targets: Sequence[Target], settings: Settings) -> None:
        self.model, self.targets, self.settings = model, targets, settings
        read = readouts(model.tape, targets, model.device)
        self.run = model.program(read)
        generator = torch.Generator().manual_seed(settings.seed)
        starts = [_FORM.start(generator, model.channels, model.size) for _ in range(STARTS)]
        self.starts = ROUGHNESS * torch.stack(starts).to(model.device)
        responses = torch.zeros(len(targets), STARTS, device=model.device)
        with torch.no_grad():
            values = self.run(_input(model, _FORM.image(self.starts, model.size)))
            for readout in read:
                responses[readout.rows] = readout.strongest_of_all(values)
        self.before, self.best = responses.nan_to_num(-torch.inf).max(1)

    def pictures(self, rows: range) -> list[Picture]:
        """Of the targets with these numbers, in one batch."""
        batch = slice(rows.start, rows.stop)
        targets = self.targets[batch]
        run, read = focused(self.run, readouts(self.model.tape, targets, self.model.device))
        parameters, moved = self._ascended(run, read, self.starts[self.best[batch]])
        with torch.no_grad():
            images = _FORM.image(parameters, self.model.size)
            after = _strongest(read, run(_input(self.model, images)))
        own, agrees = self._checked(targets, images)
        dead = (~moved | ~(after > self.before[batch])).tolist()
        columns = images.float().cpu(), after.tolist(), own.tolist(), agrees.tolist(), dead
        steps = self.settings.steps
        return [Picture(t, x, a, o, same, d, 0, steps) for t, x, a, o, same, d in zip(targets, *columns, strict=True)]

    @torch.inference_mode(False)
    @torch.enable_grad()
    def _ascended(self, run: Run, read: Sequence[Readout], starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The parameters after all steps, and whether each picture had a gradient."""
        model, settings, parameters = self.model, self.settings, starts.clone()
        moved = torch.zeros(len(starts), dtype=torch.bool, device=model.device)
        for step in range(settings.steps):
            parameters.requires_grad_()
            values = run(_input(model, _FORM.image(parameters, model.size)))
            scores = torch.stack([readout.scores(values, settings.focus, settings.margin).sum() for readout in read])
            if not scores.requires_grad:  # a comparison or an index lies between: no derivative
                break
            (gradient,) = torch.autograd.grad(scores.sum(), parameters)
            size = gradient.abs().nan_to_num_(0.0, 0.0)
            mean = size.flatten(1).mean(1)
            moved |= mean > 0
            stride = settings.learning_rate * (1 - step / settings.steps) / mean.clamp_min(1e-30).sqrt()
            root = size.sqrt_().copysign_(gradient)
            parameters = parameters.detach().addcmul_(root, stride[:, None, None, None, None])
        return parameters.detach(), moved

    @torch.no_grad()
    def _checked(self, targets: Sequence[Target], images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Responses of the network itself, NaN where it was not asked, and whether it agrees, as far as it was."""
        exact = replace(self.model, dtype=torch.float32)
        own, agrees = torch.full((len(targets),), torch.nan), torch.ones(len(targets), dtype=torch.bool)

        def ask(rows: slice) -> bool:
            read = readouts(exact.tape, targets[rows], exact.device)
            x = _input(exact, images[rows])
            claimed = _strongest(read, exact.program(read)(x))
            own[rows], agrees[rows] = own_responses(exact, targets[rows], x, claimed)
            return bool(agrees.all())

        if not ask(slice(0, CHECKED)):
            ask(slice(0, None))
        return own, agrees


def _input(model: ImageModel, images: torch.Tensor) -> torch.Tensor:
    return model.network_input(present(images, model.shape))


def _strongest(read: Sequence[Readout], values: Mapping[int, torch.Tensor]) -> torch.Tensor:
    """(B,) responses of a batch's targets, each to its own picture."""
    responses = torch.zeros(sum(len(readout.rows) for readout in read), device=read[0].rows.device)
    for readout in read:
        responses[readout.rows] = readout.strongest(values)
    return responses
