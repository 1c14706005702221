"""A small round of the torture: `python -m tests.torture --rounds 100` plays more of it."""

from __future__ import annotations

import pytest

from .__main__ import PLAYS, main


def test_a_small_round_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ("kills", "flips", "full-disks", "read-only", "clocks", "servers")
    assert set(kinds) < set(PLAYS)
    problems = main(["--rounds", "2", "--seed", "small", *(word for kind in kinds for word in ("--only", kind))])
    assert problems == 0, capsys.readouterr().err
