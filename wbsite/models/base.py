"""What a model is to wbsite: how to build it, what its input looks like, where its weights come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Literal

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import Scalar, Zeros
from wbsite.core.pictures import as_shown

if TYPE_CHECKING:
    import torch
    from PIL import Image


LARGEST_RESIZED = 1 << 26
"""Pixels of a resized picture that is made whole before it is cut."""


@dataclass(frozen=True)
class Preprocess:
    """Turns a PIL image into the tensor a network was trained on.

    The image is resized, its proportions kept, until it just covers `resize`, the rectangle of `crop` is cut out of its
    middle, and its values, in [0, `scale`] and in the order of the network's channels, are normalised:
    (x - mean) / std. A network of one channel gets it in grey; one of any other number but three gets no pictures.

    Attributes:
        crop: (height, width) of the network's input, or one number for a square.
        resize: (height, width) that the resized image covers; one number is its shorter side. None: an image that
            covers `crop` is left at its size.
        scale: largest value of a pixel before normalisation. A range that starts elsewhere than at 0 is part of `mean`.
        mean, std: of each channel, in the network's order.
        colors: order of the channels of a network that has three.
        interpolation: of the resizing, one of pillow's.
    """

    crop: int | tuple[int, int]
    resize: int | tuple[int, int] | None = None
    scale: float = 1.0
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    colors: Literal["RGB", "BGR"] = "RGB"
    interpolation: str = "bilinear"

    @property
    def height(self) -> int:
        """Rows of the network's input."""
        return _rectangle(self.crop)[0]

    @property
    def width(self) -> int:
        """Columns of the network's input."""
        return _rectangle(self.crop)[1]

    @property
    def side(self) -> int:
        """Of the smallest square picture that need not be enlarged, in pixels."""
        return max(_rectangle(self.resize or self.crop))

    def unsuitable(self) -> str:
        """Why the network can be shown no pictures, or ""."""
        channels = len(self.mean)
        return "" if channels in (1, 3) else f"photographs have 3 channels, or 1 in grey; the network takes {channels}"

    def in_rgb(self, x: torch.Tensor, axis: int = 1) -> torch.Tensor:
        """A tensor whose `axis` counts the network's input channels, with these in the order red, green, blue.

        Turning twice gives back the tensor, so it takes pictures in red, green, blue to the network's order as well.
        """
        return x.flip(axis) if self.colors == "BGR" and x.shape[axis] == len(self.mean) == 3 else x

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """PIL image → float tensor (channels, height, width).

        Raises:
            WbsiteError: the network takes neither grey pictures nor ones in colour.
        """
        import numpy as np
        import torch
        from PIL import Image

        if reason := self.unsuitable():
            raise WbsiteError(f"no picture can be shown: {reason}.")
        image = as_shown(image)[0].convert("L" if len(self.mean) == 1 else "RGB")
        resized, way = self._resized(*image.size), Image.Resampling[self.interpolation.upper()]
        left, top = (round((side - crop) / 2) for side, crop in zip(resized, (self.width, self.height), strict=True))
        box = (left, top, left + self.width, top + self.height)
        if resized[0] * resized[1] <= LARGEST_RESIZED:
            image = image.resize(resized, way).crop(box)
        else:  # as for an input of 144160 × 1: only the part that is kept is made
            across, down = (a / b for a, b in zip(image.size, resized, strict=True))
            part = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
            image = image.resize((self.width, self.height), way, box=part)
        pixels = np.array(image, dtype=np.float32).reshape(self.height, self.width, -1)
        x = self.in_rgb(torch.from_numpy(pixels).permute(2, 0, 1), axis=0) * (self.scale / 255.0)
        shape = (-1, 1, 1)
        return (x - torch.tensor(self.mean).reshape(shape)) / torch.tensor(self.std).reshape(shape)

    def pixels(self, x: torch.Tensor) -> torch.Tensor:
        """What `__call__` made tensors (N, channels, height, width) of: uint8 (N, height, width, channels), in red,
        green, blue or in grey."""
        import torch

        mean, std = (torch.tensor(part, device=x.device).reshape(1, -1, 1, 1) for part in (self.mean, self.std))
        values = self.in_rgb(x * std + mean) * (255.0 / self.scale)
        return values.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a picture after resizing: the side that needs the larger factor fits exactly."""
        rows, columns = _rectangle(self.resize or self.crop)
        if self.resize is None and height >= rows and width >= columns:
            return width, height
        side, target = (height, rows) if rows * width >= columns * height else (width, columns)
        return int(width * target / side), int(height * target / side)


def _rectangle(size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width)."""
    return (size, size) if isinstance(size, int) else size


IMAGENET_CAFFE = Preprocess(crop=224, resize=256, scale=255.0, mean=(123.0, 117.0, 104.0), std=(1.0, 1.0, 1.0))
"""Caffe's ImageNet input with channels already in RGB order: 0…255 minus the data set's mean colour."""

CIFAR10 = Preprocess(crop=32, resize=32, mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616))
"""CIFAR-10 pictures, normalised by the mean and standard deviation of its training pictures."""

TRAINED_HERE = (
    "Trained by wbsite itself on a copy of CIFAR-10 that was compressed once more (WebP, lossy), so its accuracy is"
    " not comparable with those reported for the original pictures."
)


@dataclass(frozen=True)
class Source:
    """Where a weights file is downloaded from, and the digest it must have.

    `digest` is "algorithm:hex", the algorithm one of hashlib's, "git-sha1" (the digest git
    gives a blob) or "sha256-prefix" (torchvision's first eight digits).
    """

    url: str
    digest: str

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


def lazily(target: str, *arguments: Any, **options: Any) -> Callable[..., Any]:
    """A function or class that is imported, and with it torch, only when it is called.

    Args:
        target: "package.module:name", for example of the class of a network.
        arguments, options: what it is called with, before the arguments of the call itself.
    """
    return partial(_resolve_and_call, target, *arguments, **options)


def _resolve_and_call(target: str, *arguments: Any, **options: Any) -> Any:
    return resolve_name(target)(*arguments, **options)


@dataclass(frozen=True)
class ModelSpec:
    """One network with one set of weights; a name may have several, the first being the default.

    Attributes:
        name: public name, as given to `--models`.
        weights: label of this set of weights ("bvlc", "5h", "cifar10", …).
        title: the network's name in prose.
        build: makes the module with fresh parameters; takes no arguments.
        preprocess: picture → input tensor.
        source: where the weights are fetched from; None for bundled or user's weights.
        convert: state as read from `source` (LAYER.weight, .bias, .bn) → state under the module's own
            names; names it does not know stay as they are, so that they can be reported. Not called
            for a state that has the module's names already. The order of colours is not its concern.
        reference: key in content/refs.bib.
        blocks: layer → (block, index of the layer's first unit in the block's concatenated
            output), for networks whose units are numbered over a whole block.
        note: anything a reader of the model's page should know.
        assumed: whether its input is guessed, as the note then says.
        turned: whether the network puts its three channels into the opposite order before the first convolution.
        arguments: what its forward pass is given beside the picture.
    """

    name: str
    weights: str
    title: str
    build: Callable[[], torch.nn.Module]
    preprocess: Preprocess
    source: Source | None = None
    convert: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] | None = None
    reference: str = ""
    blocks: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    note: str = ""
    assumed: bool = False
    turned: bool = False
    arguments: tuple[tuple[str, Zeros | Scalar], ...] = ()

    def filters_in_rgb(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight of a layer that reads the picture, (units, channels, …), with channels as red, green, blue."""
        weight = self.preprocess.in_rgb(weight)
        return weight.flip(1) if self.turned and weight.shape[1] == 3 else weight

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one input."""
        return len(self.preprocess.mean), self.preprocess.height, self.preprocess.width


@dataclass(frozen=True)
class LoadedModel:
    """A network with its weights.

    Attributes:
        module: in evaluation mode, float32, parameters frozen.
        spec: what was asked for.
        digest: SHA-256 of the weights.
        missing: parameters the weights file does not hold (a network without its head, or cut
            short). They are NaN, so that whatever depends on them shows it.
        provenance: where the weights come from, as recorded in their file.
    """

    module: torch.nn.Module
    spec: ModelSpec
    digest: str
    missing: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether these are weights without a network: nothing is known of a forward pass."""
        from wbsite.graph.stored_kernels import StoredKernels

        return isinstance(self.module, StoredKernels)
