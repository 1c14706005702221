"""Progress: what is said on a terminal and in a log, and that nothing said can break the run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wbsite.core.log import reporter
from wbsite.core.progress import Followed, Inner, LineProgress, Progress

SCRIPT = """
from wbsite.core.log import reporter
with reporter() as progress:
    progress.step("compute [a] of [/b]", 2)
    progress.advance(note="layer [3, 3] [/x]")
    progress.line("shape [3, 3] is not [/bold] expected")
    progress.note("unit [4] of [/c]")
    progress.advance()
    progress.step("mkdocs")
"""


def test_the_observer_of_the_library_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Progress()
    silent.step("a", 3)
    silent.advance()
    silent.line("b")
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_one_line_a_step_and_estimates_for_long_ones(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(every=0.0)
    progress.step("compute", 4)
    progress.advance(note="nmf a")
    progress.advance(3)
    progress.step("mkdocs")
    progress.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "compute"
    assert lines[1].startswith("compute: 1 of 4, about ")
    assert lines[1].endswith("s left · nmf a")
    assert lines[2].startswith("compute: 4 of 4, about 0 s left")
    assert lines[3:] == ["mkdocs", "mkdocs: 1"]


def test_inner_steps_are_noted_and_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    """Or "compute 3 of 5 results" would count the units of one of them."""
    outer = LineProgress(every=0.0)
    outer.step("compute", 2)
    inner = Inner(outer, "pictures a")
    inner.step("optimise", 4)
    inner.advance(2, note="conv1")
    inner.line("starved")
    outer.advance(note="pictures a")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["compute", "compute: 0 · pictures a · optimise"]
    assert lines[2].startswith("compute: 0 · pictures a · optimise: 2 of 4, about ")
    assert lines[2].endswith("s left · conv1")
    assert lines[3] == "pictures a: starved"
    assert lines[4].startswith("compute: 1 of 2, about ")


def test_output_that_is_piped_stays_free_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """`wbsite export … > table.csv` must hold the table alone."""
    with reporter() as progress:
        progress.step("compute", 1)
        progress.line("said")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "compute\nsaid\n"


def test_brackets_in_names_and_messages_are_shown_on_a_terminal(tmp_path: Path) -> None:
    """They are no markup: a message with a shape in it must neither vanish nor end the build."""
    controller, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stderr=terminal, cwd=tmp_path, env={**os.environ, "COLUMNS": "120"}
    )
    os.close(terminal)
    said = b""
    while True:
        try:
            part = os.read(controller, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not part:
            break
        said += part
    os.close(controller)
    assert child.wait() == 0
    text = said.decode()
    assert "shape [3, 3] is not [/bold] expected" in text
    assert "compute [a] of [/b]" in text


def test_what_is_said_to_be_left_counts_more_than_counting(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LineProgress(every=0.0)
    progress.step("compute", 4)
    followed = Followed(progress, 20.0)
    followed.left(100.0)
    followed.advance(note="nmf a")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] in ("compute: 1 of 4, about 120 s left · nmf a", "compute: 1 of 4, about 119 s left · nmf a")


def test_lines_of_a_long_step_come_soon_and_then_regularly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    progress, told = LineProgress(), []
    progress.step("compute", 200)
    for second in range(1, 61):
        now = float(second)
        progress.advance()
        if f"compute: {second}" in capsys.readouterr().err:
            told.append(second)
    assert told == [2, 6, 14, 29, 44, 59]
