"""Prunes the store."""

from __future__ import annotations

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store

from . import pending


def named_keys(store: Store) -> set[str]:
    """Keys that the record of some model, suite or run names."""
    keys = {(store.record(name) or {}).get("key", "") for name in store.records("runs")} - {""}
    for name in (*store.records("models"), *store.records("suites")):
        results = (store.record(name) or {}).get("results", {})
        keys |= {result["key"] for layers in results.values() for result in layers.values() if "key" in result}
    return keys


def clean(config: Config) -> tuple[int, int]:
    """Removes entries that are damaged, half written, or named by no record.

    Parts of an analysis are kept as long as the last plan of their model (or an export since) has it pending.

    Returns:
        How many were removed, and how many of those were damaged or incomplete.
    """
    store = Store(config.store)
    if not store.exists():
        raise WbsiteError(f"there is no store at {config.store}.", "Name it with --store.")
    damaged = set(store.damaged())
    unnamed = set(store.keys()) - named_keys(store) - pending.keys(store)
    unnamed -= _wanted_parts(store, unnamed)
    for key in sorted(damaged | unnamed):
        store.remove(key)
    store.sweep()
    return len(damaged | unnamed), len(damaged)


def _wanted_parts(store: Store, keys: set[str]) -> set[str]:
    wanted = pending.parts(store)
    entries = {key: store.get(key) for key in keys} if wanted else {}
    return {key for key, entry in entries.items() if entry is not None and entry.about.get("part_of") in wanted}
