"""The banding suite: what is changed, one thing at a time, to learn what causes weight banding.

The experiments are those of Petrov et al., "Weight Banding", Distill 2021, the two they proposed and did not run, and
others that ask how much, when and where. Networks and measures are imported, and torch with them, only when they are
made, so that `wbsite list experiments` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models.base import CIFAR10, Preprocess, lazily
from wbsite.train.base import Preset, Recipe, Suite, Trial

if TYPE_CHECKING:
    from torch import nn

    Build = Callable[[Preset, int], nn.Module]


def head(name: str, **options: Any) -> Callable[..., nn.Module]:
    """A head of `models.networks.heads`, by the name of its class."""
    return lazily(f"wbsite.models.networks.heads:{name}", **options)


def simplified(head: Callable[..., nn.Module] | None = None, pools: int = 0, **options: Any) -> Build:
    """The simplified network at the preset's scale, with `pools` more or fewer poolings than the preset's.

    Raises:
        WbsiteError: when it is built, if the preset's network has too few groups of layers for so many poolings.
    """

    def build(preset: Preset, classes: int) -> nn.Module:
        from wbsite.models.networks.simplified import Simplified

        if preset.pools + pools >= len(preset.widths):
            raise WbsiteError(
                f"the network of preset {preset.name} cannot have {preset.pools + pools} poolings"
                f" between {len(preset.widths)} groups of layers.",
                "Leave this experiment out with --only, or choose another --preset.",
            )
        return Simplified(
            preset.widths, preset.pools + pools, classes, channels=len(preset.preprocess.mean), size=preset.size,
            head=head, **options,
        )  # fmt: skip

    return build


def common(name: str, pooled: bool = True) -> Build:
    """A common architecture, at full width for pictures of ImageNet's size and reduced below."""

    def build(preset: Preset, classes: int) -> nn.Module:
        from wbsite.models.networks import reduced

        if preset.full_width:
            return reduced.imagenet_variant(name, pooled, classes)
        return getattr(reduced, name)(classes, preset.size, pooled)

    return build


def architectures() -> tuple[Trial, ...]:
    """Three networks from scratch, each as it is, with turned pictures, and without pooling before its head."""
    titles = {"inceptionv1": "InceptionV1", "resnet50": "ResNet50", "vgg19": "VGG19"}
    trials: list[Trial] = []
    for name, title in titles.items():
        trial = partial(Trial, group="architecture", network=name, baseline=f"{name}_baseline")
        trials += [
            trial(f"{name}_baseline", f"{title}, baseline", build=common(name)),
            trial(f"{name}_rotated", f"{title}, input rotated by 90°", build=common(name), recipe_changes={"turn": 1}),
            trial(f"{name}_positions", f"{title}, no pooling before the head", build=common(name, pooled=False)),
        ]
    return tuple(trials)


def dose(degrees: int) -> Trial:
    """Pictures rotated by random angles up to a limit."""
    return Trial(
        f"sway_{degrees}", f"input rotated by up to ±{degrees}°", "dose", simplified(),
        recipe_changes={"sway": float(degrees)}, parameters={"sway": degrees},
    )  # fmt: skip


def masks(kind: str, title: str, build: Callable[[int], Build]) -> tuple[Trial, ...]:
    """One experiment for each number of masks the article tried."""
    return tuple(
        Trial(f"{kind}_{n}", title.format(n), "persisted", build(n), parameters={"masks": n}) for n in (3, 5, 16)
    )


TRIALS = (
    Trial("baseline", "baseline", "main", simplified(), "global average pooling, upright pictures"),
    Trial("baseline_2", "baseline, again", "main", simplified(), "other seeds: what chance does", seed_offset=1000),
    Trial("rotated", "input rotated by 90°", "main", simplified(), recipe_changes={"turn": 1}, parameters={"turn": 90}),
    Trial("fc_only", "no pooling, fully connected head", "main", simplified(head("FullyConnected"))),
    Trial("x_pool", "average pooling along x only", "main", simplified(head("AxisPool"))),
    Trial("xy_pool", "x-pooling and y-pooling together", "proposed", simplified(head("BothAxes"))),
    Trial(
        "sway_180", "input rotated by a random angle", "proposed", simplified(), recipe_changes={"sway": 180.0},
        parameters={"sway": 180},
    ),
    *masks(
        "masks", "{} spatial masks before global pooling", lambda n: simplified(head("SpatialMasks", masks=n))
    ),
    Trial("attention", "attention in place of pooling", "persisted", simplified(head("AttentionPool"))),
    Trial(
        "attention_full", "multi-head attention in place of pooling", "persisted",
        simplified(head("MultiHeadAttentionPool")),
    ),
    Trial("mask_all", "mask over position and channel", "persisted", simplified(head("PositionChannelMask"))),
    *masks(
        "sigmoid", "{} sigmoid masks, one a group of channels",
        lambda n: simplified(head("GroupedSigmoidMasks", groups=n)),
    ),
    Trial("coordconv", "coordinate channels into 5a and 5b", "persisted", simplified(coordinates=("5a", "5b"))),
    Trial("group_heads", "16 channel groups with a head each", "persisted", simplified(head("GroupHeads"))),
    Trial("max_pool", "global max pooling, wide head", "persisted", simplified(head("MaxPoolWide"))),
    Trial("film", "spatial FiLM in 5a and 5b", "persisted", simplified(film=("5a", "5b"))),
    *(dose(degrees) for degrees in (15, 45, 90, 135)),
    Trial(
        "vertical_flip", "random flips upside down", "data", simplified(), recipe_changes={"vertical_flip": True},
        parameters={"vertical_flip": True},
    ),
    Trial(
        "textures", "isotropic textures in place of photographs", "data", simplified(), dataset="textures",
        parameters={"textures": True},
    ),
    Trial("map_4", "last map of half the side", "depth", simplified(pools=1), parameters={"poolings": 1}),
    Trial("map_16", "last map of twice the side", "depth", simplified(pools=-1), parameters={"poolings": -1}),
    Trial("kernel_3", "kernels of 3×3", "depth", simplified(kernel=3), parameters={"kernel": 3}),
    Trial("kernel_7", "kernels of 7×7", "depth", simplified(kernel=7), parameters={"kernel": 7}),
    *architectures(),
)  # fmt: skip

NARROW = ((16,), (24,), (32,), (32,), (32,), (48, 48))
WIDE = ((24,), (48,), (64,), (64,), (96,), (128, 128))
ARTICLE = ((32,), (64,), (64,), (128, 128), (256,) * 5, (512, 512))
EARLY = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)

PRESETS = (
    Preset(
        "small", "cifar10", CIFAR10, NARROW, 2,
        Recipe(epochs=3, batch=64, rate=3e-3), (*EARLY, 1.5, 2.0, 2.5, 3.0),
    ),
    Preset(
        "wide", "cifar10", CIFAR10, WIDE, 2,
        Recipe(epochs=16, batch=128, rate=2e-3), (*EARLY, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0),
    ),
    Preset(
        "small_64", "imagefolder:", Preprocess(crop=64), NARROW, 3,
        Recipe(epochs=10, batch=64, rate=3e-3, shift=8), (*EARLY, 2.0, 4.0, 6.0, 8.0, 10.0),
    ),
    Preset(
        "wide_64", "imagefolder:", Preprocess(crop=64), WIDE, 3,
        Recipe(epochs=40, batch=128, rate=2e-3, shift=8), (*EARLY, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0, 40.0),
    ),
    Preset(
        "imagenet", "imagefolder:", Preprocess(crop=224, resize=256), ARTICLE, 5,
        Recipe(epochs=90, batch=512, rate=2e-3, shift=32), (*EARLY, 2.0, 4.0, 8.0, 16.0, 30.0, 45.0, 60.0, 75.0, 90.0),
        full_width=True,
    ),
)  # fmt: skip

SUITES = (
    Suite(
        "banding",
        "what causes weight banding: the Weight Banding article's experiments, with seeds, and new ones",
        TRIALS,
        PRESETS,
        article="weight-banding",
        measure=lazily("wbsite.train.measure_banding:BandingMeasures"),
        describe=lazily("wbsite.train.measure_banding:describe"),
    ),
)
