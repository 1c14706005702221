"""What is said on standard error: sentences, or an object a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import log


@pytest.fixture(autouse=True)
def text_again() -> Iterator[None]:
    yield
    log.choose("text")


def test_json_has_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.choose("json")
    with log.reporter() as progress:
        assert isinstance(progress, log.JsonProgress)
        progress.every = 0.0
        progress.step("compute 4 of 9 results", 4)
        progress.left(12.0)
        progress.advance(note="nmf\nspeck")
        progress.line("a sentence, \"quoted\" and 'é'")
    step, part, message = map(json.loads, capsys.readouterr().err.splitlines())
    assert (step["event"], step["label"], step["total"]) == ("step", "compute 4 of 9 results", 4)
    assert (part["event"], part["done"], part["total"], part["text"]) == ("progress", 1, 4, "nmf\nspeck")
    assert 11 < part["left"] <= 12
    assert (message["event"], message["text"]) == ("message", "a sentence, \"quoted\" and 'é'")
    assert datetime.fromisoformat(step["time"]).utcoffset() is not None


def test_what_only_says_how_far_a_step_is_comes_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    log.choose("json")
    progress = log.JsonProgress()
    progress.step("step", 1000)
    for _ in range(1000):
        progress.advance()
    assert len(capsys.readouterr().err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(("list", "nonsense"), 2, "wbsite: "), (("compute", "--models", "nonsense"), 2, "unknown model 'nonsense'")],
)
def test_refusals_are_said_in_the_chosen_format(
    process: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    (tmp_path / "wbsite.toml").write_text('log_format = "json"\n')
    ran = process(tmp_path, *arguments)
    assert ran.status == status
    (line,) = ran.err.splitlines()
    found = json.loads(line)
    assert said in found["text"]
    assert (found["event"], found["status"]) == ("error", status)
    assert found["hint"] in found["text"]
