"""Weights that come without a network: kernels by name, in the order in which they are stored.

What the forward pass would tell is not known of them: what feeds what, strides, in which order they are used, and,
unless the file tells, groups and which convolutions are transposed. What is taken from shapes and names is said of each
below, and on the pages (`StoredKernels.notes`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import nn

from wbsite.core.errors import WbsiteError

from .kernels import TRANSPOSED, Kernel, Skipped
from .layers import Layer, Layers
from .tape import INPUT_NAME

ORDER = (
    "The file holds weights without the network that uses them. Layers stand in the file's order, which need not be"
    " that of a forward pass, so depth is a place in the file here."
)
DEPTHWISE = "kernels of one input channel, other than the first, belong to a depthwise convolution; "
PICTURE = (
    "kernels of three input channels, or the first of one, read the picture, red before green before blue unless"
    " something says otherwise."
)

_SAYS_KERNEL = re.compile(r"weight|kernel|filter|(^|[._/])w\d*$", re.IGNORECASE)
"""Names of arrays that are kernels, whatever their shape."""

NORMALISED = (
    ("weight_v", ("weight_g",)),
    ("original1", ("original0",)),
    ("weight_orig", ("weight_mask",)),
    ("weight_orig", ("weight_u", "weight_v")),
    ("original", ("0._u", "0._v")),
)
"""Last part of the name of kernels as torch's normalisations store them, and of what is stored with them: weight
normalisation's lengths, a mask of pruning, or the singular vectors of spectral normalisation."""

_LAST = ("weight", "kernel", *(stored for stored, _ in NORMALISED))
"""Last parts of names that are no part of a layer's."""

_STATISTICS = ("running_mean", "running_var")
"""Last parts of the names of what batch normalisation counts, which is no parameter."""

_TINY = torch.finfo(torch.float32).tiny

_PLACES = 196
"""Positions at which a kernel of a usual network is used, for estimates of time."""


class StoredKernels(nn.Module):
    """Weights as a module that has no forward pass.

    Args:
        state: name → float32 tensor, in the file's order.
        kind: of file, for what is listed as no layer.
        convolutions: names in `state` of kernels → (whether their convolution is transposed, its groups or None), as
            far as the file tells.

    Attributes:
        kernels: layer → its kernels, as a network would use them where a normalisation is stored in parts.
        skipped: transposed convolutions, and arrays of more than one axis that are no layers, with reasons.

    Raises:
        WbsiteError: no kernel is among them.
    """

    def __init__(
        self,
        state: Mapping[str, torch.Tensor],
        kind: str,
        convolutions: Mapping[str, tuple[bool, int | None]] | None = None,
    ) -> None:
        super().__init__()
        for name, value in state.items():  # past register_parameter, which refuses the dots of such names
            if name.rpartition(".")[2] in _STATISTICS:
                self._buffers[name] = value
            else:
                self._parameters[name] = nn.Parameter(value, requires_grad=False)
        self.kernels: dict[str, Kernel] = {}
        self.skipped: list[Skipped] = []
        self._told = convolutions or {}
        self._first = ""  # convolution
        for name, kernel in _effective(state):
            transposed, groups = self._told.get(name, (False, None))
            if transposed:
                self.skipped.append(Skipped(kernel.name, kind, TRANSPOSED))
            elif reason := _unusable(name, kernel.weight):
                self.skipped.append(Skipped(name, kind, reason))
            else:
                layer = name if kernel.name in self.kernels else kernel.name  # "conv.weight" beside "conv.kernel"
                if kernel.operation == "conv2d":
                    single = bool(self._first) and kernel.weight.shape[1] == 1
                    groups = groups or (len(kernel.weight) if single else 1)
                    self._first = self._first or layer
                self.kernels[layer] = replace(kernel, name=layer, groups=groups or 1)
        if not self.kernels:
            reasons = "; ".join(f"{skipped.name} ({skipped.reason})" for skipped in self.skipped[:3])
            raise WbsiteError(
                f"no convolution's or fully connected layer's kernels are among its {len(state)} arrays"
                + (f", such as {reasons}." if reasons else ", all of which have one axis."),
                "Expected arrays of the shape (units, channels, rows, columns) or (units, inputs).",
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Raises:
        WbsiteError: always: there is none.
        """
        raise WbsiteError("weights alone have no forward pass.", "Name the function that makes the network.")

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what the file does not tell, and what is taken from shapes instead."""
        if not self._first:
            return (ORDER,)
        convolutions = [kernel for kernel in self.kernels.values() if kernel.operation == "conv2d"]
        told = [self._told.get(kernel.parameters[0]) for kernel in convolutions]
        deeper = [known for kernel, known in zip(convolutions, told, strict=True) if not self._reads_picture(kernel)]
        groups = any(known is None or known[1] is None for known in deeper)
        unknown = ["groups of other convolutions"] * groups + ["transposed convolutions"] * (None in told)
        lost = f" {' and '.join(unknown).capitalize()} cannot be told from shapes." if unknown else ""
        return ORDER, f"What the file does not say is taken from shapes: {DEPTHWISE * groups}{PICTURE}{lost}"

    @cached_property
    def channels(self) -> int:
        """Of the picture: three, or one where only the first kernels can read it."""
        return next((kernel.in_channels for kernel in self.kernels.values() if self._reads_picture(kernel)), 3)

    def products(self) -> float:
        """About how many numbers a forward pass multiplies."""
        return float(_PLACES * sum(kernel.weight.numel() for kernel in self.kernels.values()))

    def layers(self, input_shape: tuple[int, int, int]) -> Layers:
        """Their layers in the file's order, with nothing but the picture known to feed any.

        Args:
            input_shape: that is given out as the input's, which is not known.
        """
        layers = [self._layer(order, name) for order, name in enumerate(self.kernels)]
        return Layers(tuple(layers), tuple(self.skipped), input_shape, self.notes)

    def _layer(self, order: int, name: str) -> Layer:
        kernel, conv = self.kernels[name], self.kernels[name].weight.ndim == 4
        bias = 0 if kernel.bias is None else kernel.bias.numel()
        return Layer(
            name=name,
            kind="conv" if conv else "linear",
            order=order,
            inputs=(INPUT_NAME,) if self._reads_picture(kernel) else (),
            in_channels=kernel.in_channels,
            out_channels=kernel.out_channels,
            kernel=kernel.size,
            stride=(1, 1),
            padding=(0, 0),
            dilation=(1, 1),
            groups=kernel.groups,
            bias=kernel.bias is not None,
            parameters=kernel.weight.numel() + bias,
            output_shape=(),
            calls=1,
            weight_shape=kernel.shape,
            computed_from=kernel.parameters if kernel.computed else (),
            scale=kernel.scale,
            changed=kernel.changed,
        )

    def _reads_picture(self, kernel: Kernel) -> bool:
        if kernel.operation != "conv2d" or kernel.groups > 1:
            return False
        return kernel.in_channels == 3 or (kernel.in_channels == 1 and kernel.name == self._first)


def _effective(state: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, Kernel]]:
    """Arrays that are no vectors with their names, in order, each as the kernels that a network makes of it."""
    factors = _factors(state)
    taken = {name for others in factors.values() for name in others}
    for name, value in state.items():
        if _is_vector(value) or name in taken:
            continue
        others, layer = factors.get(name, ()), _layer_name(name)
        weight = _combined(value, [state[other] for other in others])
        biases = (state.get(f"{layer}{dot}bias") for dot in "./_")
        conv = weight.ndim == 4
        yield (
            name,
            Kernel(
                name=layer,
                operation="conv2d" if conv else "linear",
                weight=weight,
                bias=next((bias for bias in biases if bias is not None and bias.shape == weight.shape[:1]), None),
                parameters=(name, *others),
                computed=bool(others),
                stored=value if others else None,
            ),
        )


def _factors(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[str, ...]]:
    """Array → the others that its layer's kernels are computed from."""
    found: dict[str, tuple[str, ...]] = {}
    for name in state:
        base, dot, last = name.rpartition(".")
        for stored, others in NORMALISED:
            named = tuple(f"{base}{dot}{other}" for other in others)
            if last == stored and all(other in state for other in named):
                found[name] = named
                break
    return found


def _layer_name(name: str) -> str:
    base, _, last = name.rpartition(".")
    if last in ("original", "original1"):
        return base.removesuffix(".parametrizations.weight")
    return base if base and last in _LAST else name


def _combined(value: torch.Tensor, others: Sequence[torch.Tensor]) -> torch.Tensor:
    """The kernels that these make: masked, of given norms, or of a largest singular value of 1; `value` itself where
    there are no others, or none that fit its shape."""
    shapes = [other.shape for other in others]
    if shapes == [value.shape]:
        return value * others[0]
    if len(shapes) == 1 and others[0].ndim in (0, value.ndim):
        over = [axis for axis in range(value.ndim) if others[0].ndim == 0 or others[0].shape[axis] == 1]
        return value * others[0] / value.square().sum(over, keepdim=True).sqrt().clamp_min(_TINY)
    if shapes == [value.shape[:1], torch.Size([math.prod(value.shape[1:])])]:
        return value / (others[0] @ value.flatten(1) @ others[1])
    return value


def _is_vector(value: torch.Tensor) -> bool:
    """Whether no more than one of its axes is longer than one, as of biases, which some formats keep as 1 × 1 × C."""
    return value.ndim < 2 or (value.ndim not in (2, 4) and value.numel() == max(value.shape))


def _unusable(name: str, weight: torch.Tensor) -> str:
    """Why an array is not shown as a layer, or ""."""
    shape = " × ".join(map(str, weight.shape))
    if weight.ndim not in (2, 4):
        return f"an array of {shape}: only kernels of two dimensions and matrices are analysed"
    if not weight.numel():
        return f"an array of {shape}, which is empty"
    if not _SAYS_KERNEL.search(name) and (weight.ndim == 2 or weight.shape[0] == 1):
        return f"an array of {shape} whose name does not say that it is a kernel"
    if not math.isfinite(float(weight.sum())) and not bool(weight.isfinite().all()):
        return "it holds numbers that are not finite"
    return ""
