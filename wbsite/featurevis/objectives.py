"""What is maximised: the response of a target to each picture of a batch, one number a picture.

Responses are linear in the layer's channels (a unit's is its pre-activation), so that their gradient is never cut
off by the layer's own rectifier.
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


def locate(tape: Tape, target: Target) -> tuple[int, int]:
    """Number of the value that a target reads, and its channel there, −1 for a direction.

    Raises:
        WbsiteError: the layer is unknown, or has no such unit, or not as many channels as the direction.
    """
    value = tape.feeds(target.layer) if target.side == "input" else tape.pre_activation(target.layer)
    shape = tape.shapes[value]
    if len(shape) not in (2, 4):
        raise WbsiteError(
            f"{target.layer} gives values of shape {tuple(shape)}, not (batch, channels) or (batch, channels, height, "
            "width), so it has no units to picture.",
            "Choose a convolution, a linear layer, or a block of convolutions.",
        )
    if target.direction is not None:
        if len(target.direction) != shape[1]:
            raise WbsiteError(
                f"a direction of {len(target.direction)} numbers was given for {target.layer}, whose {target.side} "
                f"has {shape[1]} channels.",
                "Give one number for each channel.",
            )
        return value, -1
    assert target.channel is not None
    if not 0 <= target.channel < shape[1]:
        raise WbsiteError(
            f"{target.layer} has no unit {target.channel}: it has {shape[1]}.", f"Give 0 to {shape[1] - 1}."
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
class Readout:
    """The pictures of a batch whose targets read the same value.

    Attributes:
        value: its number.
        rows: (n,) numbers of the pictures in the batch.
        targets: of these pictures.
        channels: (n,) units; −1 where the target is a direction.
        weights: (n, C) directions of length 1 (zeros in the rows of units), None where there are none.
        signs: (n,) 1 or −1.
        focused: whether the value holds, instead of the layer, each target's response to its own picture (n, H, W):
            what `responses`, `scores` and `strongest` read, and no others (`focus.py`).
    """

    value: int
    rows: torch.Tensor
    targets: tuple[Target, ...]
    channels: torch.Tensor
    weights: torch.Tensor | None
    signs: torch.Tensor
    focused: bool = False

    def responses(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n, H, W) float32, times the sign: the more the better. A linear layer has one position."""
        x = values[self.value]
        if self.focused:
            return x.to(torch.float32) * self.signs[:, None, None]
        x = x[..., None, None] if x.ndim == 2 else x
        responses = x[self.rows, self.channels.clamp_min(0)].to(torch.float32)
        if self.weights is not None:
            projections = torch.einsum("nc,nchw->nhw", self.weights, x[self.rows].to(torch.float32))
            responses = torch.where(self.channels[:, None, None] < 0, projections, responses)
        return responses * self.signs[:, None, None]

    def scores(self, values: Mapping[int, torch.Tensor], focus: float, margin: float = 0.0) -> torch.Tensor:
        """(n,) at the target's position, or over all of them (`pooled`) but a margin, in shares of the map's sides."""
        responses = self.responses(values)
        down, right = (int(margin * length) for length in responses.shape[1:])
        inner = responses[:, down : responses.shape[1] - down, right : responses.shape[2] - right]
        return self._at_positions(responses, pooled(inner.flatten(1), focus))

    def strongest(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n,) at the target's position, or the largest of all."""
        responses = self.responses(values)
        return self._at_positions(responses, responses.flatten(1).amax(1))

    def strongest_of_all(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n, B): of each target to every picture of the batch, not to its own alone."""
        x = values[self.value].to(torch.float32)
        x = x[..., None, None] if x.ndim == 2 else x
        responses = x[:, self.channels.clamp_min(0)].transpose(0, 1)
        if self.weights is not None:
            projections = torch.einsum("nc,bchw->nbhw", self.weights, x)
            responses = torch.where(self.channels[:, None, None, None] < 0, projections, responses)
        responses = responses * self.signs[:, None, None, None]
        return self._at_positions(responses, responses.flatten(2).amax(2))

    def _at_positions(self, responses: torch.Tensor, anywhere: torch.Tensor) -> torch.Tensor:
        """Responses (n, …, H, W) at the targets' positions; of targets without one, `anywhere` (n, …)."""
        if all(target.position is None for target in self.targets):
            return anywhere
        rows = list(anywhere.unbind())
        for i, target in enumerate(self.targets):
            if target.position is not None:
                row, column = _position(target, responses.shape[-2:])
                rows[i] = responses[i, ..., row, column]
        return torch.stack(rows)

    @property
    def has_variants(self) -> bool:
        """Whether any target has several pictures."""
        return any(target.variant for target in self.targets)

    def repulsion(self, values: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """(n,) how similar a picture is to the other variants of its target, −1 to 1; 0 for a target with one picture.

        The mean cosine between the covariances (C, C) of the layer's channels over positions, which depend on what a
        picture is made of and not on where. A linear layer has one position: there, between its responses.
        """
        similarity = torch.zeros(len(self.targets), dtype=torch.float32, device=self.rows.device)
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
            similarity = similarity.index_put((torch.tensor(members, device=similarity.device),), others)
        return similarity


def readouts(tape: Tape, targets: Sequence[Target], device: torch.device) -> tuple[Readout, ...]:
    """How a batch is read, its targets' values in order of first appearance; raises as `locate`."""
    locations = [locate(tape, target) for target in targets]
    rows: dict[int, list[int]] = {}
    for row, (value, _) in enumerate(locations):
        rows.setdefault(value, []).append(row)
    return tuple(
        _readout(value, numbers, targets, [locations[row][1] for row in numbers], tape.shapes[value][1], device)
        for value, numbers in rows.items()
    )


def _readout(
    value: int, rows: list[int], targets: Sequence[Target], channels: list[int], width: int, device: torch.device
) -> Readout:
    members = tuple(targets[row] for row in rows)
    weights = None
    if min(channels) < 0:
        vectors = [target.direction or (0.0,) * width for target in members]
        weights = F.normalize(torch.tensor(vectors, dtype=torch.float32), dim=1).to(device)
    signs = torch.tensor([float(target.sign) for target in members], dtype=torch.float32, device=device)
    numbers = torch.tensor(rows, device=device)
    return Readout(value, numbers, members, torch.tensor(channels, device=device), weights, signs)


def _position(target: Target, size: Sequence[int]) -> tuple[int, int]:
    if target.position == "centre":
        return size[0] // 2, size[1] // 2
    row, column = target.position  # type: ignore[misc]
    if not (-size[0] <= row < size[0] and -size[1] <= column < size[1]):
        raise WbsiteError(
            f"{target.layer} has no position ({row}, {column}): its map is {size[0]} × {size[1]} for this picture.",
            'Give a row and a column inside it, or "centre".',
        )
    return row, column


def pooled(responses: torch.Tensor, focus: float) -> torch.Tensor:
    """(n, positions) → (n,): a mean over positions in which the strongest count for more.

    Weights are exp(focus · z) of the standardised responses z, held fixed and cut off at z = 2: focus 0 is the plain
    mean, which fills a picture with repetitions; a larger one makes one good instance rather than many poor ones.
    Without the cut-off one position of a large map outgrows all others, and the picture is grey with a spot.
    """
    if focus == 0 or responses.shape[1] == 1:
        return responses.mean(1)
    fixed = responses.detach()
    z = (fixed - fixed.mean(1, keepdim=True)) / fixed.std(1, keepdim=True).clamp_min(1e-12)
    return (torch.softmax(focus * z.clamp_max(_CUT), 1) * responses).sum(1)
