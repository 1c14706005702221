"""Pictures per second in training: wbsite's loop against plain PyTorch loops of the same network.

    python benchmarks/train.py                                       the baseline of `banding`, on drawn textures
    python benchmarks/train.py --dataset imagefolder:PATH --pictures 25600
    python benchmarks/train.py --workers 8                           and a DataLoader that decodes and augments
    python benchmarks/train.py --suite                               and the wall time of the whole suite, three seeds

All train the same network from the same start on the same pictures for one epoch and test it, in one process and in
turns, with the same batch, bfloat16 autocast, channels-last layout and fused AdamW. What differs:

    wbsite           `train` as a run of the suite calls it: uint8 pictures, random shifts and flips, the learning rate
                     set at every step, the banding index at the preset's moments, a checkpoint at the end
    plain            what one writes first: a shuffling DataLoader over a TensorDataset of pictures that were normalised
                     beforehand; no augmentation at all, a constant learning rate
    plain, augmented the same with wbsite's augmentation and normalisation of each batch of uint8 pictures
    DataLoader       pictures kept as PNG, decoded, shifted, flipped and normalised one by one by worker processes
"""

from __future__ import annotations

import argparse
import io
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.row import report
from wbsite import datasets
from wbsite.core import registry
from wbsite.core.device import choose, describe
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Pictures
from wbsite.models.base import Preprocess
from wbsite.train.augment import Draws, augment
from wbsite.train.base import Preset, Recipe, Suite
from wbsite.train.batches import Batch, Batches
from wbsite.train.loop import accuracy, train
from wbsite.train.measure_banding import BandingMeasures

TABLE = ("--repeats", "{turns}", "--threads", "1")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="textures")
    parser.add_argument("--pictures", type=int, default=6400, help="to train on in each turn")
    parser.add_argument("--tested", type=int, default=500, help="pictures to test on in each turn")
    parser.add_argument("--preset", help="scale of the suite")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--workers", type=int, help="of the DataLoader that decodes; 8 on a GPU, otherwise it is left out"
    )
    parser.add_argument("--suite", action="store_true", help="time `wbsite train banding` too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    suite: Suite = registry.named("suites", "banding", "suite")
    preset, device = suite.preset(options.preset), choose(options.device)
    training = first(datasets.load(options.dataset, "train", preset.size, Progress()), options.pictures)
    held_out = first(datasets.load(options.dataset, "test", preset.size, Progress()), options.tested)
    workers = options.workers if options.workers is not None else 8 if device.type == "cuda" else 0
    print(
        f"banding, baseline, preset {preset.name}: {len(training.labels)} pictures of {options.dataset}, batches of"
        f" {preset.recipe.batch}; {describe(device)}, {options.threads} threads;"
        f" Python {platform.python_version()}, torch {torch.__version__}",
        flush=True,
    )
    compare(contestants(suite, preset, training, held_out, device, workers), options.repeats, len(training.labels))
    if options.suite:
        time_suite(options.dataset, preset, options.device)
    return 0


def first(pictures: Pictures, count: int) -> Pictures:
    """The first pictures of a fixed shuffling, so that every class is there."""
    index = np.random.default_rng(0).permutation(len(pictures.labels))[:count]
    return Pictures(pictures.images[index], pictures.labels[index], pictures.classes)


def contestants(
    suite: Suite, preset: Preset, training: Pictures, held_out: Pictures, device: torch.device, workers: int
) -> dict[str, Callable[[], None]]:
    """Name → one epoch of training and a test."""
    recipe, [(_, trial)] = replace(preset.recipe, epochs=1), suite.select(("baseline",))
    data, test = (Batches.from_pictures(pictures, preset.preprocess, device) for pictures in (training, held_out))

    def network() -> nn.Module:
        torch.manual_seed(0)
        return trial.build(preset, len(training.classes))

    def ours() -> None:
        module = network()
        measures = BandingMeasures(module, (3, preset.size, preset.size))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.ckpt"
            moments = [moment for moment in preset.moments if moment <= 1]
            train(module, data, test, recipe, 0, path, Progress(), measure=measures.history_rows, moments=moments)

    def plainly(epoch: Callable[[], Iterator[Batch]]) -> Callable[[], None]:
        def work() -> None:
            module = network()
            plain_epoch(module, epoch(), recipe, device)
            accuracy(module, test, autocast=True)
            if device.type == "cuda":
                torch.cuda.synchronize()

        return work

    normalised = torch.cat([data.normalise(part) for part in data.images.split(1000)]).contiguous().cpu()
    labels = data.labels.cpu()
    ready = DataLoader(TensorDataset(normalised, labels), recipe.batch, shuffle=True, drop_last=True)
    raw = DataLoader(TensorDataset(data.images.cpu(), labels), recipe.batch, shuffle=True, drop_last=True)

    def augmented() -> Iterator[Batch]:
        chance = torch.Generator().manual_seed(0)
        for x, y in raw:
            x = augment(x.to(device), recipe, Draws.for_all(len(x), chance))
            yield data.normalise(x), y

    found = {
        "wbsite": ours,
        "plain": plainly(lambda: iter(ready)),
        "plain, augmented": plainly(augmented),
    }
    if workers:
        decoding = DataLoader(
            Encoded(training, preset.preprocess, recipe), recipe.batch, shuffle=True, drop_last=True,
            num_workers=workers, persistent_workers=True, pin_memory=device.type == "cuda",
            multiprocessing_context="spawn",
        )  # fmt: skip
        found[f"DataLoader, {workers} workers"] = plainly(lambda: iter(decoding))
    return found


def plain_epoch(module: nn.Module, batches: Iterator[Batch], recipe: Recipe, device: torch.device) -> None:
    """An epoch as in any tutorial."""
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    module.train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    for x, y in batches:
        x = x.to(device, memory_format=torch.channels_last, non_blocking=True)
        y = y.to(device, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16):
            loss = F.cross_entropy(module(x), y, label_smoothing=recipe.smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


class Encoded(Dataset[Batch]):
    """Pictures as PNG in memory, decoded and augmented one by one."""

    def __init__(self, pictures: Pictures, preprocess: Preprocess, recipe: Recipe) -> None:
        self.pictures = [encode(image) for image in pictures.images]
        self.labels, self.preprocess, self.recipe = pictures.labels, preprocess, recipe

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Batch:
        from torchvision.transforms import v2

        size, p = self.preprocess.height, self.preprocess
        transform = v2.Compose([
            v2.PILToTensor(),
            v2.RandomCrop(size, padding=self.recipe.shift, padding_mode="reflect"),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(p.mean, p.std),
        ])  # fmt: skip
        with Image.open(io.BytesIO(self.pictures[index])) as image:
            return transform(image.convert("RGB")), torch.tensor(self.labels[index])


def encode(image: np.ndarray) -> bytes:
    """uint8 (3, H, W) as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def compare(works: dict[str, Callable[[], None]], repeats: int, pictures: int) -> None:
    """Runs all in turns, once without counting, and prints pictures per second and wbsite's share of each."""
    rates: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if turn:
                rates[name].append(pictures / (time.perf_counter() - started))
    for name, own in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["wbsite"], own, strict=True)]
        print(
            f"{name:22}{statistics.median(own):9.0f} pictures a second ({min(own):.0f} to {max(own):.0f})"
            f"   wbsite is {statistics.median(ratios):5.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    report(
        "training, pictures a second",
        "a plain loop with the same augmentation",
        *([1 / rate for rate in rates[name]] for name in ("wbsite", "plain, augmented")),
        goal=1,
    )


def time_suite(dataset: str, preset: Preset, device: str) -> None:
    """The wall time of `wbsite train banding` with three seeds, its results thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "wbsite.cli", "train", "banding", "--dataset", dataset, "--preset", preset.name,
            "--device", device, "--seeds", "0,1,2", "--out", f"{folder}/out", "--store", f"{folder}/store",
        ]  # fmt: skip
        started = time.perf_counter()
        done = subprocess.run(command, cwd=Path(__file__).resolve().parents[1], stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
        print(f"whole suite: {len(done.stdout.splitlines())} runs in {seconds / 60:.1f} minutes")
        if done.returncode:
            raise WbsiteError(f"the suite ended with status {done.returncode}.", "See the lines above.")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WbsiteError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
