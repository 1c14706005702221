"""The training loop: one network, in one process or several, resumed exactly where it was interrupted."""

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

from . import checkpoint
from .base import Recipe
from .batches import UPRIGHT, Feed, step_seed
from .parallel import ALONE, Team

SAVE_SECONDS = 60.0
"""A checkpoint is written after every epoch, and within an epoch whenever this much time has passed."""

Measure = Callable[[nn.Module], list[dict[str, Any]]]
"""Network → rows of the history, to which the epoch is added."""


@dataclass
class History:
    """What was measured during training.

    Attributes:
        loss: mean training loss of every epoch.
        accuracy: test accuracy after every epoch, in [0, 1].
        measured: rows of a `Measure`, with the epoch each was measured at.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    measured: list[dict[str, Any]] = field(default_factory=list)


def learning_rate(step: int, steps: int, peak: float, warmup: float = 0.2) -> float:
    """One cycle: linear rise over the first `warmup` of all steps, cosine fall to zero.

    torch's `OneCycleLR` has one shape for both parts and begins above zero; this also needs no state to be resumed.
    """
    rise = max(1, round(warmup * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def accuracy(
    module: nn.Module, batches: Feed, recipe: Recipe = UPRIGHT, autocast: bool = False, team: Team = ALONE
) -> float:
    """Share of labels whose logit is the largest, mean over pictures; in float32 unless `autocast`."""
    module.eval()
    correct = torch.zeros((), device=batches.device)
    with torch.inference_mode(), torch.autocast(batches.device.type, torch.bfloat16, enabled=autocast):
        for x, y in batches.test(recipe, rows=team.rows):
            correct += (module(x).argmax(1) == y).reshape(len(y), -1).float().mean(1).sum()
    return team.sum(correct) / len(batches)


def steps_to_measure(moments: Sequence[float], per_epoch: int) -> dict[int, float]:
    """Step → the moment, in epochs, that is measured after it; of several at one step, the nearest."""
    nearest_last = sorted(moments, key=lambda moment: -abs(moment * per_epoch - round(moment * per_epoch)))
    return {round(moment * per_epoch): moment for moment in nearest_last}


def train(
    module: nn.Module,
    training: Feed,
    test: Feed,
    recipe: Recipe,
    seed: int,
    checkpoint_path: Path,
    progress: Progress,
    run: str = "",
    measure: Measure | None = None,
    moments: Sequence[float] = (),
    autocast: bool = True,
    team: Team = ALONE,
) -> History:
    """Trains `module` in place; continues from its checkpoint where there is one.

    A resumed run ends with the parameters of an uninterrupted one on the same device. Processes of a team each work on
    their share of every batch and end with the same parameters.

    Args:
        module: freshly initialised from `seed`; it is moved to the device of `training`.
        checkpoint_path: of this run.
        run: what else identifies the run; a checkpoint of another run or recipe is refused.
        measure: what to measure at `moments`.
        moments: in epochs, fractions allowed; 0 is the untrained network.
        autocast: bfloat16 where it is safe, instead of float32 throughout.
        team: the processes that train this network together.

    Raises:
        WbsiteError: the checkpoint is damaged, belongs to another run or cannot be written; the loss or a weight is
            not finite (the last good checkpoint stays); the team cannot share the batch.
    """
    device = training.device
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    identity = {"run": run, "recipe": asdict(recipe), "seed": seed}
    per_epoch = training.steps(recipe)
    steps = recipe.epochs * per_epoch
    due = steps_to_measure(moments, per_epoch)
    history, step, total = History(), 0, torch.zeros((), device=device)
    team.check_batch(min(recipe.batch, len(training)))
    saved = team.on_first(lambda: checkpoint.load(checkpoint_path, identity) if checkpoint_path.exists() else None)
    if saved is not None:
        module.load_state_dict(saved["module"])
        optimiser.load_state_dict(saved["optimiser"])
        history, step, total = History(**saved["history"]), saved["step"], saved["total"].to(device)
        progress.line(f"resuming {run} seed {seed} at step {step} of {steps} ({checkpoint_path})")
    network = team.wrap(module)

    def measure_if_due() -> None:
        if measure and step in due:
            history.measured += [{"epoch": due[step], **row} for row in measure(module)]

    def finite_total() -> float:
        loss = team.sum(total) / team.size
        # A step whose loss was finite can leave parameters that are not.
        if not math.isfinite(loss) or not all(bool(value.isfinite().all()) for value in module.state_dict().values()):
            cause = f"loss is {loss}" if not math.isfinite(loss) else "network has weights that are not finite"
            raise WbsiteError(
                f"{run}: the {cause} in epoch {math.ceil(step / per_epoch)}.",
                "Use a lower learning rate; the last good checkpoint is kept.",
            )
        return loss

    def save(total_loss: float) -> None:
        state = {"module": module.state_dict(), "optimiser": optimiser.state_dict(), "total": torch.tensor(total_loss)}
        state |= {"step": step, "history": asdict(history)}
        team.on_first(lambda: checkpoint.save(checkpoint_path, identity, state))

    if step == 0:
        measure_if_due()
    for epoch in range(step // per_epoch, recipe.epochs):
        first_step = step - epoch * per_epoch
        progress.step(f"{run} seed {seed}, epoch {epoch + 1} of {recipe.epochs}", per_epoch)
        progress.advance(first_step)
        module.train()
        save_time = time.monotonic()
        for x, y in training.train(recipe, seed, epoch, first_step, team.rows):
            step += 1
            torch.manual_seed(team.seed(step_seed(seed, epoch, step)))  # dropout
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step - 1, steps, recipe.rate)
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                loss = F.cross_entropy(network(x), y, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach()
            progress.advance()
            if step % per_epoch:  # after the last step of an epoch below, with its accuracy
                measure_if_due()
                if team.agree(time.monotonic() - save_time > SAVE_SECONDS):
                    save(finite_total())
                    save_time = time.monotonic()
        measure_if_due()
        history.loss.append(finite_total() / per_epoch)
        history.accuracy.append(accuracy(module, test, recipe, autocast, team))
        total.zero_()
        save(0.0)
        progress.line(
            f"{run} seed {seed}, epoch {epoch + 1}: loss {history.loss[-1]:.4f},"
            f" test accuracy {history.accuracy[-1]:.4f}"
        )
    return history
