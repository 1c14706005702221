"""Prunes the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store

from . import pending


@dataclass(frozen=True)
class Cleaned:
    """What was done.

    Attributes:
        removed, damaged: how many entries were removed, and how many of these were damaged or incomplete.
        records: names of records that are damaged or lost. As they may name any entry, nothing else was removed.
    """

    removed: int
    damaged: int
    records: tuple[str, ...] = ()


def named_keys(store: Store) -> set[str]:
    """Keys that the record of some model, suite or run names."""
    documents = (store.record(name) or {} for folder in ("runs", "models", "suites") for name in store.records(folder))
    return {key for document in documents for key in _named(document)}


def _named(document: Mapping[str, Any]) -> set[str]:
    """Keys in the record of a run, of which there is one, or in that of a model or suite."""
    if "results" not in document:
        return {document["key"]} if "key" in document else set()
    return {result["key"] for layers in document["results"].values() for result in layers.values() if "key" in result}


def clean(config: Config) -> Cleaned:
    """Removes entries that are damaged, half written, or named by no record.

    Parts of an analysis are kept as long as the last plan of their model (or an export since) has it pending.

    Raises:
        WbsiteError: there is no store, or it cannot be read or written.
    """
    store = Store(config.store)
    if not store.exists():
        raise WbsiteError(f"there is no store at {config.store}.", "Name it with --store.")
    keys = store.keys()
    records = tuple(sorted({*_lost_records(store), *(name for name in store.records() if store.damage(name))}))
    unnamed = set[str]() if records else set(keys) - named_keys(store) - pending.keys(store)
    unnamed -= _wanted_parts(store, unnamed)
    # What goes anyway is not read whole.
    damaged = {key for key in unnamed if store.get(key) is None}
    damaged |= set(store.damaged_of([key for key in keys if key not in unnamed]))
    store.remove_all(sorted(damaged | unnamed))
    store.sweep()
    return Cleaned(len(damaged | unnamed), len(damaged), records)


def _lost_records(store: Store) -> set[str]:
    """Names of records that are gone though the last build names their models or suites."""
    last = store.record("last") or {}
    return {
        name
        for folder in ("models", "suites")
        for name in (f"{folder}/{subject}" for subject in last.get(folder, ()))
        if store.record(name) is None
    }


def _wanted_parts(store: Store, keys: set[str]) -> set[str]:
    wanted = pending.parts(store)
    entries = {key: store.get(key) for key in keys} if wanted else {}
    return {key for key, entry in entries.items() if entry is not None and entry.about.get("part_of") in wanted}
