"""What is maximised: the response of a place to each picture of a batch, one number a picture.

Responses are linear in the place's channels (a unit's is its pre-activation), so that their gradient is never cut
off by the place's own rectifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.operations import RECTIFIERS, UNCHANGED
from wbsite.graph.tape import Ref, Tape

from .base import Target

_CUT = 2.0


def located(tape: Tape, target: Target) -> tuple[int, int]:
    """Number of the value that a target reads, and its channel there, −1 for a direction.

    Raises:
        WbsiteError: the place is unknown, or has no such unit, or not as many channels as the direction.
    """
    value = tape.feeds(target.place) if target.side == "input" else tape.pre_activation(target.place)
    shape = tape.shapes[value]
    if len(shape) not in (2, 4):
        raise WbsiteError(
            f"{target.place} gives values of shape {tuple(shape)}, not (batch, channels) or (batch, channels, height, "
            "width), so it has no units to picture.",
            "Choose a convolution, a linear layer, or a block of convolutions.",
        )
    if target.direction is not None:
        if len(target.direction) != shape[1]:
            raise WbsiteError(
                f"a direction of {len(target.direction)} numbers was given for {target.place}, whose {target.side} "
                f"has {shape[1]} channels.",
                "Give one number for each channel.",
            )
        return value, -1
    assert target.channel is not None
    if not 0 <= target.channel < shape[1]:
        raise WbsiteError(
            f"{target.place} has no unit {target.channel}: it has {shape[1]}.", f"Give 0 to {shape[1] - 1}."
        )
    return _before_rectifier(tape, value, target.channel)


def _before_rectifier(tape: Tape, value: int, channel: int) -> tuple[int, int]:
    """A block's unit is one of a layer in it: back through concatenations of channels and the rectifier."""
    call = tape.makers.get(value)
    if call is not None and call.operation in RECTIFIERS | UNCHANGED and call.inputs:
        return _before_rectifier(tape, call.inputs[0], channel)
    if call is None or call.operation not in ("cat", "concat", "concatenate"):
        return value, channel
    parts, dim = (*call.args, *call.kwargs.values())[0], call.kwargs.get("dim", (*call.args, 0)[1])
    if dim not in (1, 1 - len(tape.shapes[value])) or not all(isinstance(part, Ref) for part in parts):
        return value, channel
    for part in parts:
        width = tape.shapes[part.value][1]
        if channel < width:
            return _before_rectifier(tape, part.value, channel)
        channel -= width
    raise AssertionError("a concatenation is as wide as its parts")


@dataclass(frozen=True)
class Reading:
    """The pictures of a batch whose targets read the same value.

    Attributes:
        value: its number.
        rows: (n,) of the batch.
        targets: of these rows.
        channels: (n,) units; −1 where the target is a direction.
        weights: (n, C) directions of length 1 (zeros in the rows of units), None where there are none.
        signs: (n,) 1 or −1.
    """

    value: int
    rows: torch.Tensor
    targets: tuple[Target, ...]
    channels: torch.Tensor
    weights: torch.Tensor | None
    signs: torch.Tensor

    def responses(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n, H, W) float32, times the sign: the more the better. A linear layer has one position."""
        x = values[self.value]
        x = x[..., None, None] if x.ndim == 2 else x
        found = x[self.rows, self.channels.clamp_min(0)].to(torch.float32)
        if self.weights is not None:
            along = torch.einsum("nc,nchw->nhw", self.weights, x[self.rows].to(torch.float32))
            found = torch.where(self.channels[:, None, None] < 0, along, found)
        return found * self.signs[:, None, None]

    def scores(self, values: Mapping[int, torch.Tensor], focus: float, margin: float = 0.0) -> torch.Tensor:
        """(n,) at the target's position, or over all of them (`pooled`) but a margin, in shares of the map's sides."""
        responses = self.responses(values)
        down, right = (int(margin * length) for length in responses.shape[1:])
        inner = responses[:, down : responses.shape[1] - down, right : responses.shape[2] - right]
        return self._placed(responses, pooled(inner.flatten(1), focus))

    def strongest(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n,) at the target's position, or the largest of all."""
        responses = self.responses(values)
        return self._placed(responses, responses.flatten(1).amax(1))

    def strongest_of_all(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n, B): of each target to every picture of the batch, not to its own alone."""
        x = values[self.value].to(torch.float32)
        x = x[..., None, None] if x.ndim == 2 else x
        found = x[:, self.channels.clamp_min(0)].transpose(0, 1)
        if self.weights is not None:
            along = torch.einsum("nc,bchw->nbhw", self.weights, x)
            found = torch.where(self.channels[:, None, None, None] < 0, along, found)
        found = found * self.signs[:, None, None, None]
        return self._placed(found, found.flatten(2).amax(2))

    def _placed(self, responses: torch.Tensor, anywhere: torch.Tensor) -> torch.Tensor:
        """Responses (n, …, H, W) at the targets' positions; where there is none, `anywhere` (n, …)."""
        if all(target.position is None for target in self.targets):
            return anywhere
        found = list(anywhere.unbind())
        for i, target in enumerate(self.targets):
            if target.position is not None:
                row, column = _position(target, responses.shape[-2:])
                found[i] = responses[i, ..., row, column]
        return torch.stack(found)

    @property
    def has_variants(self) -> bool:
        """Whether any target has several pictures."""
        return any(target.variant for target in self.targets)

    def repulsion(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n,) how alike a picture is to the other variants of its target, −1 to 1; 0 for a target with one picture.

        The mean cosine between the covariances (C, C) of the place's channels over positions, which say what a
        picture is made of and not where. A linear layer has one position: there, between its responses.
        """
        alike = torch.zeros(len(self.targets), device=self.rows.device)
        sets: dict[Target, list[int]] = {}
        for i, target in enumerate(self.targets):
            sets.setdefault(replace(target, variant=0), []).append(i)
        for members in sets.values():
            if len(members) < 2:
                continue
            x = values[self.value][self.rows[members]].to(torch.float32)
            if x.ndim > 2:
                x = x.flatten(2) - x.flatten(2).mean(2, keepdim=True)
                x = torch.einsum("ncp,ndp->ncd", x, x)
            texture = F.normalize(x.flatten(1), dim=1)
            cosines = texture @ texture.T
            others = (cosines.sum(1) - cosines.diagonal()) / (len(members) - 1)
            alike = alike.index_put((torch.tensor(members, device=alike.device),), others)
        return alike


def readings(tape: Tape, targets: Sequence[Target], device: torch.device) -> tuple[Reading, ...]:
    """How a batch is read, its targets' values in order of first appearance; raises as `located`."""
    found = [located(tape, target) for target in targets]
    rows: dict[int, list[int]] = {}
    for row, (value, _) in enumerate(found):
        rows.setdefault(value, []).append(row)
    return tuple(
        _reading(value, own, targets, [found[row][1] for row in own], tape.shapes[value][1], device)
        for value, own in rows.items()
    )


def _reading(
    value: int, rows: list[int], targets: Sequence[Target], channels: list[int], width: int, device: torch.device
) -> Reading:
    chosen = tuple(targets[row] for row in rows)
    weights = None
    if min(channels) < 0:
        vectors = [target.direction or (0.0,) * width for target in chosen]
        weights = F.normalize(torch.tensor(vectors, dtype=torch.float32), dim=1).to(device)
    signs = torch.tensor([float(target.sign) for target in chosen], device=device)
    where = torch.tensor(rows, device=device)
    return Reading(value, where, chosen, torch.tensor(channels, device=device), weights, signs)


def _position(target: Target, size: Sequence[int]) -> tuple[int, int]:
    if target.position == "centre":
        return size[0] // 2, size[1] // 2
    row, column = target.position  # type: ignore[misc]
    if not (-size[0] <= row < size[0] and -size[1] <= column < size[1]):
        raise WbsiteError(
            f"{target.place} has no position ({row}, {column}): its map is {size[0]} × {size[1]} for this picture.",
            'Give a row and a column inside it, or "centre".',
        )
    return row, column


def pooled(responses: torch.Tensor, focus: float) -> torch.Tensor:
    """(n, positions) → (n,): a mean over positions in which the strongest count for more.

    Weights are exp(focus · z) of the standardised responses z, held fixed and cut off at z = 2: focus 0 is the plain
    mean, which fills a picture with repetitions; a larger one makes one good instance rather than many poor ones.
    Without the cut-off one position of a large map runs away from all others and leaves a grey picture with a spot.
    """
    if focus == 0 or responses.shape[1] == 1:
        return responses.mean(1)
    held = responses.detach()
    z = (held - held.mean(1, keepdim=True)) / held.std(1, keepdim=True).clamp_min(1e-12)
    return (torch.softmax(focus * z.clamp_max(_CUT), 1) * responses).sum(1)
