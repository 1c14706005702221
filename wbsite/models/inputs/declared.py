"""What a network says of its own input, in the ways in which people write it down."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from wbsite.core.errors import WbsiteError

from .statement import Shape, Statement

PILLOW = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""Names of pillow's ways of resizing, by its numbers."""


def input_shape(owner: object, channels: int) -> Statement | None:
    """An attribute `input_shape` = (channels, height, width): wbsite's own way, so a malformed one is an error."""
    declared = getattr(owner, "input_shape", None)
    if declared is None:
        return None
    shape = _shape(declared, channels) if _length(declared) == 3 else None
    if shape is None:
        raise WbsiteError(
            f"input_shape is {declared!r}; expected (channels, height, width), for example {(3, 224, 224)}.",
            "Correct the attribute: three whole numbers above 0.",
        )
    return Statement("its input_shape", shape)


def attributes(owner: object, channels: int) -> Statement | None:
    """`input_size` or `image_size`, `mean`, `std`, `input_range` and `input_space`, as of pretrained-models.pytorch."""
    names = [name for name in ("input_size", "image_size", "img_size") if _length(getattr(owner, name, None)) in (2, 3)]
    names += [name for name in ("image_size", "img_size") if isinstance(getattr(owner, name, None), int)]
    shape = _shape(getattr(owner, names[0]), channels) if names else None
    mean, std = (_floats(getattr(owner, name, None)) for name in ("mean", "std"))
    if mean is None or std is None or len(mean) != len(std) or len(mean) not in (1, channels) or min(std) <= 0:
        mean = std = None
    else:
        mean, std = (values * channels if len(values) == 1 else values for values in (mean, std))
    ends = _floats(getattr(owner, "input_range", None))
    scale = ends[1] if ends and len(ends) == 2 and ends[0] == 0 else 255.0 if mean and max(mean) > 2 else 1.0
    space = str(getattr(owner, "input_space", "")).upper()
    colors: Any = space if space in ("RGB", "BGR") and channels == 3 else None
    used = [*names[:1], *(["mean", "std"] if mean else []), *(["input_space"] if colors else [])]
    return Statement(f"its {', '.join(used)}", shape, mean, std, scale, colors) if used else None


def timm_configuration(owner: object, channels: int) -> Statement | None:
    """timm's `pretrained_cfg` or `default_cfg`: input_size, mean, std, interpolation, crop_pct."""
    for name in ("pretrained_cfg", "default_cfg"):
        cfg = getattr(owner, name, None)
        value = cfg.get if isinstance(cfg, Mapping) else lambda key, cfg=cfg: getattr(cfg, key, None)
        if cfg is None or _length(value("input_size")) != 3:
            continue
        shape = _shape(value("input_size"), channels)
        mean, std = _floats(value("mean")), _floats(value("std"))
        share = value("crop_pct") or 1.0
        sides = tuple(math.floor(side / share) for side in shape[1:]) if shape else ()
        resize = None if not sides else sides[0] if sides[0] == sides[1] else (sides[0], sides[1])
        return Statement(
            f"its {name}", shape, mean, std, resize=resize, interpolation=_interpolation(value("interpolation"))
        )
    return None


def transforms(owner: object, channels: int) -> Statement | None:
    """torchvision's `weights`, with `transforms()`, or the transforms themselves: a preset, or a Compose."""
    for name in ("weights", "transforms", "transform", "preprocess"):
        value = getattr(owner, name, None)
        if name == "weights" and callable(make := getattr(value, "transforms", None)):
            if (statement := _of_transforms(make(), channels, f"the transforms of its {name}")) is not None:
                return statement
        elif name != "weights" and (statement := _of_transforms(value, channels, f"its {name}")) is not None:
            return statement
    return None


def torchvision_builder(owner: object, channels: int) -> Statement | None:
    """A function that torchvision registers for a network: the transforms of the weights it has by default."""
    if not str(getattr(owner, "__module__", "")).startswith("torchvision.models"):
        return None
    from torchvision.models import get_model_weights

    try:
        weights: Any = get_model_weights(owner)
    except (ValueError, TypeError):  # a class, or a helper
        return None
    return _of_transforms(weights.DEFAULT.transforms(), channels, "torchvision's transforms of its default weights")


def hugging_face_configuration(owner: object, channels: int) -> Statement | None:
    """`config.image_size` and `config.num_channels` of Hugging Face's networks."""
    config = getattr(owner, "config", None)
    size, count = getattr(config, "image_size", None), getattr(config, "num_channels", None)
    shape = _shape(size, count if isinstance(count, int) else channels)
    return Statement("its config.image_size", shape) if shape else None


def hugging_face_processor(owner: object, channels: int) -> Statement | None:
    """What a network's repository at the Hugging Face Hub says in `preprocessor_config.json`: `size`, `crop_size`,
    `crop_pct`, `image_mean`, `image_std`, `rescale_factor`, and `resample`, a number of pillow's."""
    said = getattr(owner, "preprocessor_config", None)
    if not isinstance(said, Mapping):
        return None
    resize = _sides(said.get("size"))
    crop = _sides(said.get("crop_size")) if said.get("do_center_crop", "crop_size" in said) else None
    share = said.get("crop_pct")
    if crop is None and resize is not None and isinstance(share, float) and 0 < share <= 1:  # as ConvNeXt's
        crop, resize = resize, (math.floor(resize[0] / share), math.floor(resize[1] / share))
    mean, std = _floats(said.get("image_mean")), _floats(said.get("image_std"))
    if said.get("do_normalize") is False:
        mean, std = (0.0,) * channels, (1.0,) * channels
    if mean is None or std is None or len(mean) != len(std) or min(std) <= 0:
        mean = std = None
    factor = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0
    scale = 255.0 * factor if isinstance(factor, (int, float)) and factor > 0 else 1.0
    shape = _shape(crop or resize, channels)
    if shape is None and mean is None:
        return None
    covered = None if resize is None else resize[0] if resize[0] == resize[1] else resize
    number = said.get("resample")
    interpolation = PILLOW[number] if isinstance(number, int) and 0 <= number < len(PILLOW) else None
    source = "its preprocessor_config.json"
    return Statement(source, shape, mean, std, round(scale, 6), resize=covered, interpolation=interpolation)


def ultralytics_metadata(owner: object, channels: int) -> Statement | None:
    """What Ultralytics' exporters write beside a graph: `imgsz`, height and width. Their networks take pixels of 0 to 1
    in the order red, green, blue, classifiers too."""
    metadata = getattr(owner, "metadata", None)
    if not isinstance(metadata, Mapping) or metadata.get("author") != "Ultralytics":
        return None
    try:
        size = json.loads(str(metadata.get("imgsz")))
    except ValueError:
        size = None
    colors: Any = "RGB" if channels == 3 else None
    return Statement(
        "the metadata that Ultralytics wrote",
        _shape(size, channels),
        (0.0,) * channels,
        (1.0,) * channels,
        colors=colors,
    )


def _sides(value: Any) -> tuple[int, int] | None:
    """(height, width) from a number, or from {height, width} or {shortest_edge}."""
    if isinstance(value, Mapping):
        value = value.get("shortest_edge", (value.get("height"), value.get("width")))
    return _pair(value)


DECLARED: tuple[Callable[[object, int], Statement | None], ...] = (
    input_shape,
    attributes,
    timm_configuration,
    transforms,
    torchvision_builder,
    hugging_face_processor,
    hugging_face_configuration,
    ultralytics_metadata,
)
"""In the order in which they count; each is asked of the network, then of its factory."""


def statements(net: object, factory: object, channels: int) -> Iterator[Statement]:
    """All that a network and its factory say, the most binding first."""
    for rule in DECLARED:
        for owner in (net, factory):
            if (statement := rule(owner, channels)) is not None:
                yield statement


def _of_transforms(transform: Any, channels: int, source: str) -> Statement | None:
    steps = list(getattr(transform, "transforms", None) or [])
    if not steps:  # a preset, which has all of it
        return _of_steps([transform], channels, source) if hasattr(transform, "resize_size") else None
    return _of_steps(steps, channels, source)


def _of_steps(steps: list[Any], channels: int, source: str) -> Statement | None:
    resize: Any = None
    crop: Any = None
    mean = std = interpolation = None
    for step in steps:
        kind = type(step).__name__
        resized = getattr(step, "resize_size", None) or (getattr(step, "size", None) if "Resize" in kind else None)
        cropped = getattr(step, "crop_size", None) or (getattr(step, "size", None) if "Crop" in kind else None)
        resize, crop = resized or resize, cropped or crop
        mean, std = _floats(getattr(step, "mean", None)) or mean, _floats(getattr(step, "std", None)) or std
        interpolation = _interpolation(getattr(step, "interpolation", None)) or interpolation
    pair = _pair(resize)
    shape = _shape(_pair(crop) or pair, channels)
    if shape is None and mean is None:
        return None
    covered = None if pair is None else pair[0] if pair[0] == pair[1] else pair
    return Statement(source, shape, mean, std, resize=covered, interpolation=interpolation)


def _shape(value: Any, channels: int) -> Shape | None:
    """(channels, height, width) from one side, from (height, width) or from all three; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = (value, value)
    if _length(value) not in (2, 3):
        return None
    sizes = [channels, *value] if len(value) == 2 else list(value)
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        return None
    return sizes[0], sizes[1], sizes[2]


def _pair(value: Any) -> tuple[int, int] | None:
    shape = _shape(value[0] if _length(value) == 1 else value, 1)
    return shape[1:] if shape else None


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (tuple, list)) else 0


def _floats(value: Any) -> tuple[float, ...] | None:
    if isinstance(value, torch.Tensor):
        value = value.flatten().tolist() if value.is_floating_point() else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = [value]
    if not _length(value) or not all(isinstance(item, (int, float)) for item in value):
        return None
    return tuple(map(float, value))


def _interpolation(value: Any) -> str | None:
    name = str(getattr(value, "value", value)).lower()
    return name if name in ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming") else None
