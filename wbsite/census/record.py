"""What was measured of one network of the census: its facts, a row for each layer, small pictures of its last kernels.

One small .npz a network. Reading it needs no torch.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical
from wbsite.core.filing.files import write_atomically

MEASURED = Path(__file__).parent / "measured"
"""The records that come with wbsite, TASK/NAME.npz."""

REQUIRED = {"facts", "layers", "filters", "factors", "groups", "tests", "code", "provenance"}


@dataclass(frozen=True, eq=False)
class Measured:
    """One network, measured.

    Attributes:
        facts: those of its manifest, as JSON values.
        layers: a row for each layer with rows and columns, in execution order, as `measure.measured` makes them.
        filters: a row for each filter of the first layer, where it reads a picture in three channels.
        factors: a row for each factor of who reads these filters, and property of filters.
        groups: a row for each group of branches that was chosen, with how far the branch tells what units are tuned to.
        tests: a row for each category and index of tuning in each of their branches.
        code: SHA-256 of the code that measured.
        provenance: format, parameters, sentences on what could not be read, versions.
        pictures: uint8 (units, kh, kw, 3), NMF pictures of units of its last such layer; None where the licence does
            not allow them, or there are none.
    """

    facts: Mapping[str, Any]
    layers: Sequence[Mapping[str, Any]]
    filters: Sequence[Mapping[str, Any]]
    factors: Sequence[Mapping[str, Any]]
    groups: Sequence[Mapping[str, Any]]
    tests: Sequence[Mapping[str, Any]]
    code: str
    provenance: Mapping[str, Any]
    pictures: np.ndarray | None = None

    def pack(self) -> bytes:
        """The file's bytes; the same for the same record."""
        record = {name: getattr(self, name) for name in sorted(REQUIRED)}
        arrays = {"record": np.frombuffer(canonical(record), np.uint8)}
        if self.pictures is not None:
            arrays["pictures"] = self.pictures
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    def write(self, path: Path) -> None:
        """Writes the file, completely or not at all; WbsiteError where it cannot be."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, self.pack())
        except OSError as error:
            raise WbsiteError(
                f"{path} cannot be written ({error.strerror or error}).",
                "Make room, or give another folder with --out.",
            ) from error

    @classmethod
    def read(cls, path: Path) -> Measured:
        """Reads a file that `write` wrote.

        Raises:
            WbsiteError: it is missing or damaged, or holds something else.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                record = json.loads(file["record"].tobytes())
                pictures = file["pictures"] if "pictures" in file.files else None
        except Exception as error:  # zipfile and numpy raise many kinds for a damaged file; all mean the same
            raise WbsiteError(
                f"the record {path} cannot be read ({error}).", "Remove it, and make it again with `wbsite census`."
            ) from error
        if not isinstance(record, dict) or record.keys() != REQUIRED:
            raise WbsiteError(f"{path} is no record of the census.", "Expected a file that `wbsite census` wrote.")
        return cls(**record, pictures=pictures)
