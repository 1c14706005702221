"""The generated folder: writes what changed, remembers what it wrote, removes nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from ..errors import WbsiteError
from ..store import canonical, write_atomically
from .page import Page

MANIFEST = ".wbsite.json"


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()


class Output:
    """A folder of generated files and the record of them.

    A page whose inputs and files are as recorded is not made again. Files in the folder that no
    record names are never touched.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            for left_over in root.rglob(".*.partial"):
                left_over.unlink()
        except OSError as error:
            raise _unwritable(root, error) from error
        try:
            self.before: dict[str, dict] = json.loads((root / MANIFEST).read_text())["pages"]
        except (OSError, ValueError, KeyError):
            self.before = {}
        self.pages: dict[str, dict] = {}
        self.made = 0
        self.changed = 0

    def page(self, page: Page, common: str) -> None:
        """Makes a page unless nothing it is made from has changed.

        Args:
            common: digest of what all pages are made from (code and templates).
        """
        inputs = digest(canonical([common, page.inputs]))
        known = self.before.get(page.path)
        if known and known["inputs"] == inputs and all(self._holds(name, sha) for name, sha in known["files"].items()):
            self.pages[page.path] = known
            return
        self.made += 1
        prefix = f"{page.path}/" if page.path else ""
        files = {prefix + name: data for name, data in page.make().items()}
        self.write(page.path, inputs, files)

    def write(self, label: str, inputs: str, files: dict[str, bytes]) -> None:
        """Writes files under one label of the record, those whose content differs."""
        for name, data in files.items():
            if not self._holds(name, digest(data)):
                try:
                    write_atomically(self.root / name, data)
                except OSError as error:
                    raise _unwritable(self.root / name, error) from error
                self.changed += 1
        self.pages[label] = {"inputs": inputs, "files": {name: digest(data) for name, data in files.items()}}

    def _holds(self, name: str, sha: str) -> bool:
        try:
            return digest((self.root / name).read_bytes()) == sha
        except OSError:
            return False

    def finish(self) -> None:
        """Removes what earlier runs wrote and this one did not, and writes the record."""
        keep = _files(self.pages.values())
        for name in _files(self.before.values()) - keep:
            remove_file(self.root, name)
            self.changed += 1
        record = canonical({"pages": self.pages})
        if not self._holds(MANIFEST, digest(record)):
            write_atomically(self.root / MANIFEST, record)


def remove_file(root: Path, name: str) -> None:
    """Removes a file and the folders this leaves empty."""
    path = root / name
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == root or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()


def _files(pages: Iterable[dict]) -> set[str]:
    return {name for page in pages for name in page["files"]}


def _unwritable(path: Path, error: OSError) -> WbsiteError:
    return WbsiteError(
        f"{path} cannot be written ({error.strerror or error}).",
        "Make room or give yourself the right to write there, or work in another folder.",
    )
