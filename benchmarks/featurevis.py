"""Feature visualization against torch-lucent, in one process and in turns.

    python benchmarks/featurevis.py speed                            image-steps a second
    python benchmarks/featurevis.py speed --weights-dir DIR          and of InceptionV1 with BVLC's weights
    python benchmarks/featurevis.py pictures --weights-dir DIR       whose pictures excite their units more
    python benchmarks/featurevis.py pictures --weights-dir DIR --development   the same for other units, to choose by
    python benchmarks/featurevis.py alone --weights-dir DIR          wbsite's own time by network and depth

torch-lucent is no dependency: `pip install torch-lucent` (0.1.8 wants kornia 0.4.1, so best into an environment of its
own; on a machine without a GPU `pip install --no-deps torch-lucent kornia==0.4.1 tqdm decorator` does). `alone` needs
neither.

`speed`: eight units of one block, one batch, the time of a call less that of a shorter call, so that preparations do
not count. lucent enlarges a picture of 96 pixels to 224 (with its border of 12 pixels on each side); wbsite presents
it as it is, and, in the second comparison, enlarged to 224 too. lucent is run as its documentation has it, with
weights that require gradients, and with frozen ones.

`pictures`: units drawn by a fixed seed from all convolutions with spatial kernels; the same number of steps, each
library's own defaults. A picture's response is the unit's largest pre-activation, in float32 and without
transformations, over all positions and over the picture presented at 96, 128, 160, 192 and 224 pixels (bilinear).
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torchvision
from torch.nn import functional as F

from benchmarks.row import report
from wbsite import models
from wbsite.core.device import choose, describe
from wbsite.featurevis import Settings, Target, visualize
from wbsite.featurevis.image_model import image_model
from wbsite.graph.layers import discover
from wbsite.graph.recording import record
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess

TABLE = ("speed", "--threads", "1", "--repeats", "{turns}", "--weights-dir", "{weights}")

SIDES = (96, 128, 160, 192, 224)
JUDGED, JUDGED_SEED = 40, 40
DEVELOPMENT_SEED = 7


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "pictures", "alone"))
    parser.add_argument("--weights-dir", help="folder with inceptionv1-bvlc.safetensors")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=128, help="of each picture, for `pictures`")
    parser.add_argument("--units", type=int, default=40)
    parser.add_argument("--development", action="store_true", help="units for choosing settings, none of the judged")
    parser.add_argument("--save", type=Path, help="file for the pictures of both, as .pt")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore")
    device = choose(options.device)
    print(
        f"{describe(device)}, {options.threads} threads; Python {platform.python_version()}, torch {torch.__version__}",
        flush=True,
    )
    {"speed": speed, "pictures": pictures, "alone": alone}[options.what](options, device)
    return 0


# --- speed -----------------------------------------------------------------------------------------------------------


def speed(options: argparse.Namespace, device: torch.device) -> None:
    compare("GoogLeNet of torchvision, random weights, inception4a", googlenet(), "inception4a", options, device)
    if options.weights_dir:
        bvlc = models.load("inceptionv1@bvlc", weights_dir=options.weights_dir)
        compare("InceptionV1, BVLC, mixed4a", bvlc, "mixed4a", options, device)


def googlenet() -> LoadedModel:
    """Random weights, always the same, as a LoadedModel."""
    torch.manual_seed(0)
    module = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=True).eval()
    spec = ModelSpec("googlenet", "random", "GoogLeNet", lambda: module, Preprocess(crop=224, resize=256))
    return LoadedModel(module, spec, "random")


def compare(title: str, model: LoadedModel, place: str, options: argparse.Namespace, device: torch.device) -> None:
    units = np.random.default_rng(0).permutation(256)[:8].tolist()
    contestants: dict[str, Callable[[int], object]] = {
        "lucent": lambda steps: lucent(model, place, units, steps, device, frozen=False),
        "lucent, frozen weights": lambda steps: lucent(model, place, units, steps, device, frozen=True),
    }
    for name, settings in {
        "wbsite, as it is": {},
        "wbsite, at 224": {"presented": 224},
        "wbsite, as it is, float32": {"precision": "float32"},
        "wbsite, at 224, float32": {"presented": 224, "precision": "float32"},
    }.items():
        contestants[name] = lambda steps, settings=settings: ours(model, place, units, steps, device, **settings)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run(1)
    for _ in range(options.repeats):
        for name, run in contestants.items():
            seconds[name].append((timed(run, 9) - timed(run, 1)) / 8)
    print(f"\n{title}: 8 units, 96 pixels, {options.repeats} turns")
    for name, found in seconds.items():
        ratios = [b / o for b, o in zip(seconds["lucent"], found, strict=True)]
        frozen = [b / o for b, o in zip(seconds["lucent, frozen weights"], found, strict=True)]
        print(
            f"  {name:28} {8 / statistics.median(found):7.1f} image-steps/s   × lucent {spread(ratios)}"
            f"   × lucent, frozen {spread(frozen)}",
            flush=True,
        )
    what = f"feature visualization, 224 pixels both, {title}"
    report(what, "torch-lucent, batch of 8", seconds["wbsite, at 224"], seconds["lucent"], goal=8)


def timed(run: Callable[[int], object], steps: int) -> float:
    """Seconds of the processor, which others on the machine disturb less; of the wall where a GPU computes."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    started = clock()
    run(steps)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - started


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


def ours(
    model: LoadedModel, place: str, units: list[int], steps: int, device: torch.device, **settings: object
) -> torch.Tensor:
    targets = [Target(place, channel) for channel in units]
    made = {
        p.target: p.image
        for p in visualize(model, targets, Settings(**{"size": 96, "steps": steps, "reseeds": 0, **settings}), device)
    }
    return torch.stack([made[target] for target in targets])


def lucent(
    model: LoadedModel, place: str | list[str], units: list[int], steps: int, device: torch.device, frozen: bool = True
) -> torch.Tensor:
    """(units, 3, 96, 96): lucent's channel objective and defaults, on the network's own range of inputs."""
    from lucent.optvis import objectives, param, render, transform

    module = model.module.to(device)
    for parameter in module.parameters():
        parameter.requires_grad_(not frozen)
    places = [place] * len(units) if isinstance(place, str) else place
    parts = [
        objectives.channel(name.replace(".", "_"), unit, batch=i)
        for i, (name, unit) in enumerate(zip(places, units, strict=True))
    ]
    images = render.render_vis(
        module,
        objectives.Objective.sum(parts),
        lambda: param.image(96, batch=len(units)),
        transforms=[*transform.standard_transforms, lambda x: given(model, x)],
        thresholds=(steps,),
        preprocess=False,
        progress=False,
        show_image=False,
    )
    for one in module.modules():
        one._forward_hooks.clear()  # lucent leaves its own on every module
    return torch.from_numpy(images[-1]).permute(0, 3, 1, 2)


def given(model: LoadedModel, images: torch.Tensor) -> torch.Tensor:
    """Pictures in [0, 1] → the network's input."""
    preprocess = model.spec.preprocess
    mean, std = (torch.tensor(x, device=images.device).reshape(1, -1, 1, 1) for x in (preprocess.mean, preprocess.std))
    return (images * preprocess.scale - mean) / std


# --- pictures --------------------------------------------------------------------------------------------------------


def pictures(options: argparse.Namespace, device: torch.device) -> None:
    model = models.load("inceptionv1@bvlc", weights_dir=options.weights_dir)
    targets = drawn(model, options.units, options.development)
    made = {p.target: p.image for p in visualize(model, targets, Settings(size=96, steps=options.steps), device)}
    here, there = [made[target] for target in targets], []
    for i in range(0, len(targets), 8):
        torch.manual_seed(i)
        np.random.seed(i)
        part = targets[i : i + 8]
        there += lucent(model, [t.layer for t in part], [t.channel for t in part], options.steps, device).unbind()
        print(f"lucent: {len(there)} of {len(targets)}", flush=True)
    one, other = (responses(model, targets, torch.stack(images), device) for images in (here, there))
    ratios = [(a / b) if b > 0 else float("inf") for a, b in zip(one, other, strict=True)]
    for target, a, b, ratio in zip(targets, one, other, ratios, strict=True):
        print(f"  {target.label:28} wbsite {a:9.1f}  lucent {b:9.1f}  ratio {ratio:5.2f}")
    as_strong = sum(a >= b for a, b in zip(one, other, strict=True))
    print(
        f"{as_strong} of {len(targets)} ({as_strong / len(targets):.0%}) at least as strong as lucent's;"
        f" median ratio {statistics.median(ratios):.2f}, {options.steps} steps"
    )
    if options.save:
        torch.save({"targets": targets, "wbsite": torch.stack(here), "lucent": torch.stack(there)}, options.save)


def drawn(model: LoadedModel, count: int, development: bool) -> list[Target]:
    """Units drawn evenly from all units of the convolutions with spatial kernels; the two sets have none in common."""
    layers = [layer for layer in discover(model.module, model.spec.input_shape).convs if layer.spatial]
    every = [Target(layer.name, channel) for layer in layers for channel in range(layer.out_channels)]
    judged = np.random.default_rng(JUDGED_SEED).permutation(len(every))[:JUDGED]
    if not development:
        return [every[i] for i in sorted(judged[:count])]
    others = np.setdiff1d(np.arange(len(every)), judged)
    return [every[i] for i in sorted(np.random.default_rng(DEVELOPMENT_SEED).choice(others, count, replace=False))]


@torch.no_grad()
def responses(model: LoadedModel, targets: list[Target], images: torch.Tensor, device: torch.device) -> list[float]:
    """Largest pre-activation of each target for its own picture, over positions and presentations."""
    best = torch.full((len(targets),), -torch.inf)
    module = model.module.to(device)
    for side in SIDES:
        tape = record(module, (3, side, side))
        shown = F.interpolate(images.to(device), (side, side), mode="bilinear", align_corners=False)
        for i, target in enumerate(targets):
            value = tape.pre_activation(target.layer)
            found = tape.program([value])(given(model, shown[i : i + 1]))[value][0, target.channel].max()
            best[i] = torch.maximum(best[i], found.cpu())
    return best.tolist()


# --- wbsite alone ----------------------------------------------------------------------------------------------------


def alone(options: argparse.Namespace, device: torch.device) -> None:
    cases = [
        ("simplified_32", 32, "5b"),
        ("alexnet_32", 32, "conv5"),
        ("inceptionv1_32", 32, "mixed4a"),
        ("inceptionv1_32", 32, "mixed5b"),
    ]
    if options.weights_dir:
        cases += [("inceptionv1@bvlc", side, place) for side in (96, 128) for place in ("mixed4a", "mixed5b")]
    for name, size, place in cases:
        model = models.load(name, weights_dir=options.weights_dir)
        for count in (4, 16):
            targets = [Target(place, channel) for channel in range(count)]
            found = []
            run = partial(wbsite_alone, model, targets, size, device)
            run(1)
            for _ in range(options.repeats):
                found.append(count * 16 / (timed(run, 17) - timed(run, 1)))
            dtype = str(image_model(model, targets, Settings(size=size), device).dtype).removeprefix("torch.")
            low, high = min(found), max(found)
            print(
                f"{name:18} {size:4} px to {place:8} batch {count:2} {dtype}: {statistics.median(found):7.1f}"
                f" image-steps/s ({low:.1f} to {high:.1f})",
                flush=True,
            )


def wbsite_alone(model: LoadedModel, targets: list[Target], size: int, device: torch.device, steps: int) -> None:
    list(visualize(model, targets, Settings(size=size, steps=steps, reseeds=0), device))


if __name__ == "__main__":
    sys.exit(main())
