"""Whether a model or suite was computed before from the very same inputs, found out without importing torch."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wbsite.core import registry
from wbsite.core.naming import is_user
from wbsite.core.store import Store, canonical
from wbsite.datasets._photographs import files_of
from wbsite.models.weights import search_folders

from .subjects import ModelRequest, Request, StudyRequest

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def code_digest() -> str:
    """SHA-256 over the source of everything that computes, plug-ins included, and torch's version."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {version('torch')} {version('torchvision')}".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        if "render" not in path.relative_to(PACKAGE).parts:
            digest.update(path.read_bytes())
    plugins = registry.installed("models", "datasets", "estimators", "analyses", "experiments", "suites", "studies")
    digest.update(canonical(plugins))
    return digest.hexdigest()


def inputs(request: Request) -> dict[str, Any] | None:
    """Size and time of every weights file that could be chosen for this model and of the photographs it is shown and of
    the user's categories, or of the suite's runs or the study's file and data, and the code's digest.

    None for a user's own factory: what its module imports is not known without running it.

    Raises:
        WbsiteError: there is no such data set of photographs, or it is empty.
    """
    shown: dict[str, Any] = {}
    if not isinstance(request, ModelRequest):
        paths = request.files()
        shown = {"study": request.token} if isinstance(request, StudyRequest) else {}
    elif is_user(request.token):
        return None
    else:
        name = request.token.partition("@")[0]
        folders = search_folders(request.weights_dir or None)
        paths = [path for folder in folders for path in sorted(folder.glob(f"{name}-*.safetensors"))]
        files = [list(file) for file in files_of(request.photographs)]
        shown = {"photographs": {"name": request.photographs, "files": files}}
        if request.categories:
            paths.append(Path(request.categories).expanduser())
    weights = {}
    for path in paths:
        stat = path.stat()
        weights[str(path.resolve())] = [stat.st_size, stat.st_mtime_ns]
    return {"code": code_digest(), "files": weights, **shown}


def still_valid(store: Store, catalog: dict[str, Any] | None, profile: str, found: dict[str, Any] | None) -> bool:
    """Whether a model's or suite's record describes these inputs and every result it names is in the store."""
    if catalog is None or found is None or catalog.get("inputs") != found or catalog.get("profile") != profile:
        return False
    places = [place for layers in catalog["results"].values() for place in layers.values()]
    if any("failed" in place for place in places):
        return False
    return all(store.get(place["key"]) is not None for place in places if "key" in place)
