"""Expanded weights: how a unit's pre-activation changes with an earlier layer, its rectifiers taken as linear.

∂(pre-activation of the unit at one position) / ∂(activation of the earlier layer at all positions), with every
rectifier replaced by the identity, max pools by average pools and normalisation by its linear part
(`graph.linear`); Voss et al., Visualizing Weights, Distill 2021. Exact for a chain of linear layers. Where
positive and negative paths between the same two units cancel, it says little: `path_products` gives both sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, get_args

import torch

from wbsite.core.errors import WbsiteError, unknown
from wbsite.graph.linear import LinearForm, Pools
from wbsite.graph.receptive_field import ReceptiveField, positions_seen, receptive_field
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import Call

from .transposed import Transposed

_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Paths:
    """Sums over all paths between units of two layers, at every position of the receptive field.

    Attributes:
        positive: (units, C_source, kh, kw), sum of the path products that are positive, ≥ 0.
        negative: the same of the negative ones, ≤ 0.
    """

    positive: torch.Tensor
    negative: torch.Tensor

    @property
    def net(self) -> torch.Tensor:
        """Their sum, (units, C_source, kh, kw): the expanded weights, if pools are averaged."""
        return self.positive + self.negative

    @property
    def magnitude(self) -> torch.Tensor:
        """Sum of the absolute path products, (units, C_source, kh, kw)."""
        return self.positive - self.negative

    @property
    def cancellation(self) -> torch.Tensor:
        """1 − Σ|net| / Σ magnitude over positions, (units, C_source): 0 none, 1 complete; 0 without paths."""
        total = self.magnitude.sum((2, 3))
        return torch.where(total > 0, 1 - self.net.abs().sum((2, 3)) / torch.where(total > 0, total, 1), 0)


@dataclass(frozen=True)
class Path:
    """The calls between two layers of a recorded network.

    Attributes:
        recorded: the network.
        source, target: their names.
        start, end: the values that are differentiated: the source's activation, the target's pre-activation.
        calls: what leads from one to the other.
        receptive_field: positions of the source that one position of the target sees; None where it sees the whole map.
    """

    recorded: Recorded
    source: str
    target: str
    start: int
    end: int
    calls: tuple[Call, ...]
    receptive_field: ReceptiveField | None

    @classmethod
    def between(cls, model: Any, source: str, target: str) -> Path:
        """The path between two layers or modules.

        Raises:
            WbsiteError: a name is unknown, or nothing leads from the first to the second; one of them has no units.
        """
        recorded = Recorded.of(model)
        start, end = recorded.tape.activation(source), recorded.tape.pre_activation(target)
        for name, value in ((source, start), (target, end)):
            if len(recorded.tape.shapes[value]) not in (2, 4):
                raise WbsiteError(
                    f"{name} gives values of shape {recorded.tape.shapes[value]}, so it has no units.",
                    "Choose layers with values of shape (batch, channels) or (batch, channels, height, width).",
                )
        calls = recorded.tape.path(start, end)
        if not calls:
            other = recorded.tape.path(recorded.tape.activation(target), recorded.tape.pre_activation(source))
            raise WbsiteError(
                f"there is no path from {source} to {target}.",
                f"It is the other way round: expand from {target} to {source}."
                if other
                else "Choose an earlier layer that the later one can see; `wbsite list layers` shows what feeds what.",
            )
        return cls(recorded, source, target, start, end, calls, receptive_field(calls, start, end))

    @property
    def source_shape(self) -> tuple[int, ...]:
        """(C_source, H, W) of the whole map at the network's usual input size, or (features,)."""
        return self.recorded.tape.shapes[self.start][1:]

    @property
    def kernel(self) -> tuple[int, int]:
        """(kh, kw): positions of the source that the expanded weights cover."""
        if self.receptive_field is None:
            return (*self.source_shape[1:], 1, 1)[:2]  # type: ignore[return-value]
        return self.receptive_field[0].size, self.receptive_field[1].size

    def units(self, units: Sequence[int] | None) -> list[int]:
        """The target's units asked for, all of them for None.

        Raises:
            WbsiteError: a unit does not exist.
        """
        return checked_numbers(units, self.recorded.tape.shapes[self.end][1], self.target, "unit")

    def backwards(self, form: LinearForm) -> Transposed:
        """The path run backwards, from one position of the target.

        Raises:
            WbsiteError: a call on the path has no linear form.
        """
        shape = [1, *self.source_shape]
        if self.receptive_field is not None:
            shape[2:] = self.kernel
        positions = None if self.receptive_field is None else positions_seen(self.calls, self.end)
        x = self.recorded.like.new_zeros(shape)
        return Transposed(self.calls, self.start, self.end, x, form, positions)

    def gradients(self, units: Sequence[int], form: LinearForm | Transposed) -> torch.Tensor:
        """∂ target units at one position / ∂ source, along the path's linear form: (units, C_source, kh, kw).

        Args:
            form: or the path in that form, of `backwards`.

        Raises:
            WbsiteError: a call on the path has no linear form.
        """
        backwards = form if isinstance(form, Transposed) else self.backwards(form)
        shape, like = backwards.values[self.start].shape, self.recorded.like
        count, *sides = backwards.shape
        size = like.element_size() * math.prod(shape) * 8  # with inner values
        chunks = torch.as_tensor(units, device=like.device).split(max(1, _CHUNK_BYTES // max(1, size)))
        weights = like.new_empty(len(units), shape[1], *self.kernel)
        first = 0
        for chunk in chunks:
            rows = like.new_zeros(len(chunk), count, *sides)
            middle = tuple(side // 2 for side in sides)  # the one position of the receptive field, or of the map
            rows[(torch.arange(len(chunk), device=like.device), chunk.long(), *middle)] = 1
            weights[first : first + len(chunk)] = backwards(rows).reshape(len(chunk), shape[1], *self.kernel)
            first += len(chunk)
        return weights


def checked_numbers(numbers: Iterable[int] | None, count: int, layer: str, kind: str) -> list[int]:
    """Numbers of units or channels of a layer, all of them for None.

    Args:
        count: how many there are.
        kind: "unit" or "channel", for messages.

    Raises:
        WbsiteError: one does not exist, or is no number.
    """
    if numbers is None:
        return list(range(count))
    if isinstance(numbers, str) or not isinstance(numbers, Iterable):
        raise WbsiteError(f"the {kind}s of {layer} are {numbers!r}.", f"Give a list of numbers, as [{numbers}].")
    checked = []
    for number in numbers:
        try:
            checked.append(index(number))
        except TypeError:
            raise WbsiteError(f"{layer} has no {kind} {number!r}.", "Give whole numbers.") from None
    if wrong := [number for number in checked if not 0 <= number < count]:
        raise WbsiteError(f"{layer} has no {kind} {wrong[0]}.", f"Its {kind}s are 0 to {count - 1}.")
    return checked


def expanded_weights(model: Any, source: str, target: str, units: Sequence[int] | None = None) -> torch.Tensor:
    """Expanded weights from an earlier layer to units of a later one, (units, C_source, kh, kw).

    The source is the earlier layer's activation (after its own batch norm and rectifier), the target the
    unit's pre-activation (after its own batch norm), at a position far from the edges. kh and kw are the
    size of its receptive field in the source: for a fully connected target, or after a global pooling, the
    whole map at the network's usual input size. Between neighbouring convolutions it is the kernel itself.

    Args:
        model: a LoadedModel, a Recorded, or a module with an attribute `input_shape`.
        source, target: names of layers or other modules, as "conv2d2", "mixed3a", "layer1.0"; "input" is the picture.
        units: of the target; None for all.

    Raises:
        WbsiteError: a layer or unit does not exist; no path leads from source to target; a call on it has no
            linear form; a weight on it is not finite, as where the weights file does not hold the layer.
    """
    path = Path.between(model, source, target)
    return finite(path, path.gradients(path.units(units), LinearForm(path.recorded.tape.shapes)))


def path_products(
    model: Any, source: str, target: str, units: Sequence[int] | None = None, pools: Pools = "average"
) -> Paths:
    """The positive and the negative path products behind the expanded weights, summed over all paths.

    With Σ|products| from the absolute weights, positive = (Σ|products| + net) / 2. Arguments and errors as
    for `expanded_weights`.

    Args:
        pools: "average" (positive + negative is the expanded weight), or "gates": a max pool lets every position
            of its window through. Then, on a path of convolutions, rectifiers and max pools, the sums bound the
            gradient on any picture, since every path is either open or shut there. Batch norm is linear and changes
            nothing. Local response normalisation is counted by its slope at zero, its largest; its cross-channel
            terms are left out, so the bound does not cover them.
    """
    if pools not in get_args(Pools):
        raise unknown("treatment of pools", pools, get_args(Pools))
    path = Path.between(model, source, target)
    numbers, shapes = path.units(units), path.recorded.tape.shapes
    net = path.gradients(numbers, LinearForm(shapes, pools=pools))
    total = path.gradients(numbers, LinearForm(shapes, magnitude=True, pools=pools))
    return Paths(finite(path, (total + net) / 2).clamp_min(0), ((net - total) / 2).clamp_max(0))


def finite(path: Path, weights: torch.Tensor) -> torch.Tensor:
    """The weights along a path, if all of them are finite; a WbsiteError otherwise."""
    ends = weights.aminmax() if weights.numel() else ()  # NaN if any is; torch.isfinite reads the weights six times
    if not all(bool(end.isfinite()) for end in ends):
        raise WbsiteError(
            f"weights between {path.source} and {path.target} are not finite: the weights file does not hold every "
            "layer between them, the training diverged, or their products are too large for the numbers.",
            "Choose other layers, or other weights.",
        )
    return weights
