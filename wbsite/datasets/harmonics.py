"""`harmonics`: the 4096 patterns of 12 bits of Shwartz-Ziv and Tishby, generated from their definition.

The bits sit on the vertices of an icosahedron, and the class does not change when it is turned or mirrored: 120
permutations of the bits leave every label as it is. A pattern is of class 1 when the number of its active bits and the
length of the sum of their unit vectors add up to more than 7.6. That sum takes no value between 7.5628 and 7.7013, so
rounding decides no label. Of all patterns 51.708984375 % are of class 1.

Shwartz-Ziv and Tishby (2017), Opening the black box of deep neural networks via information, arXiv:1703.00810.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded
from wbsite.core.progress import Progress

from .base import DatasetSpec, Samples
from .npz import read_arrays

THRESHOLD = 7.6

_P, _M = (sign * (1 + 5**0.5) / 2 for sign in (1, -1))
VERTICES = np.array(
    [(0, 1, _P), (0, -1, _P), (1, _M, 0), (_P, 0, 1), (-1, _M, 0), (-1, _P, 0), (_M, 0, -1), (0, 1, _M), (_P, 0, -1),
     (0, -1, _M), (1, _P, 0), (_M, 0, 1)]
) / np.hypot(1, _P)  # fmt: skip
"""(12, 3): unit vectors of the icosahedron's vertices, in the order in which the published patterns have their bits."""

PUBLISHED = "deep_bottleneck/datasets/IB_data_2017_12_21_16_51_3_275766.npz of github.com/neuroinfo-os/deep-bottleneck"
"""Where the patterns are published as they were split, with the arrays X_train, y_train, X_test and y_test."""


def harmonics() -> tuple[np.ndarray, np.ndarray]:
    """All patterns and their classes, in the published order: pattern i is i in binary, its first bit the highest.

    Returns:
        inputs: uint8 (4096, 12), 0 or 1.
        labels: uint8 (4096,), 0 or 1.
    """
    inputs = (np.arange(4096)[:, None] >> np.arange(11, -1, -1) & 1).astype(np.uint8)
    return inputs, (scores(inputs) > THRESHOLD).astype(np.uint8)


def scores(inputs: np.ndarray) -> np.ndarray:
    """Number of active bits plus the length of the sum of their vertices: (n, 12) of 0 and 1 → float64 (n,)."""
    return inputs.sum(axis=1) + np.linalg.norm(inputs @ VERTICES, axis=1)


def samples(argument: str, progress: Progress) -> Samples:
    """The patterns as 0 and 1; of `harmonics:zero-mean` as −0.5 and 0.5.

    Zero-mean is the published form of deep-bottleneck (`harmonics_zero_mean`): half is subtracted, nothing scaled. The
    published split, of 3277 and 819 patterns, was one unseeded permutation and follows from no rule; it is read from
    the file that holds it, with `harmonics:PATH` or `harmonics:zero-mean:PATH`. Without the file there is none.

    Raises:
        WbsiteError: there is no such file, or its patterns and labels are not these.
    """
    form, _, path = argument.partition(":")
    if form != "zero-mean":
        form, path = "", argument
    inputs, labels = harmonics()
    split = published_split(expanded(path)) if path else None
    shifted = inputs.astype(np.float32) - np.float32(0.5 if form else 0)
    return Samples(shifted, labels.astype(np.int64), ("0", "1"), split)


def published_split(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the patterns that a published file trains on and tests on, int64.

    Raises:
        WbsiteError: there is no such file, or its patterns and labels are not those of `harmonics`.
    """
    hint = f"Write harmonics, harmonics:zero-mean, or harmonics:PATH with a copy of {PUBLISHED}."
    arrays = read_arrays(path, ("X_train", "y_train", "X_test", "y_test"), hint)
    _, known = harmonics()
    split = []
    for part in ("train", "test"):
        patterns, labels = arrays[f"X_{part}"], arrays[f"y_{part}"]
        if patterns.shape != (labels.size, 12) or not np.isin(patterns, (0, 1)).all():
            raise WbsiteError(
                f"{path} has X_{part} of shape {patterns.shape} and {labels.size} labels; expected 12 bits a label.",
                hint,
            )
        indices = patterns.astype(np.int64) @ (1 << np.arange(11, -1, -1))
        if wrong := int((known[indices] != labels.ravel()).sum()):
            raise WbsiteError(
                f"{path} labels {wrong} of {labels.size} patterns in y_{part} otherwise than harmonics does.",
                hint,
            )
        split.append(indices)
    return split[0], split[1]


DATASETS = (
    DatasetSpec(
        "harmonics",
        "samples: all 4096 patterns of 12 bits on an icosahedron, generated; harmonics:zero-mean has ±0.5 for 0 and 1",
        samples=samples,
    ),
)
