"""Seconds to list, check and clean a store of many entries: `python benchmarks/store.py [ENTRIES] [FOLDER]`.

Half of the entries are named by 500 records, and half by none. Give a folder on the kind of disk that is meant.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from wbsite.core.config import Config
from wbsite.core.store import Contents, Store
from wbsite.core.store.entry import manifest_of
from wbsite.run.clean import clean

MODELS = 500


def fill(store: Store, entries: int) -> None:
    """Writes entries of three files and the records, without waiting for the disk."""
    files = Contents({"index": 0.5, "note": "x" * 300}, {"a": np.zeros((8, 5, 5), np.float32)}).files()
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(entries)]
    for number, key in enumerate(keys):
        folder = Path(store.root, "objects", key[:2], key)
        folder.mkdir(parents=True)
        about = {"analysis": "banding", "model": f"m{number % MODELS}", "layer": str(number)}
        for name, data in {**files, "manifest.json": manifest_of(files, about)}.items():
            (folder / name).write_bytes(data)
    named = keys[: entries // 2]
    for model in range(MODELS):
        layers = {str(number): {"key": key} for number, key in enumerate(named[model::MODELS])}
        store.put_record(f"models/m{model}", {"id": f"m{model}", "title": "", "results": {"banding": layers}})


def timed(label: str, act: Callable[[], Any]) -> None:
    """Prints what an act takes."""
    wall, processor = time.perf_counter(), time.process_time()
    act()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{label:<30}{wall:8.1f} s{processor:8.1f} s of processors")


def main(entries: int = 100_000, folder: str | None = None) -> None:
    """Fills a store, and times what is done with it."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store, config = Store(place), replace(Config(), store=place)
        store.prepare()
        timed(f"write {entries} entries", lambda: fill(store, entries))
        timed("list", store.keys)
        timed("check", store.damaged)
        timed("clean, half of it unnamed", lambda: clean(config))
        timed("clean, nothing to do", lambda: clean(config))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
