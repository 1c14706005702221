"""The file of a training run: its metrics, and kernels of some of its layers.

One small .npz a run: "record", a JSON text, and for each layer its kernels as whole numbers with one scale a unit.
Reading it needs no torch.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical
from wbsite.core.filing.files import write_atomically

LEVELS = 7
"""How finely kernels are rounded where a record has no "levels", see `quantise`."""

REQUIRED = {"suite", "setting", "experiment", "seed", "accuracy", "history", "provenance"}
"""Entries that every record has."""


@dataclass(frozen=True)
class Run:
    """One training run of one experiment of a suite with one seed.

    Attributes:
        record: the experiment, its settings, and all measures, which were taken before kernels were rounded. Its "last"
            and "before", where it has them, are layers with kernels; "levels" is how finely kernels are rounded.
        kernels: layer → float32 (units, channels, kh, kw), rounded, see `quantise`.
    """

    record: Mapping[str, Any]
    kernels: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        """SETTING/EXPERIMENT-seedN, the path of its file in the suite's folder, without the suffix."""
        return f"{self.record['setting']}/{self.record['experiment']}-seed{self.record['seed']}"

    def pack(self) -> bytes:
        """The file's bytes; the same for the same run."""
        arrays = {"record": np.frombuffer(canonical(dict(self.record)), np.uint8)}
        for layer, kernels in sorted(self.kernels.items()):
            arrays[f"kernels/{layer}"], arrays[f"scale/{layer}"] = quantise(kernels, self.record.get("levels", LEVELS))
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.pack()).hexdigest()

    def write(self, path: Path) -> None:
        """Writes the file, completely or not at all.

        Raises:
            WbsiteError: it cannot be written.
        """
        try:
            write_atomically(path, self.pack())
        except OSError as error:
            raise WbsiteError(
                f"{path} cannot be written ({error.strerror or error}).",
                "Make room, or give another folder with --out; the run's checkpoint is kept.",
            ) from error

    @classmethod
    def read(cls, path: Path) -> Run:
        """Reads a file that `write` wrote.

        Raises:
            WbsiteError: it is missing or damaged, or holds no run.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                record = json.loads(file["record"].tobytes())
                names = [name.partition("/")[2] for name in file.files if name.startswith("kernels/")]
                kernels = {name: restore(file[f"kernels/{name}"], file[f"scale/{name}"]) for name in names}
        except Exception as error:  # zipfile and numpy raise many kinds for a damaged file; all mean the same
            raise WbsiteError(
                f"the run {path} cannot be read ({error}).", "Remove it, and train it again with `wbsite train`."
            ) from error
        if (
            not isinstance(record, dict)
            or not record.keys() >= REQUIRED
            or not all(record[key] in names for key in ("last", "before") if key in record)
        ):
            raise WbsiteError(f"{path} is not the result of a run.", "Expected a file that `wbsite train` wrote.")
        return cls(record, kernels)


def quantise(kernels: np.ndarray, levels: int = LEVELS) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (N, C, kh, kw) → int8 from −levels to levels (at most 127), and one scale a unit, float32 (N,).

    The largest weight of a unit becomes ±levels. The rounding error does not depend on position, so that |H| becomes a
    little smaller; the analysis `lab_pictures` measures by how much.
    """
    kernels = np.asarray(kernels, np.float32)
    scale = np.abs(kernels).reshape(len(kernels), -1).max(1) / levels
    steps = np.where(scale > 0, scale, 1)[:, None, None, None]
    return np.rint(kernels / steps).astype(np.int8), scale.astype(np.float32)


def restore(steps: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The kernels that `quantise` rounded, float32."""
    return steps.astype(np.float32) * scale[:, None, None, None].astype(np.float32)
