"""Runs of a suite with numbers and kernels that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from wbsite.analyses.base import SuiteContext
from wbsite.train.runs import Run


def stripes(rng: np.random.Generator, units: int, horizontal: float, side: int = 5, channels: int = 8) -> np.ndarray:
    """Kernels (units, channels, side, side): noise and stripes, vertical ones where `horizontal` is negative."""
    along_rows, along_columns = (units, channels, side, 1), (units, channels, 1, side)
    bands = rng.normal(size=along_rows if horizontal > 0 else along_columns)
    return (abs(horizontal) * bands + rng.normal(size=(units, channels, side, side))).astype(np.float32)


def made(experiment: str, seed: int, h: float, before: float | None = None, side: int = 5, **changes: Any) -> Run:
    """A run whose record says H = `h` of 5b and `before` of 5a, and whose kernels are banded to that side.

    Args:
        changes: of the record.
    """
    rng = np.random.default_rng([seed, *experiment.encode()])
    index = {"5a": h if before is None else before, "5b": h}
    layers: dict[str, Any] = {
        name: {
            "units": 12,
            "row_share": 0.3 + value / 2,
            "column_share": 0.3 - value / 2,
            "index": value,
            "low": value - 0.05,
            "high": value + 0.05,
        }
        for name, value in index.items()
    }
    record = {
        "suite": "banding",
        "setting": "cifar10-small",
        "experiment": experiment,
        "seed": seed,
        "order": 0,
        "title": experiment.replace("_", " "),
        "group": "main",
        "summary": "",
        "parameters": {},
        "network": "simplified",
        "baseline": "baseline",
        "accuracy": 0.6,
        "last": "5b",
        "before": "5a",
        "layers": layers,
        "head": {},
        "history": [{"epoch": 1.0, "layer": n, **{k: v[k] for k in list(v)[1:4]}} for n, v in layers.items()],
        "curve": [{"epoch": 1, "loss": 1.5, "accuracy": 0.6}],
        "preset": "small",
        "recipe": {"epochs": 3},
        "provenance": {
            "dataset": "cifar10",
            "dataset SHA-256": "ab" * 32,
            "training pictures": 50000,
            "test pictures": 10000,
            "device": "cpu",
            "seconds": 100.0,
            "parameters": 1234,
            "torch": "2.6.0",
            "wbsite": "0.1.0",
        },
        **changes,
    }
    return Run(record, {name: stripes(rng, 12, 3 * value, side) for name, value in index.items()})


@pytest.fixture(scope="session")
def made_run() -> Callable[..., Run]:
    """made_run(experiment, seed, H of 5b, H of 5a, kernel side, …changes of the record)"""
    return made


@pytest.fixture(scope="session")
def suite_context() -> Callable[..., SuiteContext]:
    """suite_context(runs, needs, …parameters): what an analysis of a suite is given."""

    def context(runs: list[Run], needs: Any = None, **params: Any) -> SuiteContext:
        return SuiteContext(runs, torch.device("cpu"), params, needs or {})

    return context
