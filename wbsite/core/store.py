"""The results store: everything computed, held by content, the only thing compute and render share.

An entry lies under its key, a SHA-256 of all that decides it. Its files are written first, each
to a temporary name that is fsynced and renamed; the manifest, with every file's digest, is written
last, so an entry without one does not exist. Digests are checked on read. The store is reached
through fsspec: a folder, a shared disk or object storage (where single writes are atomic and the
lock is left out: two writers of one key write the same content).

    objects/ab/KEY/{manifest.json, values.json, arrays.safetensors, NAME.parquet, NAME.png}
    records/NAME.json       small documents that are replaced, such as a model's list of results
"""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
from filelock import FileLock

from .errors import RunError, WbsiteError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


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


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def result_key(parts: Mapping[str, Any]) -> str:
    """SHA-256 over all that decides a result (analysis, its code, parameters, digests, needed keys)."""
    return hashlib.sha256(canonical(parts)).hexdigest()


class Entry:
    """A stored result. Files are read, and their digests checked, when asked for.

    Raises (from every accessor):
        DamagedEntry: a file is missing or differs from what was written.
        KeyError: the entry has no such array, table or picture.
    """

    def __init__(self, store: Store, key: str, manifest: Mapping[str, Any]) -> None:
        self._store, self.key, self._files = store, key, manifest["files"]
        self.about: Mapping[str, Any] = manifest["about"]
        self._tables: dict[str, pd.DataFrame] = {}

    def file(self, name: str) -> bytes:
        """One file's bytes, checked."""
        if name not in self._files:
            raise KeyError(name)
        data = self._store._read(f"{self._store._folder(self.key)}/{name}")
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


class Store:
    """Results by content under `url` (a folder, or any address fsspec knows). Opening it writes nothing.

    A folder is kept as an absolute path, so that workers with another working folder find it.

    Raises:
        StoreError: the address is not usable; later, that it cannot be read or written.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url) if "://" in str(url) else str(Path(url).absolute())
        try:
            self.fs, self.root = fsspec.core.url_to_fs(self.url)
        except (ValueError, ImportError) as error:
            raise StoreError(
                f"store {self.url!r} cannot be opened ({error}).", "Give a folder, or an address fsspec knows."
            ) from error
        protocol = self.fs.protocol  # one name or several, as the file system has it
        self.local = not {"file", "local"}.isdisjoint({protocol} if isinstance(protocol, str) else protocol)

    def prepare(self) -> None:
        """Makes its folders, so that a store that cannot be written is found before anything is computed."""
        try:
            self.fs.makedirs(f"{self.root}/objects", exist_ok=True)
            self.fs.makedirs(f"{self.root}/records", exist_ok=True)
        except OSError as error:
            raise self._failed("be created", error) from error

    def exists(self) -> bool:
        """Whether anything was ever put there."""
        return self.fs.exists(f"{self.root}/records")

    def _failed(self, what: str, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreError(
                f"no space left for the store {self.url}.",
                "Free some space, or give another place with --store; what is finished is kept and used again.",
            )
        return StoreError(
            f"the store {self.url} cannot {what} ({error.strerror or error}).",
            "Give a place you may write with --store.",
        )

    def _folder(self, key: str) -> str:
        return f"{self.root}/objects/{key[:2]}/{key}"

    def _read(self, path: str) -> bytes | None:
        try:
            return self.fs.cat_file(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("be read", error) from error

    def _write(self, path: str, data: bytes) -> None:
        try:
            self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            if not self.local:
                self.fs.pipe_file(path, data)
                return
            write_atomically(Path(path), data)
        except OSError as error:
            raise self._failed("be written", error) from error
        except NotImplementedError as error:
            raise StoreError(
                f"the store {self.url} is read-only.", "Give a place you may write with --store."
            ) from error

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Held while a key is computed, so that two processes on one disk do not do the same work."""
        if not self.local:
            yield
            return
        path = Path(self.root) / "locks" / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire()
        except OSError as error:
            raise self._failed("be locked", error) from error
        try:
            yield
        finally:
            lock.release()

    def get(self, key: str) -> Entry | None:
        """The entry, or None where there is none or its manifest is damaged."""
        data = self._read(f"{self._folder(key)}/manifest.json")
        if data is None:
            return None
        try:
            manifest = json.loads(data)
            digest = manifest.pop("digest")
        except (ValueError, KeyError, AttributeError, TypeError):
            return None
        if hashlib.sha256(canonical(manifest)).hexdigest() != digest:
            return None
        return Entry(self, key, manifest)

    def put(self, key: str, result: Contents, about: Mapping[str, Any]) -> Entry:
        """Writes a result; the manifest goes last."""
        files = {"values.json": canonical(dict(result.values))}
        if result.arrays:
            import numpy as np
            from safetensors.numpy import save

            files["arrays.safetensors"] = save({k: np.ascontiguousarray(v) for k, v in sorted(result.arrays.items())})
        for name, table in result.tables.items():
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            files[f"{name}.parquet"] = buffer.getvalue()
        files |= result.pictures
        for name, data in files.items():
            self._write(f"{self._folder(key)}/{name}", data)
        manifest: dict[str, Any] = {
            "about": dict(about),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        signed = {**manifest, "digest": hashlib.sha256(canonical(manifest)).hexdigest()}
        self._write(f"{self._folder(key)}/manifest.json", canonical(signed))
        return Entry(self, key, manifest)

    def torn(self, key: str) -> bool:
        """Whether there is a manifest that cannot be used (an interrupted write leaves none)."""
        return self.fs.exists(f"{self._folder(key)}/manifest.json") and self.get(key) is None

    def remove(self, key: str) -> None:
        """Takes an entry out, its manifest first."""
        folder = self._folder(key)
        if self.fs.exists(f"{folder}/manifest.json"):
            self.fs.rm_file(f"{folder}/manifest.json")
        if self.fs.exists(folder):
            self.fs.rm(folder, recursive=True)

    def keys(self) -> list[str]:
        """Keys of all entries and of what interrupted writes left behind."""
        folders = self.fs.glob(f"{glob.escape(self.root)}/objects/*/*")
        return sorted(path.rpartition("/")[2] for path in folders)

    def sweep(self) -> None:
        """Removes lock files and temporary files that interrupted writes left behind."""
        if self.local:
            partial = [path for path, _ in left_over(Path(self.root))]
            for path in [*partial, *Path(self.root).glob("locks/*")]:
                path.unlink(missing_ok=True)

    def record(self, name: str) -> dict[str, Any] | None:
        """A small document by name, None where there is none or it is damaged."""
        data = self._read(f"{self.root}/records/{name}.json")
        try:
            document = None if data is None else json.loads(data)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def put_record(self, name: str, value: Mapping[str, Any]) -> None:
        """Replaces a small document, leaving it untouched where nothing changed."""
        path, data = f"{self.root}/records/{name}.json", canonical(dict(value))
        if self._read(path) != data:
            self._write(path, data)

    def records(self, folder: str) -> list[str]:
        """Names of all documents in a folder of the records, and in the folders in it."""
        top = f"{self.root}/records/"
        paths = self.fs.find(f"{top}{folder}")
        return sorted(path.removeprefix(top).removesuffix(".json") for path in paths if path.endswith(".json"))

    def damaged(self) -> list[str]:
        """Reads everything; keys of the entries that are incomplete or differ from their manifest."""
        bad = []
        for key in self.keys():
            entry = self.get(key)
            try:
                if entry is None:
                    raise DamagedEntry(key, "manifest.json")
                entry.check()
            except DamagedEntry:
                bad.append(key)
        return bad


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Writes to a temporary name beside `path`, fsyncs, renames; a failed write leaves nothing.

    Args:
        durable: whether to fsync, which is what takes most of the time: without, a power cut may spoil the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def left_over(folder: Path) -> list[tuple[Path, Path]]:
    """Temporary files of `write_atomically` below a folder, each with the file it was to become."""
    partial = []
    for path in folder.rglob(".*.partial"):
        if named := re.fullmatch(r"\.(.+)\.\d+\.partial", path.name):
            partial.append((path, path.with_name(named[1])))
    return partial
