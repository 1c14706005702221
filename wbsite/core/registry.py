"""Finds what can be added to: models, formats, data sets, analyses, figures, …, by folder and by entry point.

Each kind has a folder. Every module in it that defines the kind's list (`MODELS`, `DATASETS`, …)
contributes its entries; so does every installed package with an entry point in the group
`wbsite.<kind>` that names such a list. Adding one is adding one file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from .errors import WbsiteError, nearest, unknown

SUBJECTS = ("network", "banding", "expanded", "branches", "information", "census")
"""What wbsite looks at; analyses, results, claims and figures have a folder for each."""


@dataclass(frozen=True)
class Kind:
    """One kind of entry.

    Attributes:
        attribute: the list that a file of this kind defines.
        packages: where these files lie; folders in them are looked through as well.
        name: how users name an entry.
        key: what tells one entry from another; its name if left out.
    """

    attribute: str
    packages: tuple[str, ...]
    name: Callable[[Any], str] = lambda entry: entry.name
    key: Callable[[Any], str] | None = None


KINDS = {
    "models": Kind("MODELS", ("wbsite.models.zoo",), key=lambda spec: f"{spec.name}@{spec.weights}"),
    "hubs": Kind("HUBS", ("wbsite.models.hubs",)),
    "formats": Kind("FORMATS", ("wbsite.models.formats",)),
    "estimators": Kind("ESTIMATORS", ("wbsite.ops.information.estimators",)),
    "datasets": Kind("DATASETS", ("wbsite.datasets",)),
    "analyses": Kind("ANALYSES", tuple(f"wbsite.analyses.{subject}" for subject in SUBJECTS)),
    "results": Kind(
        "RESULTS", tuple(f"wbsite.results.{subject}" for subject in SUBJECTS), lambda schema: schema.analysis
    ),
    "claims": Kind("CLAIMS", tuple(f"wbsite.claims.{subject}" for subject in SUBJECTS)),
    "experiments": Kind("EXPERIMENTS", ("wbsite.train.experiments",)),
    "suites": Kind("SUITES", ("wbsite.train.experiments",)),
    "studies": Kind("STUDIES", ("wbsite.train.experiments",)),
    "subjects": Kind("SUBJECTS", ("wbsite.run.subjects",)),
    "figures": Kind("FIGURES", tuple(f"wbsite.render.{subject}" for subject in SUBJECTS)),
    "pages": Kind("PAGES", ("wbsite.render.pages",)),
}


@cache
def entries(kind: str) -> tuple[Any, ...]:
    """Everything of one kind, in the order of module names, then of entry points.

    Raises:
        WbsiteError: a file declares nothing that its folder is for, a list is misspelt or no list, two entries have
            one name, or a plug-in cannot be loaded.
    """
    spec = KINDS[kind]
    declared: dict[str, tuple[Any, str]] = {}
    for origin, listed in (*_files(kind), *_loaded(kind)):
        if not isinstance(listed, Iterable) or isinstance(listed, (str, bytes)):
            raise WbsiteError(f"{spec.attribute} in {origin} is {listed!r}.", "Expected a tuple of entries.")
        for entry in listed:
            name = (spec.key or spec.name)(entry)
            if name in declared:
                raise WbsiteError(
                    f"two entries of {kind} have the name {name!r}: in {declared[name][1]} and in {origin}.",
                    "Rename one of them.",
                )
            declared[name] = entry, origin
    return tuple(entry for entry, _ in declared.values())


def _files(kind: str) -> Iterator[tuple[str, Any]]:
    """(file, list) of every file in the kind's folders that declares this kind.

    Names that begin with an underscore are helpers; `base` says what an entry of the kind is.
    """
    spec = KINDS[kind]
    for package in spec.packages:
        sharing = {known.attribute for known in KINDS.values() if package in known.packages}
        for name in _modules(package):
            module = importlib.import_module(name)
            if hasattr(module, spec.attribute):
                yield str(module.__file__), getattr(module, spec.attribute)
            elif not any(hasattr(module, attribute) for attribute in sharing):
                raise _declares_nothing(module, sharing)


def _modules(package: str) -> Iterator[str]:
    """Names of the modules of a package and of the packages in it, without helpers, sorted."""
    root = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(root.__path__), key=lambda m: m.name):
        name = f"{package}.{module.name}"
        if module.name.startswith("_") or module.name == "base":
            continue
        if module.ispkg:
            yield from _modules(name)
        else:
            yield name


def _declares_nothing(module: ModuleType, expected: Iterable[str]) -> WbsiteError:
    """The error for a file of a kind's folder that has none of the lists of that folder."""
    wanted = sorted(expected)
    constants = [name for name in vars(module) if name.isupper()]
    close = next((near for name in wanted for near in nearest(name, constants, limit=1)), "")
    misspelt = f" {close} may be misspelt." if close else ""
    return WbsiteError(
        f"{module.__file__} declares nothing: its folder is for files that define {' or '.join(wanted)}.",
        f"Define it, or begin the file's name with an underscore if it is a helper.{misspelt}",
    )


def _loaded(kind: str) -> Iterator[tuple[str, Any]]:
    """(entry point, list) of every installed package that provides this kind."""
    for point in _points(kind):
        try:
            yield point.value, point.load()
        except Exception as error:
            raise WbsiteError(
                f"the plug-in {point.value!r} (entry point wbsite.{kind}) fails to load: {error}",
                "Repair or uninstall the package that provides it.",
            ) from error


def _points(kind: str) -> list[EntryPoint]:
    return sorted(entry_points(group=f"wbsite.{kind}"), key=lambda point: (point.name, point.value))


def plug_ins(kind: str) -> list[tuple[str, str]]:
    """(entry point, module) of every installed package that provides this kind, without importing it."""
    return [(point.value, point.module) for point in _points(kind)]


def named(kind: str, name: str, label: str) -> Any:
    """The first entry of a kind with this name.

    Raises:
        WbsiteError: there is none; the hint gives the nearest names.
    """
    for entry in entries(kind):
        if KINDS[kind].name(entry) == name:
            return entry
    raise unknown(label, name, names(kind))


def names(kind: str) -> list[str]:
    """All names of a kind, each once, in order."""
    return list(dict.fromkeys(map(KINDS[kind].name, entries(kind))))


def ordered(declared: Iterable[Any]) -> list[Any]:
    """Entries by their `order` attribute, then by name."""
    return sorted(declared, key=lambda entry: (getattr(entry, "order", 0), entry.name))
