"""Puts the metrics of a finished run into the results store, beside the results of models and suites."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite import __version__
from wbsite.core.source import digest as code_of
from wbsite.core.store import Contents, Entry, Store, result_key

from .runs import Run

if TYPE_CHECKING:
    import pandas as pd

HISTORY = ("epoch",)
CURVE = ("epoch", "loss", "accuracy")
"""Columns that the tables have even of a run without rows."""


def deposit(run: Run, path: Path, store: Store) -> Entry:
    """Stores a run's metrics, and a record `runs/SUITE/SETTING/EXPERIMENT-seedN` that names them.

    The entry's values are the run's record, its tables `history` (the suite's measures during training) and `curve`
    (loss and accuracy by epoch), and its arrays the kernels (units, channels, kh, kw).

    Args:
        path: the run's file, whose bytes decide the key with the code of this module.

    Raises:
        StoreError: the store cannot be written.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = result_key({"run": digest, "code": code_of((__name__,))})
    with store.lock(key):
        entry = store.get(key)
        if entry is None:
            tables = {
                "history": table(run.record["history"], HISTORY),
                "curve": table(run.record.get("curve", ()), CURVE),
            }
            values = {name: value for name, value in run.record.items() if name not in tables}
            provenance = {"run": f"{run.record['suite']}/{run.name}", "digest": digest, "wbsite": __version__}
            entry = store.put(key, Contents(values=values, arrays=run.kernels, tables=tables), provenance)
    store.put_record(f"runs/{run.record['suite']}/{run.name}", {"key": key, "digest": digest})
    return entry


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A data frame of these columns and of all others that the rows have."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(dict.fromkeys([*columns, *(key for row in rows for key in row)])))
