"""One answer a package: groups of a network and networks of a package are averaged, and weights count once."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from wbsite.analyses.census.branches import run

TRAININGS = {"a1": "a", "a2": "a", "b": "b", "c": "c", "d": "d"}
PACKAGES = {"a1": "one", "a2": "two", "b": "two", "c": "three", "d": "four"}


def group(kind: str, trained: float | None, copies: Sequence[float | None] = (0.0, 0.02)) -> dict[str, Any]:
    about = {"group": kind, "kind": kind, "branches": 2, "units": 8, "reason": "" if trained is not None else "sound"}
    measures = {"side": 5, "padded": False, "live": 8, "trained": trained, "p": 0.1, "copies": list(copies)}
    return about if trained is None else about | measures


def enriched(q: float, effect: float, untrained_q: float | None, test: str = "category") -> dict[str, Any]:
    row = {"group": "concat", "kind": "concat", "branch": "x", "test": test, "property": "colour"}
    numbers = {"units_in": 4, "units_out": 4, "having_in": 3, "having_out": 0, "low": 0.1, "high": 9.0, "p": q}
    return row | numbers | {"q": q, "effect": effect, "untrained_p": untrained_q, "untrained_q": untrained_q}


def context(groups: dict[str, list[dict[str, Any]]], tests: dict[str, list[dict[str, Any]]]) -> Any:
    networks = pd.DataFrame({"network": list(TRAININGS), "training": list(TRAININGS.values())})
    measured = [
        SimpleNamespace(
            facts={"name": name, "package": PACKAGES[name]}, groups=groups.get(name, []), tests=tests.get(name, [])
        )
        for name in TRAININGS
    ]
    return SimpleNamespace(measured=measured, need=lambda _: SimpleNamespace(networks=networks))


def test_groups_then_networks_then_packages_are_averaged() -> None:
    groups = {
        "a1": [group("concat", 0.11), group("residual", 0.31)],
        "b": [group("concat", 0.41)],
        "c": [group("concat", 0.51)],
        "d": [group("residual", None)],
    }
    found = run(context(groups, {}))
    assert (found.sorted.networks, found.sorted.packages) == (3, 3)
    assert found.sorted.effect == pytest.approx((0.2 + 0.4 + 0.5) / 3)
    assert found.sorted.untrained == pytest.approx(0.01)
    assert found.sorted.trained == pytest.approx((0.21 + 0.41 + 0.51) / 3)
    assert (found.concatenated.networks, found.added.networks) == (3, 1)
    assert found.added.effect == pytest.approx(0.3)
    assert found.added.low is None, "one package has no interval"
    left = found.groups.set_index("network").loc["d"]
    assert (left["counts"], left["reason"]) == (False, "sound")


def test_of_files_with_the_same_weights_the_first_that_was_measured_counts() -> None:
    both = run(context({"a1": [group("concat", 0.1)], "a2": [group("concat", 0.9)]}, {}))
    assert both.groups["counts"].tolist() == [True, False]
    assert both.sorted.trained == pytest.approx(0.1)
    second = run(context({"a1": [group("concat", None)], "a2": [group("concat", 0.9)]}, {}))
    assert second.groups["counts"].tolist() == [False, True]


def test_a_group_whose_copies_gave_nothing_does_not_count() -> None:
    found = run(context({"a1": [group("concat", 0.1, (None, None))]}, {}))
    assert not found.groups["counts"].any()
    assert found.sorted.effect is None


def test_a_group_of_which_one_branch_alone_responds_says_so() -> None:
    silent = {**group("residual", 0.1, (None, None)), "trained": None, "p": None}
    found = run(context({"a1": [silent]}, {}))
    assert not found.groups["counts"].any()
    assert found.groups["reason"].item() == "units of fewer than two branches respond"


def test_categories_are_enriched_above_chance_alone() -> None:
    tests = {
        "b": [
            enriched(0.01, 5.0, 0.01),
            enriched(0.01, 5.0, 0.5),
            enriched(0.01, 0.2, 0.01),
            enriched(0.2, 5.0, None),
            enriched(0.01, 0.9, 0.01, "index"),
        ],
        "a2": [enriched(0.01, 5.0, 0.01)],
    }
    groups = {"a1": [group("concat", 0.1)], "a2": [group("concat", 0.1)], "b": [group("concat", 0.1)]}
    found = run(context(groups, tests))
    assert (found.tests, found.enriched, found.beyond) == (4, 2, 1)
    assert len(found.rows) == 6


def test_a_census_without_branches() -> None:
    found = run(context({}, {}))
    assert found.groups.empty
    assert found.rows.empty
    assert (found.sorted.packages, found.sorted.effect, found.tests) == (0, None, 0)
