"""The store itself: entries by key, records by name, and where they lie.

An entry lies under its key, a SHA-256 of all that decides it. Its files are written first, each
to a temporary name that is fsynced and renamed; the manifest, with every file's digest, is written
last, so an entry without one does not exist. Records carry a digest, too. Digests are checked on
read: what is damaged is not used. The store is reached through fsspec: a folder, a shared disk or
object storage (where single writes are atomic and the lock is left out: two writers of one key
write the same content).

    objects/ab/KEY/{manifest.json, values.json, arrays.safetensors, NAME.parquet, NAME.png}
    records/NAME.json       small documents that are replaced, such as a model's list of results
    locks/KEY               empty
"""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from filelock import FileLock

from wbsite.core.filing.documents import Damaged, opened, signed
from wbsite.core.filing.files import is_plain, write_atomically

from . import local
from .entry import MANIFEST, Contents, DamagedEntry, Entry, StoreError, manifest_of

KEY = re.compile(r"[\w-]+")
"""What a key may be: a name of one folder. Those that the store itself finds are SHA-256."""

READERS = 16
"""Entries that are read, or removed, at a time."""

_BESIDE = ("objects", "records", "locks", "lost+found")
"""What a store's folder may hold, and files that begin with a dot."""


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
        except Exception as error:  # every kind of file system has errors of its own
            raise StoreError(
                f"store {self.url!r} cannot be opened ({error}).", "Give a folder, or an address fsspec knows."
            ) from error
        protocol = self.fs.protocol  # one name or several, as the file system has it
        self.local = not {"file", "local"}.isdisjoint({protocol} if isinstance(protocol, str) else protocol)
        if self.local and Path(self.root).resolve() == Path(self.root).resolve().parent:
            raise StoreError(f"the store {url} is the root of all folders.", "Give a folder of its own with --store.")
        self._may_write = not self.local

    def prepare(self) -> None:
        """Makes its folders, so that a store that cannot be written is found before anything is computed."""
        self._refuse_foreign()
        try:
            self.fs.makedirs(f"{self.root}/objects", exist_ok=True)
            self.fs.makedirs(f"{self.root}/records", exist_ok=True)
            if self.local and not os.access(f"{self.root}/objects", os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise self._failed("be created", error) from error

    def exists(self) -> bool:
        """Whether anything was ever put there."""
        return self.fs.exists(f"{self.root}/records")

    def _refuse_foreign(self) -> None:
        """Raises StoreError where the folder holds other files, before the first is written."""
        if self._may_write:
            return
        try:
            names = os.listdir(self.root)
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            raise self._failed("be read", error) from error
        other = sorted(name for name in names if name not in _BESIDE and not name.startswith("."))
        if other and "records" not in names:
            raise StoreError(
                f"the folder {self.root} holds other files than a store's, such as {other[0]}.",
                "Give a folder of its own with --store.",
            )
        self._may_write = True

    def _failed(self, what: str, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return StoreError(
                f"no space left for the store {self.url}.",
                "Free some space, or give another place with --store; what is finished is kept and used again.",
            )
        return StoreError(
            f"the store {self.url} cannot {what} ({error.strerror or error}).",
            "Give a place you may write with --store.",
        )

    def _folder(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise StoreError(f"{key!r} is no key of a store.", "Run `wbsite compute`: it is computed again.")
        return f"{self.root}/objects/{key[:2]}/{key}"

    def _read(self, path: str) -> bytes | None:
        try:
            if not self.local:
                return self.fs.cat_file(path)
            with open(path, "rb", buffering=0) as file:  # half the time of a Path's read_bytes, for small files
                return file.readall()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("be read", error) from error

    def _write(self, path: str, data: bytes) -> None:
        self._refuse_foreign()
        try:
            if self.local:
                write_atomically(Path(path), data)
            else:
                self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                self.fs.pipe_file(path, data)
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
        self._refuse_foreign()
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
        return self._entry(key)[0] if KEY.fullmatch(key) else None

    def torn(self, key: str) -> bool:
        """Whether there is a manifest that cannot be used (an interrupted write leaves none)."""
        return bool(KEY.fullmatch(key)) and self._entry(key) == (None, True)

    def _entry(self, key: str) -> tuple[Entry | None, bool]:
        """The entry, and whether there is a manifest."""
        folder = self._folder(key)
        manifest = self._read(f"{folder}/{MANIFEST}")
        if manifest is None:
            return None, False
        try:
            return Entry(key, manifest, lambda name: self._read(f"{folder}/{name}")), True
        except DamagedEntry:
            return None, True

    def put(self, key: str, result: Contents, about: Mapping[str, Any]) -> Entry:
        """Writes a result; the manifest goes last."""
        folder, files = self._folder(key), result.files()
        for name, data in files.items():
            self._write(f"{folder}/{name}", data)
        manifest = manifest_of(files, about)
        self._write(f"{folder}/{MANIFEST}", manifest)
        return Entry(key, manifest, lambda name: self._read(f"{folder}/{name}"))

    def remove(self, key: str) -> None:
        """Takes an entry out, its manifest first; what is no key names none."""
        if not KEY.fullmatch(key):
            return
        folder = self._folder(key)
        try:
            if self.local:
                local.remove(folder)
                return
            if self.fs.exists(f"{folder}/{MANIFEST}"):
                self.fs.rm_file(f"{folder}/{MANIFEST}")
            if self.fs.exists(folder):
                self.fs.rm(folder, recursive=True)
        except FileNotFoundError:
            pass  # another process was quicker
        except OSError as error:
            raise self._failed("be cleaned", error) from error

    def keys(self) -> list[str]:
        """Keys of all entries and of what interrupted writes left behind."""
        top = f"{self.root}/objects"
        return local.filed(local.folders_in(top) if self.local else self.fs.glob(f"{glob.escape(top)}/*/*"))

    def sweep(self) -> None:
        """Removes lock files and temporary files that interrupted writes left behind."""
        try:
            if self.local:
                local.sweep(Path(self.root))
        except OSError as error:
            raise self._failed("be cleaned", error) from error

    def record(self, name: str) -> dict[str, Any] | None:
        """A small document by name, None where there is none or it is damaged."""
        try:
            return self._document(name)
        except Damaged:
            return None

    def damage(self, name: str) -> str:
        """What is wrong with a record, for the middle of a sentence; "" where nothing is, or there is none."""
        try:
            self._document(name)
        except Damaged as error:
            return str(error)
        return ""

    def _document(self, name: str) -> dict[str, Any] | None:
        if not is_plain(name):
            return None
        data = self._read(f"{self.root}/records/{name}.json")
        return None if data is None else opened(data)

    def put_record(self, name: str, value: Mapping[str, Any]) -> None:
        """Replaces a small document, leaving it untouched where nothing changed."""
        if not is_plain(name):
            raise StoreError(f"{name!r} is no name of a record.", "Name the model otherwise.")
        path, data = f"{self.root}/records/{name}.json", signed(value)
        if self._read(path) != data:
            self._write(path, data)

    def records(self, folder: str = "") -> list[str]:
        """Names of all documents in a folder of the records, and in the folders in it; without a folder, of all."""
        top = f"{self.root}/records/"
        paths = self.fs.find(f"{top}{folder}".rstrip("/"))
        return sorted(path.removeprefix(top).removesuffix(".json") for path in paths if path.endswith(".json"))

    def damaged(self) -> list[str]:
        """Reads everything; keys of the entries that are incomplete or differ from their manifest."""
        return self.damaged_of(self.keys())

    def damaged_of(self, keys: Sequence[str]) -> list[str]:
        """Those of these keys whose entries are incomplete or differ from their manifest; reads all of them.

        Many at a time, since most of it is waiting for a disk or a network.
        """
        with ThreadPoolExecutor(READERS) as pool:
            return [key for key, whole in zip(keys, pool.map(self.is_whole, keys), strict=True) if not whole]

    def remove_all(self, keys: Iterable[str]) -> None:
        """Takes entries out, as `remove`, many at a time."""
        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(self.remove, keys))

    def is_whole(self, key: str) -> bool:
        """Whether an entry is there as it was written; reads all of it."""
        entry = self.get(key)
        try:
            if entry is not None:
                entry.check()
        except DamagedEntry:
            return False
        return entry is not None
