"""A network as a function of pictures in [0, 1], for feature visualization."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.threads import one_thread
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import Program, Tape

from .base import Network, Settings, Target
from .frozen import frozen
from .objectives import locate
from .transforms import GREY


@dataclass(frozen=True)
class ImageModel:
    """A network with all that decides how it sees pictures.

    Attributes:
        tape: of its forward pass.
        side: at which it sees them, in pixels.
        channels: 1 or 3.
        scale, mean, std: of its preprocessing, (1, channels, 1, 1).
        dtype: in which it computes.
    """

    tape: Tape
    side: int
    channels: int
    scale: float
    mean: torch.Tensor
    std: torch.Tensor
    device: torch.device
    dtype: torch.dtype

    def network_input(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures around zero (minus GREY) → the network's input."""
        gain, shift = self.scale / self.std, (self.scale * GREY - self.mean) / self.std
        x = torch.addcmul(shift, pictures, gain).to(self.dtype)
        return x.contiguous(memory_format=torch.channels_last)

    def program(self, values: Collection[int]) -> Program:
        """The calls these values need, and no others, ready to be repeated."""
        return frozen(self.tape.program(values), self.device, self.dtype)


def picture_channels(model: Network) -> int:
    """Channels of the pictures that a network reads, 1 or 3.

    Raises:
        WbsiteError: they are neither grey nor in colour.
    """
    if not hasattr(model, "spec"):
        raise WbsiteError(
            f"{type(model).__name__} is no network whose pictures are known.", "Give what `wbsite.models.load` returns."
        )
    channels = int(model.spec.input_shape[0])
    if channels not in (1, 3):
        raise WbsiteError(
            f"{model.spec.title} reads inputs with {channels} channels, which are neither grey (1) nor red, green and "
            "blue (3), so its units have no pictures.",
            "Feature visualization needs a network that reads pictures.",
        )
    return channels


def image_model(model: Network, targets: Sequence[Target], settings: Settings, device: torch.device) -> ImageModel:
    """The network as it sees these targets' pictures: as they are if it can be run at that size, else enlarged.

    Raises:
        WbsiteError: the network reads no pictures, or a layer or unit is unknown.
    """
    channels, usual = picture_channels(model), int(model.spec.input_shape[1])
    side = settings.presented or round(settings.size * (1 + 2 * settings.pad))
    preprocess, shape = model.spec.preprocess, (1, -1, 1, 1)
    mean, std = (torch.tensor(x, device=device).reshape(shape) for x in (preprocess.mean, preprocess.std))

    def on(tape: Tape, side: int) -> ImageModel:
        return ImageModel(tape, side, channels, float(preprocess.scale), mean, std, device, torch.float32)

    with one_thread(device):
        try:
            exact = on(Recorded.of(model.module, (channels, side, side)).tape, side)
            values = {locate(exact.tape, target)[0] for target in targets}
        except WbsiteError:  # a fully connected layer needs the usual size; the layers below it may not
            tape = Recorded.of(model.module, (channels, usual, usual)).tape
            values = {locate(tape, target)[0] for target in targets}
            exact = on(tape, side) if _runs(on(tape, side), values) else on(tape, usual)
        fast = replace(exact, dtype=_precision(settings.precision, device))
        return fast if fast.dtype == torch.float32 or _runs(fast, values) else exact


def _runs(model: ImageModel, values: Collection[int]) -> bool:
    """Whether forward and backward pass work for two pictures of this size in this precision."""
    x = torch.zeros(2, model.channels, model.side, model.side, device=model.device, requires_grad=True)
    try:
        results = model.program(values)(model.network_input(x)).values()
        torch.stack([result.float().sum() for result in results]).sum().backward()
    except (WbsiteError, RuntimeError):  # a backward pass has kernels of its own, which some precisions lack
        return False
    return True


def _precision(name: str, device: torch.device) -> torch.dtype:
    """bfloat16 halves what has to be moved and, where the processor multiplies in it, the time.

    On processors that only emulate it, it is slower than float32.
    """
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(supported() for name in names if (supported := getattr(torch.cpu, name, None)) is not None)
    return torch.bfloat16 if native else torch.float32
