"""An entry of the store: the files of one result, with the manifest that has their digests."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import RunError, WbsiteError
from wbsite.core.filing.documents import Damaged, canonical, opened, signed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MANIFEST = "manifest.json"


class StoreError(RunError):
    """The store itself cannot be used (not writable, full)."""


class DamagedEntry(WbsiteError):
    """An entry whose files do not have the digests of its manifest. It is recomputed, never used."""

    def __init__(self, key: str, name: str) -> None:
        super().__init__(
            f"store entry {key} is damaged ({name}).", "Run `wbsite build` or `wbsite clean`: it is computed again."
        )
        self.key = key


@dataclass(frozen=True)
class Contents:
    """What an entry holds.

    Attributes:
        values: JSON values: scalars, strings, lists.
        arrays: numeric arrays, kept exactly.
        tables: one row an observation.
        pictures: file name with suffix (.png, .webp) → encoded bytes.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """The files that an entry keeps it in, by name."""
        files = {"values.json": canonical(dict(self.values))}
        if self.arrays:
            import numpy as np
            from safetensors.numpy import save

            files["arrays.safetensors"] = save({k: np.ascontiguousarray(v) for k, v in sorted(self.arrays.items())})
        for name, table in self.tables.items():
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            files[f"{name}.parquet"] = buffer.getvalue()
        return {**files, **self.pictures}


def result_key(parts: Mapping[str, Any]) -> str:
    """SHA-256 over all that decides a result (analysis, its code, parameters, digests, needed keys)."""
    return hashlib.sha256(canonical(parts)).hexdigest()


def manifest_of(files: Mapping[str, bytes], about: Mapping[str, Any]) -> bytes:
    """The manifest of these files."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return signed({"about": dict(about), "files": digests}, "digest")


class Entry:
    """A stored result. Files are read, and their digests checked, when asked for.

    Args:
        key: of the entry.
        manifest: as `manifest_of` writes it.
        read: the bytes of one of its files, by name; None where it is not there.

    Raises:
        DamagedEntry: the manifest is not as it was written; from every accessor, a file is missing or differs from
            what was written.
        KeyError: from accessors, the entry has no such array, table or picture.
    """

    def __init__(self, key: str, manifest: bytes, read: Callable[[str], bytes | None]) -> None:
        self.key, self._read = key, read
        try:
            document = opened(manifest, "digest")
            self._files: Mapping[str, str] = document["files"]
            self.about: Mapping[str, Any] = document["about"]
            inside = all("/" not in name and "\\" not in name and name not in ("", "..") for name in self._files)
        except (Damaged, KeyError, TypeError) as error:
            raise DamagedEntry(key, MANIFEST) from error
        if not (inside and isinstance(self._files, dict) and isinstance(self.about, dict)):
            raise DamagedEntry(key, MANIFEST)
        self._tables: dict[str, pd.DataFrame] = {}

    def file(self, name: str) -> bytes:
        """One file's bytes, checked."""
        if name not in self._files:
            raise KeyError(name)
        data = self._read(name)
        if data is None or hashlib.sha256(data).hexdigest() != self._files[name]:
            raise DamagedEntry(self.key, name)
        return data

    @cached_property
    def values(self) -> dict[str, Any]:
        """The JSON values."""
        return json.loads(self.file("values.json"))

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        from safetensors.numpy import load

        return load(self.file("arrays.safetensors")) if "arrays.safetensors" in self._files else {}

    def table(self, name: str) -> pd.DataFrame:
        """A table by name, the caller's own to change."""
        import pandas as pd

        if name not in self._tables:
            self._tables[name] = pd.read_parquet(io.BytesIO(self.file(f"{name}.parquet")))
        return self._tables[name].copy()

    @property
    def pictures(self) -> list[str]:
        """Names of its picture files."""
        return [name for name in self._files if not name.endswith((".json", ".safetensors", ".parquet"))]

    def check(self) -> None:
        """Reads every file."""
        for name in self._files:
            self.file(name)
