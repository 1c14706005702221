"""The training loop: one network, one device or a team of them, exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from . import checkpoint as checkpoints
from .base import Recipe
from .batches import UPRIGHT, Feed, step_seed
from .parallel import ALONE, Team

SAVE_SECONDS = 60.0
"""A checkpoint is written after every epoch, and within one when this much time has passed."""

Measure = Callable[[nn.Module], list[dict[str, Any]]]
"""What is measured on the network at chosen moments; each row gets the epoch it was measured at."""


@dataclass
class History:
    """What was measured: loss and test accuracy after every epoch, and rows at chosen moments."""

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    measured: list[dict[str, Any]] = field(default_factory=list)


def learning_rate(step: int, steps: int, peak: float, warmup: float = 0.2) -> float:
    """One cycle: linear rise over the first `warmup` of all steps, cosine fall to zero."""
    rise = max(1, round(warmup * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def accuracy(
    module: nn.Module, batches: Feed, recipe: Recipe = UPRIGHT, autocast: bool = False, team: Team = ALONE
) -> float:
    """Share of pictures whose largest logit is their label's; in float32 unless `autocast`."""
    module.eval()
    right = torch.zeros((), device=batches.device)
    with torch.inference_mode(), torch.autocast(batches.device.type, torch.bfloat16, enabled=autocast):
        for x, y in batches.test(recipe, rows=team.rows):
            right += (module(x).argmax(1) == y).sum()
    return team.sum(right) / len(batches)


def due_steps(moments: Sequence[float], per_epoch: int) -> dict[int, float]:
    """Step → the moment, in epochs, that is measured there; of several at one step, the nearest."""
    nearest_last = sorted(moments, key=lambda moment: -abs(moment * per_epoch - round(moment * per_epoch)))
    return {round(moment * per_epoch): moment for moment in nearest_last}


def train(
    module: nn.Module,
    data: Feed,
    held_out: Feed,
    recipe: Recipe,
    seed: int,
    checkpoint: Path,
    progress: Progress,
    run: str = "",
    measure: Measure | None = None,
    moments: Sequence[float] = (),
    autocast: bool = True,
    team: Team = ALONE,
) -> History:
    """Trains `module` in place; continues from `checkpoint` where there is one.

    A resumed run gives the parameters an undisturbed one would have given on the same device.
    Processes of a team each work on their share of every batch and end with the same parameters.

    Args:
        module: on the device of `data`, freshly initialised from `seed`.
        checkpoint: written under another name first, then renamed.
        run: what else identifies the run; a checkpoint of another run or recipe is refused.
        measure: what to measure at `moments`.
        moments: in epochs, fractions allowed; 0 is the untrained network.
        autocast: bfloat16 where it is safe, as against float32 throughout.
        team: the processes that train this network together.

    Raises:
        WbsiteError: the checkpoint is damaged, belongs to another run or cannot be written; the
            loss or a weight is not finite (the last good checkpoint stays); the team cannot
            share the batch.
    """
    device = data.device
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    identity = {"run": run, "recipe": asdict(recipe), "seed": seed}
    per_epoch = data.steps(recipe)
    steps = recipe.epochs * per_epoch
    due = due_steps(moments, per_epoch)
    history, done, total = History(), 0, torch.zeros((), device=device)
    team.check(min(recipe.batch, len(data)))
    saved = team.lead(lambda: checkpoints.resume(checkpoint, identity) if checkpoint.exists() else None)
    if saved is not None:
        module.load_state_dict(saved["module"])
        optimiser.load_state_dict(saved["optimiser"])
        history, done, total = History(**saved["history"]), saved["step"], saved["total"].to(device)
        progress.line(f"resuming {run} seed {seed} at step {done} of {steps} ({checkpoint})")
    network = team.wrap(module)

    def look(step: int) -> None:
        if measure and step in due:
            history.measured += [{"epoch": due[step], **row} for row in measure(module)]

    def finite_total(step: int) -> float:
        loss = team.sum(total) / team.size
        # A step whose loss was finite can leave parameters that are not.
        if not math.isfinite(loss) or not all(bool(value.isfinite().all()) for value in module.state_dict().values()):
            what = f"loss is {loss}" if not math.isfinite(loss) else "network has weights that are not finite"
            raise WbsiteError(
                f"{run}: the {what} in epoch {math.ceil(step / per_epoch)}.",
                "Use a lower learning rate; the last good checkpoint is kept.",
            )
        return loss

    def keep(step: int, loss: float) -> None:
        state = {"module": module.state_dict(), "optimiser": optimiser.state_dict(), "total": torch.tensor(loss)}
        state |= {"step": step, "history": asdict(history)}
        team.lead(lambda: checkpoints.save(checkpoint, identity, state))

    if done == 0:
        look(0)
    for epoch in range(done // per_epoch, recipe.epochs):
        first = done - epoch * per_epoch
        progress.step(f"{run} seed {seed}, epoch {epoch + 1} of {recipe.epochs}", per_epoch)
        progress.advance(first)
        module.train()
        written = time.monotonic()
        for x, y in data.train(recipe, seed, epoch, first, team.rows):
            done += 1
            torch.manual_seed(team.seed(step_seed(seed, epoch, done)))  # dropout
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(done - 1, steps, recipe.rate)
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                loss = F.cross_entropy(network(x), y, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach()
            progress.advance()
            if done % per_epoch:  # after the last step of an epoch below, with its accuracy
                look(done)
                if team.agree(time.monotonic() - written > SAVE_SECONDS):
                    keep(done, finite_total(done))
                    written = time.monotonic()
        look(done)
        history.loss.append(finite_total(done) / per_epoch)
        history.accuracy.append(accuracy(module, held_out, recipe, autocast, team))
        total.zero_()
        keep(done, 0.0)
        progress.line(
            f"{run} seed {seed}, epoch {epoch + 1}: loss {history.loss[-1]:.4f},"
            f" test accuracy {history.accuracy[-1]:.4f}"
        )
    return history
