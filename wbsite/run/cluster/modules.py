"""Sends the modules of a user's networks to the workers of a cluster."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wbsite.run.subjects.base import Subject


def modules_of(subjects: Iterable[Subject]) -> dict[str, bytes]:
    """The modules and packages in the working folder that networks are named by, as files: relative path → content.

    Networks named by a file's path are read from that path; installed packages have to be installed on workers.
    """
    files: dict[str, bytes] = {}
    for name in sorted({name for subject in subjects for name in _modules(subject.token)}):
        if (path := _in_working_folder(name)) is not None:
            for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
                files[file.relative_to(path.parent).as_posix()] = file.read_bytes()
    return files


def ship(files: Mapping[str, bytes], client: Any, workers: Sequence[str]) -> None:
    """Puts such files where these workers import from, and has them forget the versions that they imported before."""
    if files and workers:
        client.run(_place, files, workers=list(workers))


def _modules(token: str) -> Iterator[str]:
    """The outermost package of `package.module:factory`; none where the token names something else."""
    module, colon, _ = token.partition("@")[0].partition(":")
    if colon and not module.endswith(".py") and module.replace(".", "").isidentifier():
        yield module.partition(".")[0]


def _in_working_folder(name: str) -> Path | None:
    """The file of a module, or the folder of a package, that lies in the working folder."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = find_spec(name)
    if spec is None or not spec.origin or not Path(spec.origin).is_relative_to(folder):
        return None
    path = Path(spec.origin)
    return path.parent if path.name == "__init__.py" else path


def _place(files: Mapping[str, bytes], dask_worker: Any) -> None:
    """On a worker."""
    folder = Path(dask_worker.local_directory)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    names = {Path(file).parts[0].removesuffix(".py") for file in files}
    for module in [module for module in sys.modules if module.partition(".")[0] in names]:
        del sys.modules[module]
    importlib.invalidate_caches()
