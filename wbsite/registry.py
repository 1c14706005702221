"""Finds models, data sets, analyses, experiments, figures and pages: by folder, and by entry point.

Each kind has a folder. Every module in it that defines the kind's list (`MODELS`, `DATASETS`, …)
contributes its entries; so does every installed package with an entry point in the group
`wbsite.<kind>` that names such a list. Adding one is adding one file.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from .errors import WbsiteError, unknown

KINDS = {
    "models": ("wbsite.models", "MODELS"),
    "datasets": ("wbsite.datasets", "DATASETS"),
    "analyses": ("wbsite.analyses", "ANALYSES"),
    "experiments": ("wbsite.train.experiments", "EXPERIMENTS"),
    "suites": ("wbsite.train.experiments", "SUITES"),
    "studies": ("wbsite.train.experiments", "STUDIES"),
    "figures": ("wbsite.render.figures", "FIGURES"),
    "pages": ("wbsite.render.pages", "PAGES"),
}


@cache
def entries(kind: str) -> tuple[Any, ...]:
    """Everything of one kind, in the order of file names, then of entry points."""
    package, attribute = KINDS[kind]
    found: list[Any] = []
    root = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(root.__path__), key=lambda m: m.name):
        found += getattr(importlib.import_module(f"{package}.{module.name}"), attribute, ())
    for point in sorted(entry_points(group=f"wbsite.{kind}"), key=lambda p: p.name):
        try:
            found += point.load()
        except Exception as error:
            raise WbsiteError(
                f"the plug-in {point.value!r} (entry point wbsite.{kind}) fails to load: {error}",
                "Repair or uninstall the package that provides it.",
            ) from error
    return tuple(found)


def installed(*kinds: str) -> list[list[str]]:
    """Entry points of these kinds with a digest of the file they name: an installed plug-in, or another
    version of one, makes other results and pages."""
    found = []
    for kind in kinds:
        for point in sorted(entry_points(group=f"wbsite.{kind}"), key=lambda p: (p.name, p.value)):
            try:
                spec = importlib.util.find_spec(point.module)
            except ImportError:  # `entries` says so where it matters
                spec = None
            path = Path(spec.origin) if spec and spec.origin else None
            code = hashlib.sha256(path.read_bytes()).hexdigest() if path and path.is_file() else ""
            found.append([kind, point.name, point.value, code])
    return found


def named(kind: str, name: str, label: str, key: Callable[[Any], str] = lambda entry: entry.name) -> Any:
    """The first entry of a kind with this name.

    Raises:
        WbsiteError: there is none; the hint gives the nearest names.
    """
    for entry in entries(kind):
        if key(entry) == name:
            return entry
    raise unknown(label, name, names(kind, key))


def names(kind: str, key: Callable[[Any], str] = lambda entry: entry.name) -> list[str]:
    """All names of a kind, each once, in order."""
    return list(dict.fromkeys(map(key, entries(kind))))


def ordered(found: Iterable[Any]) -> list[Any]:
    """Entries by their `order` attribute, then by name."""
    return sorted(found, key=lambda entry: (getattr(entry, "order", 0), entry.name))
