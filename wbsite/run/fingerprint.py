"""Whether a subject was computed before from the same files by the same code, found out without importing torch."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from wbsite.core import registry, source
from wbsite.core.filing.documents import canonical
from wbsite.core.store import Store

if TYPE_CHECKING:
    from .subjects.base import Subject

DRAWN = ("figures", "pages", "claims")
"""Kinds of the registry that decide no result."""


@cache
def code_digest() -> str:
    """SHA-256 over the code of everything that computes, plug-ins included, and torch's version."""
    kinds = [kind for kind in registry.KINDS if kind not in DRAWN]
    modules = [name for name in source.modules_in("wbsite") if name.split(".")[1:2] not in (["cli"], ["render"])]
    plug_ins = [[kind, *point] for kind in kinds for point in registry.plug_ins(kind)]
    modules += [name for kind in kinds for name in source.declaring(kind)]
    parts = [
        sys.version_info[:2],
        version("torch"),
        version("torchvision"),
        plug_ins,
        source.digest(tuple(modules), ()),
    ]
    return hashlib.sha256(canonical(parts)).hexdigest()


def fingerprint(subject: Subject) -> dict[str, Any] | None:
    """What the subject is loaded from, and the digest of the code; None where that cannot be known.

    Raises:
        WbsiteError: some of its files cannot be used.
    """
    sources = subject.sources()
    return None if sources is None else {"code": code_digest(), **sources}


def still_valid(store: Store, record: Mapping[str, Any] | None, profile: str, current: dict[str, Any] | None) -> bool:
    """Whether a subject's record has this fingerprint and every result it names is in the store."""
    if record is None or current is None or record.get("inputs") != current or record.get("profile") != profile:
        return False
    results = [result for layers in record["results"].values() for result in layers.values()]
    if any("failed" in result for result in results):
        return False
    return all(store.get(result["key"]) is not None for result in results if "key" in result)
