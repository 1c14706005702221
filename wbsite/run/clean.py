"""Prunes the store."""

from __future__ import annotations

from ..config import Config
from ..errors import WbsiteError
from ..store import Store
from .compute import open_store


def named_keys(store: Store) -> set[str]:
    """Keys that the record of some model, suite or run names."""
    keys = {(store.record(name) or {}).get("key", "") for name in store.records("runs")} - {""}
    for name in (*store.records("models"), *store.records("suites")):
        results = (store.record(name) or {}).get("results", {})
        keys |= {place["key"] for layers in results.values() for place in layers.values() if "key" in place}
    return keys


def clean(config: Config) -> tuple[int, int]:
    """Removes entries that are damaged, left over from an interruption, or named by no record.

    Returns:
        How many were removed, and how many of those were damaged or incomplete.
    """
    store = open_store(config)
    if not store.exists():
        raise WbsiteError(f"there is no store at {config.store}.", "Give its place with --store.")
    damaged = set(store.damaged())
    unnamed = set(store.keys()) - named_keys(store)
    for key in sorted(damaged | unnamed):
        store.remove(key)
    store.sweep()
    return len(damaged | unnamed), len(damaged)
