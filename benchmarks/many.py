"""A build of many networks, and of one with many layers: `python benchmarks/many.py [--networks 50] [--layers 0]`.

The networks have random weights and mixed sizes: 3 to 12 convolutions of 8 to 64 channels, plain, depthwise, residual
or in parallel branches, kernels of 1 to 7 pixels, pictures of 24 to 96 pixels. `--layers 1000` builds one network of so
many convolutions in their place. It prints the seconds of computing, of rendering and of mkdocs, the peak of memory
over all processes, how many pages there are and how large they are, and what a second build takes that has nothing to
do. With `--folder` the site is kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.build import ROOT, Build, build

STEPS = ("render", "mkdocs", "report")
"""How the lines begin that a build says when computing, rendering and mkdocs have ended."""

NETWORKS = """
import random
from torch import nn


class Residual(nn.Module):
    def __init__(self, inner, share=1.0):
        super().__init__()
        self.inner, self.share = inner, share

    def forward(self, x):
        return x + self.share * self.inner(x).relu()


class Branches(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.narrow = nn.Conv2d(channels, half, 1)
        inner = nn.Conv2d(half, half, 3, padding=1)
        self.wide = nn.Sequential(nn.Conv2d(channels, half, 3, padding=1), nn.ReLU(), inner)

    def forward(self, x):
        from torch import cat

        return cat([self.narrow(x), self.wide(x)], 1).relu()


def block(chance, channels):
    kernel = chance.choice((1, 3, 3, 5))
    plain = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    return chance.choice((
        lambda: nn.Sequential(plain, nn.BatchNorm2d(channels), nn.ReLU()),
        lambda: nn.Sequential(depthwise, nn.Conv2d(channels, channels, 1), nn.ReLU()),
        lambda: Residual(nn.Conv2d(channels, channels, 3, padding=1)),
        lambda: Branches(channels),
    ))()


def mixed(seed):
    chance = random.Random(seed)
    channels, size = chance.choice((8, 16, 24, 32, 64)), chance.choice((24, 32, 48, 64, 96))
    stem = nn.Conv2d(3, channels, chance.choice((3, 5, 7)), stride=chance.choice((1, 2)), padding=2)
    blocks = [block(chance, channels) for _ in range(chance.randint(2, 7))]
    ends = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, chance.choice((2, 10, 40)))
    found = nn.Sequential(stem, nn.ReLU(), *blocks, *ends)
    found.input_shape = (3, size, size)
    return found


def deep(layers):
    inner = [Residual(nn.Conv2d(8, 8, 3, padding=1), 1 / layers) for _ in range(layers - 1)]
    ends = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    found = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *inner, *ends)
    found.input_shape = (3, 32, 32)
    return found

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--layers", type=int, default=0, help="of one network, in their place")
    parser.add_argument("--folder", type=Path, help="an empty one, in which everything stays")
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        measure(options.folder, options.networks, options.layers)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.networks, options.layers)


def measure(folder: Path, networks: int, layers: int) -> None:
    """Builds, builds again, and prints what both took and what there is."""
    names = [f"deep{layers}"] if layers else [f"mixed{number:03}" for number in range(networks)]
    made = "\n\n".join(
        f"def {name}():\n    return {f'deep({layers})' if layers else f'mixed({number})'}"
        for number, name in enumerate(names)
    )
    (folder / "many.py").write_text(NETWORKS + made + "\n")
    models = ",".join(f"many.py:{name}" for name in names)
    first = build(ROOT, ("--models", models), folder)
    printed("built", first)
    sizes = {path: path.stat().st_size for path in (folder / "site").rglob("*") if path.is_file()}
    pages = {path: size for path, size in sizes.items() if path.suffix == ".html"}
    largest = max(pages, key=lambda path: pages[path])
    print(f"{len(pages)} pages, {len(sizes)} files, {sum(sizes.values()) / 1e6:.0f} MB", flush=True)
    print(f"largest page: {pages[largest]} bytes, {largest.relative_to(folder)}")
    printed("built again, nothing changed", build(ROOT, ("--models", models), folder))


def printed(label: str, took: Build) -> None:
    """Seconds of a build's parts, and its memory."""
    starts = {name: then for then, line in reversed(took.lines) for name in STEPS if line.startswith(name)}
    render, mkdocs, end = (starts.get(name, took.wall) for name in STEPS)
    parts = f"computing {render:.1f}, rendering {mkdocs - render:.1f}, mkdocs {end - mkdocs:.1f}"
    print(f"{label}: {took.wall:.1f} s: {parts}")
    print(f"  processor {took.processor:.1f} s, peak {took.memory / 1e9:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
