"""A file of weights takes no more memory than it may, says so in a sentence, and leaves the process as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.machine import bytes_in
from wbsite.models import memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the system's bound is Linux's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "net.npz"
    np.savez(path, conv=np.ones((64, 32, 3, 3), np.float32))
    return path


def limit() -> tuple[int, int]:
    import resource

    return resource.getrlimit(resource.RLIMIT_DATA)


def test_sizes_are_read_as_people_write_them() -> None:
    for text, size in {"8G": 8 << 30, "500 MB": 500 << 20, "1t": 1 << 40, "64kiB": 64 << 10, "7": 7}.items():
        assert bytes_in(text) == size
    assert [bytes_in(text) for text in ("", "G", "-1G", "1.5G", "8X", "٣G", "1" * 30)] == [None] * 7


def test_room_is_given_up_to_the_bound_and_refused_beyond(path: Path) -> None:
    with memory.bounded(path, "npz"):
        memory.take(memory.LEAST // 2)
        assert memory.left() == memory.LEAST - memory.LEAST // 2
        with pytest.raises(
            WbsiteError, match=r"net\.npz takes more than the 1\.1 GB .* \(conv alone has 800\.0 GB\)"
        ) as caught:
            memory.take(800 * 10**9, "conv")
    assert "--max-weights-memory 16G" in caught.value.hint
    memory.take(10**18)  # where no file is read, anything goes


def test_what_the_user_allows_counts(path: Path) -> None:
    with memory.allowed("2K"), memory.bounded(path, "npz"), pytest.raises(WbsiteError, match="takes more"):
        memory.take(3000)
    with memory.allowed("1T"), memory.bounded(path, "npz"):
        memory.take(900 << 30)


def test_larger_files_and_those_beside_them_may_take_more(tmp_path: Path, path: Path) -> None:
    beside = tmp_path / "beside"
    with beside.open("wb") as file:
        file.truncate(1 << 30)  # of nothing: it takes no space
    with memory.allowed(""), memory.bounded(path, "npz"):
        before = memory.left()
        memory.include(beside)
        memory.include(beside)
        assert before < memory.left() <= memory.TIMES * (beside.stat().st_size + path.stat().st_size)


@LINUX
def test_what_libraries_take_without_asking_is_refused_too(path: Path) -> None:
    before = limit()
    with memory.bounded(path, "npz"):
        assert limit() != before
    for greedy in (lambda: bytearray(3 << 30), lambda: torch.empty(3 << 28), lambda: np.ones(3 << 27)):
        with pytest.raises(WbsiteError, match="takes more than"), memory.bounded(path, "npz"):
            greedy()
        assert limit() == before


@LINUX
def test_a_bound_within_another_never_exceeds_it(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"x")
    with memory.allowed("300M"), memory.bounded(path, "npz"):
        outer = limit()
        with memory.allowed("100G"), memory.bounded(other, "npz"):
            assert limit() <= outer
        assert limit() == outer


def test_failures_without_words_get_a_sentence(path: Path) -> None:
    with (
        pytest.raises(memory.Unforeseen, match=r"cannot be read as npz: KeyError \('x'\)") as caught,
        memory.bounded(path, "npz"),
    ):
        raise KeyError("x")
    assert "report it" in caught.value.hint
    with pytest.raises(WbsiteError, match="too deep within each other"), memory.bounded(path, "npz"):
        raise RecursionError
    with pytest.raises(WbsiteError, match="as it is"), memory.bounded(path, "npz"):
        raise WbsiteError("as it is")


def test_commands_take_the_bound_as_an_option_and_from_the_configuration(
    path: Path, cli: Callable[..., Any], work: Path
) -> None:
    assert cli("weights", "show", str(path)).status == 0
    refused = cli("weights", "show", str(path), "--max-weights-memory", "10K")
    assert refused.status == 2
    assert "net.npz takes more than the 10.2 kB of memory that it may take" in refused.err.replace("\n", " ")
    wrong = cli("weights", "show", str(path), "--max-weights-memory", "much")
    assert wrong.status == 2
    assert "Give a size, as in 8G or 500M" in wrong.err
    (work / "wbsite.toml").write_text('max_weights_memory = "10K"\n')
    assert "takes more than" in cli("weights", "show", str(path)).err
    assert "takes more than" in cli("doctor", str(path)).err
