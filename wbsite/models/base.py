"""What a model is to wbsite: how to build it, what its input looks like, where its weights come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from wbsite.core.pictures import as_shown

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass(frozen=True)
class Preprocess:
    """Turns a PIL image into the tensor a network was trained on.

    The image is resized so that its shorter side is `resize` (skipped when None or when the
    picture is already that size), centre-cropped to `crop`, read as RGB (or greyscale when
    `mean` has one entry) with values in [0, `scale`], and normalised: (x - mean) / std.
    """

    crop: int
    resize: int | None = None
    scale: float = 1.0
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """PIL image → float tensor (channels, crop, crop)."""
        import numpy as np
        import torch
        from PIL import Image

        image = as_shown(image)[0].convert("L" if len(self.mean) == 1 else "RGB")
        short = min(image.size)
        target = self.resize if self.resize is not None else max(short, self.crop)
        if short != target:
            size = [int(side * target / short) for side in image.size]
            image = image.resize(size, Image.Resampling.BILINEAR)
        left, top = (round((side - self.crop) / 2) for side in image.size)
        image = image.crop((left, top, left + self.crop, top + self.crop))
        pixels = np.array(image, dtype=np.float32).reshape(self.crop, self.crop, -1)
        x = torch.from_numpy(pixels).permute(2, 0, 1) * (self.scale / 255.0)
        shape = (-1, 1, 1)
        return (x - torch.tensor(self.mean).reshape(shape)) / torch.tensor(self.std).reshape(shape)


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

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one input."""
        return len(self.preprocess.mean), self.preprocess.crop, self.preprocess.crop


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
