"""A network as a function of pictures in [0, 1], for feature visualization."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.threads import one_thread
from wbsite.graph import agreement as recordings
from wbsite.graph.agreement import Agreement
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import Tape
from wbsite.models.base import Preprocess

from .base import Network, Settings, Target
from .execution import Place, Run, Way, own_values, runner, way
from .objectives import Readout, locate, readouts
from .parameterisations import Size
from .probes import probes
from .transforms import GREY


@dataclass(frozen=True)
class ImageModel:
    """A network with all that decides how it sees pictures.

    Attributes:
        recorded: the network, on the device, with the tape of its forward pass.
        way: how it is run on pictures.
        size: (height, width) of the pictures.
        shape: (height, width) at which it sees them.
        channels: 1 or 3.
        scale, mean, std: of its preprocessing, (1, channels, 1, 1).
        preprocess: the rest of that: the order of its channels.
        dtype: in which it computes.
    """

    recorded: Recorded
    way: Way
    size: Size
    shape: Size
    channels: int
    scale: float
    mean: torch.Tensor
    std: torch.Tensor
    preprocess: Preprocess
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def of(cls, model: Network, recorded: Recorded, size: Size, shape: Size, device: torch.device) -> ImageModel:
        """The network as it sees pictures of a size enlarged to another, for now on batches and in float32."""
        preprocess = model.spec.preprocess
        mean, std = (
            torch.tensor(x, dtype=torch.float32, device=device).reshape(1, -1, 1, 1)
            for x in (preprocess.mean, preprocess.std)
        )
        channels, scale = len(preprocess.mean), float(preprocess.scale)
        return cls(recorded, "batches", size, shape, channels, scale, mean, std, preprocess, device, torch.float32)

    @property
    def tape(self) -> Tape:
        """Of its forward pass."""
        return self.recorded.tape

    def network_input(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures around zero (minus GREY), in red, green, blue → the network's input."""
        gain, shift = self.scale / self.std, (self.scale * GREY - self.mean) / self.std
        x = torch.addcmul(shift, self.preprocess.in_rgb(pictures), gain).to(self.dtype)
        return x.contiguous(memory_format=torch.channels_last)

    def agreement(self) -> Agreement:
        """How the network's recording agrees with the network itself at the size at which it sees pictures.

        A copy with other weights (`models.untrained`) is a recording of the same calls: what holds for the network's
        own holds for it.
        """
        exact, own = replace(self, dtype=torch.float32), Recorded.of(self.recorded.module, self.recorded.input_shape)

        def compared() -> Agreement:
            shown = probes(self.channels, *self.shape).to(self.device)
            return recordings.agreement(own, exact.network_input(shown - GREY).contiguous())

        return self.recorded.kept(("agreement", self.recorded.input_shape, self.shape), compared)

    def suited(self, values: Collection[int]) -> ImageModel:
        """Run in the first way that is right for these values."""
        return replace(self, way=way(self.agreement(), values))

    def run(self, places: Mapping[int, Place], gradients: bool = False) -> Run:
        """What computes these values, ready to be repeated; and gradients for the picture, if they are asked for."""
        return runner(self.recorded, places, self.way, self.device, self.dtype, gradients)

    def program(self, read: Sequence[Readout]) -> Run:
        """What computes the values that are read, and no others."""
        return self.run(_places(read), gradients=True)

    def own(self, read: Sequence[Readout], x: torch.Tensor) -> Mapping[int, torch.Tensor]:
        """The values that are read, in one run of the module itself on a batch; raises as `own_values`."""
        return own_values(self.recorded, _places(read), x.contiguous())


def agreement(model: Network, device: torch.device) -> Agreement:
    """How a network's recording at its usual input agrees with the network itself, whatever its channels show."""
    channels, height, width = model.spec.input_shape
    recorded = Recorded.of(model.module, (channels, height, width)).on(device)
    return ImageModel.of(model, recorded, (height, width), (height, width), device).agreement()


def _places(read: Sequence[Readout]) -> dict[int, Place]:
    return {readout.value: partial(_located, target=readout.targets[0]) for readout in read}


def _located(tape: Tape, target: Target) -> int:
    return locate(tape, target)[0]


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


def proportioned(side: int, input_shape: Sequence[int]) -> Size:
    """(height, width) of a picture in the proportions of a network's input, whose shorter side is given."""
    height, width = input_shape[-2:]
    return round(side * height / min(height, width)), round(side * width / min(height, width))


def image_model(model: Network, targets: Sequence[Target], settings: Settings, device: torch.device) -> ImageModel:
    """The network as it sees these targets' pictures: as they are if it can be run at that size, else enlarged.

    Raises:
        WbsiteError: the network reads no pictures, or a layer or unit is unknown, or nothing that it computes can be
            followed back to its input by gradients.
    """
    channels, (height, width) = picture_channels(model), model.spec.input_shape[1:]
    size, usual = proportioned(settings.size, (height, width)), (int(height), int(width))
    side = settings.presented or round(settings.size * (1 + 2 * settings.pad))
    shape = proportioned(side, usual)
    with one_thread(device):
        try:
            recorded = Recorded.of(model.module, (channels, *shape)).on(device)
            values = {locate(recorded.tape, target)[0] for target in targets}
            exact = ImageModel.of(model, recorded, size, shape, device).suited(values)
        except WbsiteError:  # a fully connected layer needs the usual size; the layers below it may not
            recorded = Recorded.of(model.module, (channels, *usual)).on(device)
            values = {locate(recorded.tape, target)[0] for target in targets}
            exact = ImageModel.of(model, recorded, size, shape, device).suited(values)
            if exact.way == "live":
                exact = ImageModel.of(model, recorded, size, usual, device).suited(values)
        if exact.way == "live":
            return _by_own_code(exact, targets)
        fast = replace(exact, dtype=_precision(settings.precision, device))
        return fast if fast.dtype == torch.float32 or _runs_everywhere(fast, targets) or _runs(fast, targets) else exact


def _by_own_code(model: ImageModel, targets: Sequence[Target]) -> ImageModel:
    """The network run by its own code, by its own gradients if there are any, else by those of its calls repeated.

    Raises:
        WbsiteError: neither leads from a target to the picture.
    """
    for own_code in (model, replace(model, way="anew")):
        if _runs(own_code, targets):
            return own_code
    raise WbsiteError(
        f"no gradient leads from {', '.join(dict.fromkeys(target.layer for target in targets))} to the picture: the "
        "network's own code turns gradients off or leaves torch, and its recording does not stand for other pictures.",
        "Take no_grad, inference_mode and detach out of its forward pass.",
    )


def _runs_everywhere(model: ImageModel, targets: Sequence[Target]) -> bool:
    """Whether the passes to all convolutions work, which is found out once, and these targets lie on them."""
    convolutions = [name for name, kernel in model.tape.kernels.items() if kernel.operation == "conv2d"]
    if not {target.layer for target in targets}.issubset(convolutions):
        return False
    name = ("runs", model.recorded.input_shape, model.shape, model.device, model.dtype)
    return model.recorded.kept(name, lambda: _runs(model, [Target(layer, 0) for layer in convolutions]))


def _runs(model: ImageModel, targets: Sequence[Target]) -> bool:
    """Whether forward and backward pass work for two pictures of this size in this precision."""
    x = (probes(model.channels, *model.shape)[:2] - GREY).to(model.device).requires_grad_()
    try:
        read = readouts(model.tape, targets, model.device)
        with torch.inference_mode(False), torch.enable_grad():
            results = model.program(read)(model.network_input(x)).values()
            torch.autograd.grad(torch.stack([result.float().sum() for result in results]).sum(), x)
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
