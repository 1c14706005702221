"""The training loop: one network, one device, exact resume."""

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

from ..errors import WbsiteError
from ..progress import Progress
from . import checkpoint as checkpoints
from .base import Recipe
from .batches import UPRIGHT, Batches, step_seed

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


def accuracy(module: nn.Module, batches: Batches, recipe: Recipe = UPRIGHT, autocast: bool = False) -> float:
    """Share of pictures whose largest logit is their label's; in float32 unless `autocast`."""
    module.eval()
    right = torch.zeros((), device=batches.device)
    with torch.inference_mode(), torch.autocast(batches.device.type, torch.bfloat16, enabled=autocast):
        for x, y in batches.test(recipe):
            right += (module(x).argmax(1) == y).sum()
    return float(right) / len(batches)


def train(
    module: nn.Module,
    data: Batches,
    held_out: Batches,
    recipe: Recipe,
    seed: int,
    checkpoint: Path,
    progress: Progress,
    run: str = "",
    measure: Measure | None = None,
    moments: Sequence[float] = (),
) -> History:
    """Trains `module` in place; continues from `checkpoint` where there is one.

    A resumed run gives the parameters an undisturbed one would have given on the same device.

    Args:
        module: on the device of `data`, freshly initialised from `seed`.
        checkpoint: written under another name first, then renamed.
        run: what else identifies the run; a checkpoint of another run or recipe is refused.
        measure: what to measure at `moments`.
        moments: in epochs, fractions allowed; 0 is the untrained network.

    Raises:
        WbsiteError: the checkpoint is damaged, belongs to another run or cannot be written; the
            loss is not finite (the last good checkpoint stays).
    """
    device = data.device
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    identity = {"run": run, "recipe": asdict(recipe), "seed": seed}
    per_epoch = data.steps(recipe)
    steps = recipe.epochs * per_epoch
    due = {round(moment * per_epoch): moment for moment in moments if measure}
    history, done, total = History(), 0, torch.zeros((), device=device)
    if checkpoint.exists():
        saved = checkpoints.resume(checkpoint, identity, device)
        module.load_state_dict(saved["module"])
        optimiser.load_state_dict(saved["optimiser"])
        history, done, total = History(**saved["history"]), saved["step"], saved["total"]
        progress.line(f"resuming {run} seed {seed} at step {done} of {steps} ({checkpoint})")

    def look(step: int) -> None:
        if measure and step in due:
            history.measured += [{"epoch": due[step], **row} for row in measure(module)]

    def keep(step: int) -> None:
        if not math.isfinite(float(total)):
            raise WbsiteError(
                f"{run}: the loss is {float(total)} in epoch {math.ceil(step / per_epoch)}.",
                "Use a lower learning rate; the last good checkpoint is kept.",
            )
        state = {"module": module.state_dict(), "optimiser": optimiser.state_dict(), "total": total}
        checkpoints.save(checkpoint, identity, {**state, "step": step, "history": asdict(history)})

    if done == 0:
        look(0)
    for epoch in range(done // per_epoch, recipe.epochs):
        first = done - epoch * per_epoch
        progress.step(f"{run} seed {seed}, epoch {epoch + 1} of {recipe.epochs}", per_epoch)
        progress.advance(first)
        module.train()
        written = time.monotonic()
        for x, y in data.train(recipe, seed, epoch, first):
            done += 1
            torch.manual_seed(step_seed(seed, epoch, done))  # dropout
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(done - 1, steps, recipe.rate)
            with torch.autocast(device.type, torch.bfloat16):
                loss = F.cross_entropy(module(x), y, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach()
            progress.advance()
            if done % per_epoch:  # after the last step of an epoch below, with its accuracy
                look(done)
                if time.monotonic() - written > SAVE_SECONDS:
                    keep(done)
                    written = time.monotonic()
        look(done)
        history.loss.append(float(total) / per_epoch)
        history.accuracy.append(accuracy(module, held_out, recipe, autocast=True))
        keep(done)
        total.zero_()
        progress.line(
            f"{run} seed {seed}, epoch {epoch + 1}: loss {history.loss[-1]:.4f},"
            f" test accuracy {history.accuracy[-1]:.4f}"
        )
    return history
