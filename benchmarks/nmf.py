"""One-sided NMF of every spatial layer: wbsite's batched solver against scikit-learn called unit by unit.

    python benchmarks/nmf.py                                      a bundled checkpoint
    python benchmarks/nmf.py --model inceptionv1 --weights-dir DIR
    python benchmarks/nmf.py WEIGHTS.npz                          any file of 4-D (O, I, kh, kw) arrays

Both get the same matrices, in one process and in turns, with the same number of threads. Timed are
scikit-learn's fits (NNDSVDa start, its default solver and tolerance), wbsite's fits alone, and
`one_sided_nmf` as called, which also computes the joint factors and matches colours against them.
Besides the wall, processor seconds are reported, which other processes on the machine disturb less.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import sklearn
import torch
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks.row import report
from wbsite.core.errors import WbsiteError
from wbsite.models import load
from wbsite.ops.nmf import Factors, one_sided_nmf

COMPONENTS = 3
T = TypeVar("T")

TABLE = ("--repeats", "{turns}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="?", type=Path, help=".npz of 4-D arrays; instead of --model")
    parser.add_argument("--model", default="inceptionv1_32")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(options.threads)
    layers = from_npz(options.weights) if options.weights else from_model(options.model, options.weights_dir)
    if not layers:
        print("no layer has a kernel larger than 1×1", file=sys.stderr)
        return 2
    with threadpool_limits(options.threads):
        compare(layers, options.repeats, options.threads)
    return 0


def from_npz(path: Path) -> list[torch.Tensor]:
    """Kernels (O, I/groups, kh, kw) of the file's spatial layers, float32."""
    arrays = np.load(path, allow_pickle=False)
    kernels = [torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files if arrays[name].ndim == 4]
    return [kernel for kernel in kernels if kernel[0, 0].numel() > 1]


def from_model(name: str, weights_dir: Path | None) -> list[torch.Tensor]:
    """Kernels of a model's spatial convolutions, those its weights file lacks left out."""
    module = load(name, weights_dir=weights_dir).module
    kernels = [part.weight.detach() for part in module.modules() if isinstance(part, torch.nn.Conv2d)]
    return [kernel for kernel in kernels if kernel[0, 0].numel() > 1 and bool(kernel.isfinite().all())]


def compare(layers: list[torch.Tensor], repeats: int, threads: int) -> None:
    """Runs all in turns and prints seconds, ratios and errors."""
    matrices = [unit for kernels in layers for unit in as_matrices(kernels)]
    joint = [one_sided_nmf(kernels, COMPONENTS, mode="joint") for kernels in layers]
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    print(f"{len(layers)} layers, {len(matrices)} units, {COMPONENTS} components; {threads} threads; {versions}")

    runs: dict[str, list[tuple[float, float]]] = {"scikit-learn": [], "wbsite, fits": [], "wbsite, as called": []}
    for _ in range(repeats):
        reference = timed(runs["scikit-learn"], lambda: np.array([sklearn_error(unit) for unit in matrices]))
        fits = timed(
            runs["wbsite, fits"],
            lambda: [one_sided_nmf(k, COMPONENTS, reference=j) for k, j in zip(layers, joint, strict=True)],
        )
        timed(runs["wbsite, as called"], lambda: [one_sided_nmf(kernels, COMPONENTS) for kernels in layers])
    ours = errors(layers, fits)

    for clock, kind in enumerate(("wall", "processor")):
        base = [seconds[clock] for seconds in runs["scikit-learn"]]
        for name, both in runs.items():
            own = [seconds[clock] for seconds in both]
            ratios = [theirs / mine for theirs, mine in zip(base, own, strict=True)]
            print(
                f"{kind:10}{name:18}{statistics.median(own):7.3f} s ({min(own):.3f} to {max(own):.3f})"
                f"   {statistics.median(ratios):5.1f} times as fast ({min(ratios):.1f} to {max(ratios):.1f})"
            )
    report(
        "one-sided NMF, as called",
        "scikit-learn's NMF unit by unit",
        *([processor for _, processor in runs[name]] for name in ("wbsite, as called", "scikit-learn")),
        goal=20,
    )
    print(
        f"mean relative reconstruction error: scikit-learn {reference.mean():.5f}, wbsite {ours.mean():.5f} "
        f"({ours.mean() / reference.mean() - 1:+.3%})"
    )


def timed(seconds: list[tuple[float, float]], work: Callable[[], T]) -> T:
    """The work's result; wall and processor seconds it took are appended to `seconds`."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    seconds.append((time.perf_counter() - wall, time.process_time() - processor))
    return result


def as_matrices(kernels: torch.Tensor) -> np.ndarray:
    """(N, C, kh, kw) → (N, kh·kw, 2C), the non-negative matrix of each unit."""
    both = torch.cat((kernels.clamp_min(0), (-kernels).clamp_min(0)), dim=1)
    return both.flatten(2).mT.contiguous().numpy()


def sklearn_error(matrix: np.ndarray) -> float:
    """Relative Frobenius error of scikit-learn's factors, 0 for a unit of zeros."""
    size = float(np.linalg.norm(matrix))
    if not size:
        return 0.0
    start = "nndsvda" if min(matrix.shape) >= COMPONENTS else "random"
    fit = NMF(COMPONENTS, init=start, random_state=0).fit(matrix)
    return float(fit.reconstruction_err_) / size


def errors(layers: list[torch.Tensor], factors: list[Factors]) -> np.ndarray:
    """Relative errors recomputed in float64 from the published factors alone, as a reader would."""
    found = []
    for kernels, factor in zip(layers, factors, strict=True):
        x = as_matrices(kernels).astype(np.float64)
        s = (factor.spatial.flatten(1, 2) * factor.scale[:, None, None]).double().numpy()
        sizes = np.linalg.norm(x, axis=(1, 2))
        residual = np.linalg.norm(x - s @ factor.channels.double().numpy(), axis=(1, 2))
        found.append(residual / np.where(sizes > 0, sizes, np.inf))
    return np.concatenate(found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WbsiteError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
