"""The generated folder: writes what changed, remembers what it wrote, removes nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical, signed
from wbsite.core.filing.files import held, is_in_the_way, is_plain, left_over, make_way, remove_file, write_atomically
from wbsite.core.filing.own_files import own_files

from .page import Files, Incomplete, Page

MANIFEST = ".wbsite.json"
JOURNAL = ".wbsite.journal"


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()


class Output:
    """A folder of generated files and the record of them.

    A page whose inputs and files are as recorded is not made again. Files in the folder that no
    record names are never touched, and links that lead elsewhere are replaced, never followed. New
    names go into a journal before they are written, so that what an interrupted run left is known
    to be ours; the journal ends with the run.

    Attributes:
        doubt: why the record is not believed, in one sentence; "" where it is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(root, error) from error
        listed = own_files(root / MANIFEST, lambda document: _files(document["pages"].values()))
        self.doubt = listed.doubt
        self.before: Mapping[str, dict[str, Any]] = listed.document.get("pages", {})
        self.ours = set(listed.files) | _journalled(root / JOURNAL)
        self.replaceable = self.ours | listed.replaceable
        try:
            for partial, whole in left_over(root):
                if whole == root / MANIFEST or whole.relative_to(root).as_posix() in self.ours:
                    partial.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(root, error) from error
        self.pages: dict[str, dict] = {}
        self.defects: dict[str, dict[str, str]] = {}
        self.made = 0
        self.changed = 0

    def is_fresh(self, page: Page, common: str) -> bool:
        """Whether nothing has changed that a page is made from; it then stays as it is.

        Args:
            common: digest of what all pages are made from (code and templates).
        """
        known = self.before.get(page.path)
        inputs = self._inputs(page, common)
        if (
            known
            and known.get("inputs") == inputs
            and all(self.holds(name, sha) for name, sha in known["files"].items())
        ):
            self.pages[page.path] = known
            return True
        return False

    def page(self, page: Page, common: str, made: Files) -> None:
        """Writes a page that was made.

        One with figures that could not be drawn is noted in `defects`, and made again next time.
        """
        self.made += 1
        prefix = f"{page.path}/" if page.path else ""
        inputs = self._inputs(page, common)
        if isinstance(made, Incomplete):
            self.defects[page.path], inputs = made.defects, ""
        self.write(page.path, inputs, {prefix + name: data for name, data in made.items()})

    def _inputs(self, page: Page, common: str) -> str:
        return digest(canonical([common, page.inputs]))

    def write(self, label: str, inputs: str, files: dict[str, bytes]) -> None:
        """Writes files under one label of the record, those whose content differs.

        Raises:
            WbsiteError: a file that is not ours stands where one should go, or it cannot be written.
        """
        wanted = {name: data for name, data in files.items() if not self.holds(name, digest(data))}
        foreign = [name for name in wanted if name not in self.replaceable and is_in_the_way(self.root, name)]
        if foreign:
            raise WbsiteError(
                f"{self.root / foreign[0]} was not written by wbsite and is in the way.",
                "Move it, or run wbsite in another folder.",
            )
        try:
            with make_way(self.root, JOURNAL).open("a", encoding="utf-8") as journal:
                # A line of its own, whatever a killed run left of the last one.
                journal.write("\n".join(["", *(name for name in files if name not in self.ours), ""]))
        except OSError as error:
            raise unwritable(self.root / JOURNAL, error) from error
        self.ours |= set(files)
        for name, data in wanted.items():
            # Not durable: a file that a power cut spoils is written again.
            write_file(_way(self.root, name), data, durable=False)
            self.changed += 1
        self.pages[label] = {"inputs": inputs, "files": {name: digest(data) for name, data in files.items()}}

    def holds(self, name: str, sha: str) -> bool:
        """Whether a file of the folder is there with this SHA-256, and no link."""
        data = held(self.root, name)
        return data is not None and digest(data) == sha

    def finish(self) -> None:
        """Removes what earlier runs wrote and this one did not, and writes the record."""
        for name in self.ours - _files(self.pages.values()).keys():
            try:
                remove_file(self.root, name)
            except OSError as error:
                raise unwritable(self.root / name, error) from error
            self.changed += 1
        record = signed({"pages": self.pages})
        if not self.holds(MANIFEST, digest(record)):
            write_file(self.root / MANIFEST, record)
        (self.root / JOURNAL).unlink(missing_ok=True)


def write_file(path: Path, data: bytes, durable: bool = True) -> None:
    """Writes a file whole or not at all, as `write_atomically`; raises WbsiteError where that fails."""
    try:
        write_atomically(path, data, durable)
    except OSError as error:
        raise unwritable(path, error) from error


def _way(root: Path, name: str) -> Path:
    try:
        return make_way(root, name)
    except OSError as error:
        raise unwritable(root / name, error) from error
    except ValueError as error:
        raise WbsiteError(f"{error}.", "Rename the model, layer or article that the page is called after.") from error


def _files(pages: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name → SHA-256 of the files of pages."""
    return {name: sha for page in pages for name, sha in page["files"].items()}


def _journalled(path: Path) -> set[str]:
    """Names in a journal that lie in the folder."""
    if not path.is_file() or path.is_symlink():
        return set()
    return {name for name in path.read_text(encoding="utf-8", errors="replace").split("\n") if is_plain(name)}


def unwritable(path: Path, error: OSError) -> WbsiteError:
    """The error for a generated file that cannot be written."""
    return WbsiteError(
        f"{path} cannot be written ({error.strerror or error}).",
        "Make room or give yourself the right to write there, or work in another folder.",
    )
