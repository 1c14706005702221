"""The training loop: one network, one device, exact resume."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ..datasets.base import Pictures
from ..errors import WbsiteError
from ..models.base import Preprocess
from ..progress import Progress
from ..store import write_atomically
from .base import Recipe


@dataclass
class History:
    """What was measured after every epoch."""

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Batches:
    """Pictures on the device as uint8; augmentation and normalisation happen there.

    The order and the augmentation of an epoch depend on (seed, epoch) alone, so a resumed run
    sees what an undisturbed one would have seen.
    """

    images: torch.Tensor
    labels: torch.Tensor
    preprocess: Preprocess

    @classmethod
    def of(cls, pictures: Pictures, preprocess: Preprocess, device: torch.device) -> Batches:
        """Moves a data set to the device."""
        return cls(
            torch.from_numpy(pictures.images).to(device),
            torch.from_numpy(pictures.labels).to(device),
            preprocess,
        )

    def normalise(self, x: torch.Tensor) -> torch.Tensor:
        """uint8 (N, 3, H, W) → the network's input."""
        p, shape = self.preprocess, (1, -1, 1, 1)
        mean = torch.tensor(p.mean, device=x.device).reshape(shape)
        std = torch.tensor(p.std, device=x.device).reshape(shape)
        x = (x.float() * (p.scale / 255.0) - mean) / std
        return x.contiguous(memory_format=torch.channels_last)

    def train(self, recipe: Recipe, seed: int, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Shuffled, shifted and flipped batches of one epoch; an incomplete last batch is left out."""
        g = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(self.labels), generator=g).to(self.labels.device)
        for index in order.split(recipe.batch):
            if len(index) < min(recipe.batch, len(order)):
                return
            x = self.images[index]
            if recipe.shift:
                x = random_shift(x, recipe.shift, g)
            if recipe.flip:
                flips = (torch.rand(len(x), generator=g) < 0.5).to(x.device)
                x = torch.where(flips[:, None, None, None], x.flip(3), x)
            yield self.normalise(x), self.labels[index]

    def test(self, batch: int = 500) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All pictures as they are, in order."""
        for index in torch.arange(len(self.labels), device=self.labels.device).split(batch):
            yield self.normalise(self.images[index]), self.labels[index]


def random_shift(x: torch.Tensor, shift: int, generator: torch.Generator) -> torch.Tensor:
    """Each picture of (N, C, H, W) moved by its own offset of up to `shift` pixels, edges reflected."""
    n, _, h, w = x.shape
    padded = F.pad(x.float(), (shift,) * 4, mode="reflect").to(x.dtype)
    dy, dx = torch.randint(0, 2 * shift + 1, (2, n), generator=generator).to(x.device)
    rows = (dy[:, None] + torch.arange(h, device=x.device))[:, None, :, None]
    columns = (dx[:, None] + torch.arange(w, device=x.device))[:, None, None, :]
    return padded[
        torch.arange(n, device=x.device)[:, None, None, None],
        torch.arange(x.shape[1], device=x.device)[None, :, None, None],
        rows,
        columns,
    ]


def learning_rate(step: int, steps: int, peak: float, warmup: float = 0.2) -> float:
    """One cycle: linear rise over the first `warmup` of all steps, cosine fall to zero."""
    rise = max(1, round(warmup * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def accuracy(module: nn.Module, batches: Batches) -> float:
    """Share of pictures whose largest logit is their label's."""
    module.eval()
    right = torch.zeros((), device=batches.labels.device)
    with torch.inference_mode():
        for x, y in batches.test():
            right += (module(x).argmax(1) == y).sum()
    return float(right) / len(batches.labels)


def train(
    module: nn.Module,
    data: Batches,
    held_out: Batches,
    recipe: Recipe,
    seed: int,
    checkpoint: Path,
    progress: Progress,
    run: str = "",
) -> History:
    """Trains `module` in place; continues from `checkpoint` where there is one.

    A resumed run gives the parameters an undisturbed one would have given on the same device.

    Args:
        module: on the device of `data`, freshly initialised from `seed`.
        checkpoint: written after every epoch, under another name first.
        run: what else identifies the run; a checkpoint of another run or recipe is refused.

    Raises:
        WbsiteError: the checkpoint is damaged or belongs to another run; the loss is not finite.
    """
    device = data.labels.device
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    identity = {"run": run, "recipe": asdict(recipe), "seed": seed}
    history, first = History(), 0
    if checkpoint.exists():
        history, first = _resume(checkpoint, identity, module, optimiser, device)
        progress.line(f"resuming after epoch {first} of {recipe.epochs} ({checkpoint})")
    per_epoch = max(1, len(data.labels) // recipe.batch)
    for epoch in range(first, recipe.epochs):
        progress.step(f"{run} seed {seed}, epoch {epoch + 1} of {recipe.epochs}", per_epoch)
        torch.manual_seed(seed * 100_003 + epoch)  # dropout
        module.train()
        total = torch.zeros((), device=device)
        for i, (x, y) in enumerate(data.train(recipe, seed, epoch)):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(epoch * per_epoch + i, recipe.epochs * per_epoch, recipe.rate)
            with torch.autocast(device.type, torch.bfloat16):
                loss = F.cross_entropy(module(x), y, label_smoothing=recipe.smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach()
            progress.advance()
        mean = float(total) / per_epoch
        if not math.isfinite(mean):
            raise WbsiteError(
                f"{run}: the loss is {mean} in epoch {epoch + 1}.",
                "Use a lower learning rate; the last checkpoint is kept.",
            )
        history.loss.append(mean)
        history.accuracy.append(accuracy(module, held_out))
        progress.line(
            f"{run} seed {seed}, epoch {epoch + 1}: loss {mean:.4f}, test accuracy {history.accuracy[-1]:.4f}"
        )
        _save(checkpoint, identity, epoch + 1, module, optimiser, history)
    return history


def _save(
    path: Path, identity: dict, epoch: int, module: nn.Module, optimiser: torch.optim.Optimizer, history: History
) -> None:
    """Writes the checkpoint whole or not at all, also where the power fails.

    Raises:
        WbsiteError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "identity": identity,
            "epoch": epoch,
            "module": module.state_dict(),
            "optimiser": optimiser.state_dict(),
            "history": asdict(history),
        },
        buffer,
    )
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise WbsiteError(
            f"checkpoint {path} cannot be written ({error.strerror or error}).",
            "Make room, or give another folder with --out; the last checkpoint is kept.",
        ) from error


def _resume(
    path: Path, identity: dict, module: nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
) -> tuple[History, int]:
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        found = saved["identity"]
    except Exception as error:  # torch raises many kinds for a damaged file; all mean the same
        raise WbsiteError(f"checkpoint {path} cannot be read ({error}).", "Delete it to start over.") from error
    if found != identity:
        raise WbsiteError(
            f"checkpoint {path} belongs to another run: {found}, expected {identity}.",
            "Choose another --out, or delete it.",
        )
    module.load_state_dict(saved["module"])
    optimiser.load_state_dict(saved["optimiser"])
    return History(**saved["history"]), saved["epoch"]
