"""The branches suite: the same small network undivided, in two and in four branches, on pictures of several kinds.

Voss et al., "Branch Specialization", Distill 2021, report that colour units and black-and-white units end up in
different branches whenever the first layers are divided, and expect units to separate by frequency too with more
branches. Pictures without colour, and pictures whose hues carry no information, show what this needs. Networks and
measures are imported, and torch with them, only when they are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wbsite.models.base import CIFAR10, Preprocess, lazily
from wbsite.train.base import Preset, Recipe, Suite, Trial

if TYPE_CHECKING:
    from torch import nn

DIVISIONS = {1: "undivided", 2: "two", 4: "four"}
COLOURS = {"kept": "", "removed": "grey", "permuted": "hues"}
TITLES = {"kept": "", "removed": ", pictures without colour", "permuted": ", hues permuted"}


def divided(branches: int, colours: str = "kept", depth: int = 2) -> Trial:
    """The small network with its first `depth` layers in branches; `colours` as in `Recipe`."""

    def build(preset: Preset, classes: int) -> nn.Module:
        from wbsite.models.networks.divided import Divided

        widths = [width for (width,) in preset.widths]
        return Divided(branches, widths, preset.pools, classes, depth, channels=len(preset.preprocess.mean))

    suffix = f"_{COLOURS[colours]}" if COLOURS[colours] else ""
    title = "undivided" if branches == 1 else f"{DIVISIONS[branches]} branches"
    return Trial(
        f"{DIVISIONS[branches]}{'_through' if depth == 3 else ''}{suffix}",
        f"{title}{' up to the classifier' if depth == 3 else ''}{TITLES[colours]}",
        colours,
        build,
        network="divided",
        recipe_changes={"colours": colours} if suffix else {},
        parameters={"branches": branches, "colours": colours, "depth": depth},
        baseline=f"undivided{suffix}",
    )


def alexnet(preset: Preset, classes: int) -> nn.Module:
    """AlexNet with two towers, of `alexnet_32`'s width, its first convolution strided like the small network's."""
    from wbsite.models.networks.alexnet import AlexNet

    widths, positions = (64, 128, 192, 192, 128), preset.size // 16
    return AlexNet(widths, 7, 2, 3, positions, hidden=384, classes=classes, batch_norm=True)


TRIALS = (
    *(divided(branches) for branches in DIVISIONS),
    *(divided(branches, depth=3) for branches in DIVISIONS if branches > 1),
    *(divided(branches, colours) for colours in ("removed", "permuted") for branches in DIVISIONS),
    Trial(
        "alexnet_towers",
        "AlexNet's two towers",
        "architecture",
        alexnet,
        network="alexnet",
        parameters={"branches": 2, "colours": "kept", "depth": 2},
        baseline="undivided",
    ),
)

EARLY = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)

PRESETS = (
    Preset(
        "small", "cifar10", CIFAR10, ((48,), (64,), (96,)), 2,
        Recipe(epochs=6, batch=64, rate=3e-3), (*EARLY, 6.0),
    ),
    Preset(
        "small_64", "imagefolder:", Preprocess(crop=64), ((48,), (64,), (96,)), 4,
        Recipe(epochs=8, batch=64, rate=3e-3, shift=8), (*EARLY, 6.0, 8.0),
    ),
    Preset(
        "imagenet", "imagefolder:", Preprocess(crop=128, resize=144), ((96,), (192,), (256,)), 4,
        Recipe(epochs=30, batch=256, rate=2e-3, shift=16), (*EARLY, 8.0, 12.0, 16.0, 24.0, 30.0),
    ),
)  # fmt: skip

SUITES = (
    Suite(
        "branches",
        "do colour units separate from black-and-white ones when the first layers are divided into branches",
        TRIALS,
        PRESETS,
        article="branch-specialization",
        measure=lazily("wbsite.train.measure_branches:BranchMeasures"),
        describe=lazily("wbsite.train.measure_branches:describe"),
    ),
)
