"""Whatever happened to a file, it is read or refused in words: no traceback, and no memory beyond what it can hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.models.formats import read

from ..damage import assert_damage_is_survived
from .samples import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_two_hundred_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    sample = SAMPLES[name]
    sample.write(tmp_path / sample.file)
    assert_damage_is_survived(tmp_path / sample.file, read, sample.packed)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_short_ends_a_command_with_one_sentence(tmp_path: Path, cli: Callable[..., Any], name: str) -> None:
    sample = SAMPLES[name]
    path = tmp_path / sample.file
    sample.write(path)
    data = sample.packed(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])
    ran = cli("weights", "show", str(path))
    assert ran.status == 2
    assert sample.file in ran.err.replace("\n", "")
    assert "Traceback" not in ran.err
