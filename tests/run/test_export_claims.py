"""The ledger as a table: it says what the page says, and its verdicts follow from what is exported of the results."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COLUMNS = [
    "name", "statement", "source", "place", "article", "subject", "verdict", "remark", "effect", "value", "low", "high",
    "unit", "null", "count", "of", "rule",
]  # fmt: skip
WORDS = {"holds": "holds", "undecided": "undecided", "fails": "does not hold", "nothing": "not testable here"}


@pytest.fixture
def exported(rebuilt: Path, cli: Callable[..., Any], speck_weights: Path) -> Callable[..., list[dict[str, str]]]:
    """Runs `wbsite export …` and reads its rows."""

    def run(*arguments: str) -> list[dict[str, str]]:
        ran = cli("export", *arguments)
        assert ran.status == 0, ran.err
        return list(csv.DictReader(io.StringIO(ran.out)))

    return run


def the_one(rows: list[dict[str, str]], **wanted: str) -> dict[str, str]:
    (row,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return row


def numbers(row: dict[str, str], *names: str) -> list[float]:
    return [float(row[name]) for name in names]


def test_the_table_has_what_the_page_shows(rebuilt: Path, exported: Callable[..., Any]) -> None:
    rows = exported("claims")
    assert list(rows[0]) == COLUMNS
    page = (rebuilt / "site/claims/index.html").read_text(encoding="utf-8")
    shown = [
        (section[1], subject, WORDS[verdict])
        for section in re.finditer(r'<section class="wb-claim" id="([^"]+)".*?</section>', page, re.DOTALL)
        for subject, verdict in re.findall(r'<tr data-of="([^"]*)" data-verdict="(\w+)">', section[0])
    ]
    assert [(row["name"], row["subject"], row["verdict"]) for row in rows] == shown
    assert all(row["source"] or not row["place"] for row in rows)
    assert all(row["remark"] for row in rows if row["verdict"] == "not testable here")


def test_json_has_numbers_and_nulls(rebuilt: Path, cli: Callable[..., Any]) -> None:
    rows = json.loads(cli("export", "claims", "--format", "json", "--model", "speck").out)
    assert list(rows[0]) == COLUMNS
    (row,) = [row for row in rows if row["name"] == "rotation-turns-bands"]
    assert isinstance(row["value"], float) and row["count"] == 2
    (row,) = [row for row in rows if row["name"] == "relu-0.4"]
    assert row["verdict"] == "not testable here" and row["value"] is None and row["count"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layer", "conv1"), "not of a layer"),
        (("--model", "spek"), "'speck'"),
        (("--format", "cvs"), "unknown format 'cvs'"),
        (("--store", "elsewhere"), "there is no store at elsewhere"),
    ],
)
def test_bad_input_is_refused(rebuilt: Path, cli: Callable[..., Any], arguments: tuple[str, ...], message: str) -> None:
    ran = cli("export", "claims", *arguments)
    assert ran.status == 2
    assert message in ran.err


def test_that_a_last_layer_is_banded_follows_from_its_index(exported: Callable[..., Any], speck_weights: Path) -> None:
    index = exported("banding", "--model", "speck", "--weights-dir", str(speck_weights))
    value, low, high = numbers(
        the_one(index, layer="conv3", source="nmf"), "index_adjusted", "adjusted_low", "adjusted_high"
    )
    row = the_one(exported("claims"), name="last-layers-are-banded", subject="speck")
    assert numbers(row, "value", "low", "high", "null") == pytest.approx([value, low, high, 0.55])
    below = high < -0.55 or (low > -0.55 and high < 0.55)
    assert row["verdict"] == ("holds" if low > 0.55 else "does not hold" if below else "undecided")
    assert int(row["count"]) == 10


def test_that_bands_turn_follows_from_the_experiments(exported: Callable[..., Any], runs_folder: Path) -> None:
    """Student's t with one degree of freedom: the interval of two seeds is 12.7062 standard errors to each side."""
    import numpy as np

    from wbsite.train.runs import Run

    seeds = [
        Run.read(path).record["layers"]["5b"]["index"]
        for path in sorted((runs_folder / "banding/cifar10-small").glob("rotated-seed*.npz"))
    ]
    mean, error = np.mean(seeds), np.std(seeds, ddof=1) / np.sqrt(len(seeds))
    by_hand = [mean, mean - 12.7062 * error, mean + 12.7062 * error]
    summary = the_one(exported("experiments"), experiment="rotated", place="last")
    row = the_one(exported("claims"), name="rotation-turns-bands")
    assert numbers(summary, "index", "low", "high") == pytest.approx(by_hand, rel=1e-4)
    assert numbers(row, "value", "low", "high") == pytest.approx(by_hand, rel=1e-4)
    assert (row["verdict"], row["count"], row["of"]) == ("holds" if by_hand[2] < 0 else "does not hold", "2", "seeds")


def test_that_branches_divide_colour_follows_from_the_experiments(exported: Callable[..., Any]) -> None:
    """Clopper and Pearson's interval where all of two trainings are beyond chance begins at √(2.5 %)."""
    summary = the_one(exported("branch-experiments"), experiment="two", property="chroma")
    assert summary["seeds"] == "2" and float(summary["parting"]) == 2, "made up so"
    row = the_one(exported("claims"), name="two-branches-divide-colour")
    assert numbers(row, "value", "low", "high", "null") == pytest.approx([1, 0.025**0.5, 1, 0.05])
    assert (row["verdict"], row["source"]) == ("holds", "voss2021branch")
