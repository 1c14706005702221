"""Every analysis on a GPU that exists in name only: nothing is left on the CPU by mistake, and results are the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wbsite.core import registry
from wbsite.core.store import Entry, Store

from .pretended_gpu import pretended_gpu

TOLERANCE = 1e-5
"""Relative; of arrays, to their largest number. The processor is the same, but some operations take another way."""

PICTURES = {"unit_pictures", "direction_pictures"}
"""Drawn in bfloat16 on a GPU: compared by what there is of them."""


def different(ours: Any, theirs: Any, name: str) -> Iterator[str]:
    """Names of values that differ by more than rounding."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for key in ours:
            yield from different(ours[key], theirs[key], f"{name}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from different(*pair, f"{name}[{i}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        if not math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{name}: {ours} instead of {theirs}"
    elif ours != theirs and name != ".device":
        yield f"{name}: {ours} instead of {theirs}"


def differences(ours: Entry, theirs: Entry) -> Iterator[str]:
    """What differs in a result."""
    assert set(ours._files) == set(theirs._files)
    assert set(ours.arrays) == set(theirs.arrays)
    if theirs.about["analysis"] in PICTURES:
        return
    yield from different(ours.values, theirs.values, "")
    for name, array in theirs.arrays.items():
        largest = np.abs(array[np.isfinite(array)]).max(initial=0)
        if not np.allclose(ours.arrays[name], array, rtol=TOLERANCE, atol=TOLERANCE * largest, equal_nan=True):
            yield name
    for file in theirs._files:
        if file.endswith(".parquet"):
            name = file.removesuffix(".parquet")
            try:
                pd.testing.assert_frame_equal(ours.table(name), theirs.table(name), rtol=TOLERANCE, atol=TOLERANCE)
            except AssertionError as error:
                yield f"{name}: {error}"


def test_every_analysis_gives_the_same_on_another_device(
    cli: Callable[..., Any], built: Path, speck_weights: Path
) -> None:
    with pretended_gpu() as refused:
        ran = cli("compute", "--models", "speck", "--weights-dir", str(speck_weights), "--device", "cuda")
    assert ran.status == 0, ran.err
    assert not refused
    here, there = Store(built / "build" / "store"), Store("build/store")
    compared, wrong = set(), {}
    for theirs in filter(None, map(here.get, here.keys())):
        analysis = theirs.about["analysis"]
        if "part" in theirs.about:  # of some it is said in their keys what computed them
            continue
        ours = there.get(theirs.key)
        assert ours is not None, analysis
        compared.add(analysis)
        if names := list(differences(ours, theirs)):
            wrong[f"{analysis} {theirs.about.get('layer', '')}"] = names
    assert not wrong
    assert compared == {analysis.name for analysis in registry.entries("analyses")}
