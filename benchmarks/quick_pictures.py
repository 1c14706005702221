"""How good the quick pictures of units are, and what they cost.

    python benchmarks/quick_pictures.py cost --weights-dir DIR          seconds of all units by size and steps
    python benchmarks/quick_pictures.py choose --weights-dir DIR        quality by size and steps
    python benchmarks/quick_pictures.py judge --weights-dir DIR         quality of what was chosen, beside the articles'

The rule, written down before anything was measured. A picture is as good as r: the unit's strongest response to it
(before the rectifier, over all positions, in float32, the picture as it is) over its strongest response to the
photographs that are the default. Settings are compared on two units of every convolution of InceptionV1 with BVLC's
weights, drawn by seed 7. Of the settings whose projected processor time for all its units is at most 60 s, that with
the largest mean over layers of log2(median r of the layer, at least 1/16) is taken; where others come within 0.1 of
it, that of the largest picture, and of these that of the fewest steps. What is reported of it is measured on four
other units of every convolution, drawn by seed 40: the distribution of r, the share above 1, each by depth, and r
over r of the articles' pictures of the same units.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from wbsite import models
from wbsite.core.progress import Progress
from wbsite.featurevis import Settings, Target, photograph_responses, quick_pictures, quick_settings, visualize
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel
from wbsite.run.inputs import photographs

CPU = torch.device("cpu")
CANDIDATES = ((64, (3, 4, 5)), (48, (4, 5, 6, 7, 8)), (40, (6, 8)), (32, (6, 8, 10, 12, 16)))
CHOSEN = (32, 8)
LEAST = 1 / 16
TIMED = 64
"""Units of a layer whose time is taken."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cost", "choose", "judge"))
    parser.add_argument("--weights-dir", required=True, help="folder with inceptionv1-bvlc.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = models.load("inceptionv1@bvlc", weights_dir=options.weights_dir)
    {"cost": cost, "choose": choose, "judge": judge}[options.what](model)
    return 0


def cost(model: LoadedModel) -> None:
    """Seconds of a processor for one step and for what comes once, of all units: of five layers, the best of three."""
    layers = discover(model.module, model.spec.input_shape).convs
    wide = [i for i, layer in enumerate(layers) if layer.out_channels >= TIMED]
    places = [wide[round(k * (len(wide) - 1) / 4)] for k in range(5)]
    for size, _ in CANDIDATES:
        steps, once = [], []
        for place in places:
            targets = [Target(layers[place].name, channel) for channel in range(TIMED)]
            short, long = (min(seconds(model, targets, size, count) for _ in range(3)) for count in (1, 5))
            steps.append((long - short) / 4 / TIMED)
            once.append((short - steps[-1] * TIMED) / TIMED)
        step, rest = (
            float(np.interp(range(len(layers)), places, costs) @ [layer.out_channels for layer in layers])
            for costs in (steps, once)
        )
        print(f"{size} pixels: {step:.1f} s a step and {rest:.1f} s once for all units", flush=True)


def seconds(model: LoadedModel, targets: Sequence[Target], size: int, steps: int) -> float:
    started = time.process_time()
    list(quick_pictures(model, targets, quick_settings(size, steps), CPU))
    return time.process_time() - started


def choose(model: LoadedModel) -> None:
    """The number by which settings are compared, on the units for choosing."""
    targets = drawn(model)[0]
    strongest = seen(model, targets)
    comparable = [target for target, photo in zip(targets, strongest, strict=True) if photo > 0]
    for size, counts in CANDIDATES:
        for steps in counts:
            ratios = compared(quick(model, targets, size, steps), strongest)
            by_layer: dict[str, list[float]] = {}
            for target, ratio in zip(comparable, ratios, strict=True):
                by_layer.setdefault(target.layer, []).append(ratio)
            score = statistics.mean(math.log2(max(LEAST, statistics.median(layer))) for layer in by_layer.values())
            print(f"{size} pixels, {steps} steps: {score:.3f}; {distribution(ratios)}", flush=True)


def judge(model: LoadedModel) -> None:
    """The chosen settings beside the articles' on other units."""
    targets = drawn(model)[1]
    strongest = seen(model, targets)
    articles = {p.target: p.activation for p in visualize(model, targets, Settings(size=96, steps=128), CPU)}
    ours, theirs = quick(model, targets, *CHOSEN), [articles[target] for target in targets]
    blocks = dict.fromkeys(block(target) for target in targets)
    for name in (*blocks, "all"):
        rows = [i for i, target in enumerate(targets) if name in (block(target), "all")]
        small, large = (compared([x[i] for i in rows], [strongest[i] for i in rows]) for x in (ours, theirs))
        shares = [ours[i] / theirs[i] for i in rows if theirs[i] > 0]
        print(f"{name:8} quick: {distribution(small)}")
        print(f"{'':8} articles': {distribution(large)}; quick over articles' {statistics.median(shares):.2f} (median)")


def drawn(model: LoadedModel) -> tuple[list[Target], list[Target]]:
    """Two units of every convolution to choose by, and four others to judge by."""
    choosing, judging = [], []
    generators = np.random.default_rng(7), np.random.default_rng(40)
    for layer in discover(model.module, model.spec.input_shape).convs:
        first = generators[0].permutation(layer.out_channels)[:2].tolist()
        others = [channel for channel in generators[1].permutation(layer.out_channels).tolist() if channel not in first]
        choosing += [Target(layer.name, channel) for channel in first]
        judging += [Target(layer.name, channel) for channel in others[:4]]
    return choosing, judging


def seen(model: LoadedModel, targets: Sequence[Target]) -> list[float]:
    inputs = photographs("sample_photographs", model.spec, Progress()).inputs
    return photograph_responses(model, targets, inputs, CPU).amax(1).tolist()


def quick(model: LoadedModel, targets: Sequence[Target], size: int, steps: int) -> list[float]:
    batches = quick_pictures(model, targets, quick_settings(size, steps), CPU)
    return [picture.activation for batch in batches for picture in batch]


def compared(responses: Sequence[float], strongest: Sequence[float]) -> list[float]:
    return [response / photo for response, photo in zip(responses, strongest, strict=True) if photo > 0]


def distribution(ratios: Sequence[float]) -> str:
    above = sum(ratio > 1 for ratio in ratios) / len(ratios)
    deciles = ", ".join(f"{q:.2f}" for q in np.quantile(ratios, [0.1, 0.25, 0.5, 0.75, 0.9]))
    return f"above 1: {above:.0%}; 10, 25, 50, 75, 90 %: {deciles}"


def block(target: Target) -> str:
    return target.layer[:7] if target.layer.startswith("mixed") else "stem"


if __name__ == "__main__":
    sys.exit(main())
