"""A network as feature visualization uses it: pictures in [0, 1] in, the values of some places out."""

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
from .objectives import located
from .transforms import GREY


@dataclass(frozen=True)
class Sight:
    """What decides how a network sees pictures.

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

    def given(self, seen: torch.Tensor) -> torch.Tensor:
        """Pictures around zero (minus GREY) → the network's input."""
        gain, shift = self.scale / self.std, (self.scale * GREY - self.mean) / self.std
        x = torch.addcmul(shift, seen, gain).to(self.dtype)
        return x.contiguous(memory_format=torch.channels_last)

    def program(self, values: Collection[int]) -> Program:
        """The calls these values need, and no others, ready to be repeated."""
        return frozen(self.tape.program(values), self.device, self.dtype)


def channels_of(model: Network) -> int:
    """Channels of the pictures it reads.

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


def sight(model: Network, targets: Sequence[Target], settings: Settings, device: torch.device) -> Sight:
    """How the network sees these targets' pictures: as they are if it can be run at that size, else enlarged.

    Raises:
        WbsiteError: the network reads no pictures, or a place or unit is unknown.
    """
    channels, usual = channels_of(model), int(model.spec.input_shape[1])
    own = settings.presented or round(settings.size * (1 + 2 * settings.pad))
    preprocess, shape = model.spec.preprocess, (1, -1, 1, 1)
    mean, std = (torch.tensor(x, device=device).reshape(shape) for x in (preprocess.mean, preprocess.std))

    def seen(tape: Tape, side: int, dtype: torch.dtype = torch.float32) -> Sight:
        return Sight(tape, side, channels, float(preprocess.scale), mean, std, device, dtype)

    with one_thread(device):
        try:
            found = seen(Recorded.of(model.module, (channels, own, own)).tape, own)
            values = {located(found.tape, target)[0] for target in targets}
        except WbsiteError:  # a fully connected layer wants the usual size; what lies below it may not
            tape = Recorded.of(model.module, (channels, usual, usual)).tape
            values = {located(tape, target)[0] for target in targets}
            found = seen(tape, own) if _runs(seen(tape, own), values) else seen(tape, usual)
        fast = replace(found, dtype=_precision(settings.precision, device))
        return fast if fast.dtype == torch.float32 or _runs(fast, values) else found


def _runs(sight: Sight, values: Collection[int]) -> bool:
    """Whether the calls work for two pictures of this size in this precision, there and back."""
    x = torch.zeros(2, sight.channels, sight.side, sight.side, device=sight.device, requires_grad=True)
    try:
        found = sight.program(values)(sight.given(x)).values()
        torch.stack([value.float().sum() for value in found]).sum().backward()
    except (WbsiteError, RuntimeError):  # going back has kernels of its own, which may not exist in this precision
        return False
    return True


def _precision(asked: str, device: torch.device) -> torch.dtype:
    """bfloat16 halves what has to be moved and, where the processor multiplies in it, the time.

    On processors that only emulate it, it is slower than float32.
    """
    if asked != "auto":
        return torch.bfloat16 if asked == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    native = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return torch.bfloat16 if any(asks is not None and asks() for asks in native) else torch.float32
