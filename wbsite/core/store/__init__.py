"""The results store: everything computed, held by content, the only thing compute and render share."""

from .entry import Contents, DamagedEntry, Entry, StoreError, result_key
from .store import Store

__all__ = ["Contents", "DamagedEntry", "Entry", "Store", "StoreError", "result_key"]
