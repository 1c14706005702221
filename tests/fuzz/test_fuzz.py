"""A short round of the fuzzers: no file makes a reader end in anything but a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.memory import Unforeseen

from . import hostile, mutations, structures
from .harness import FAULTS, MOST, SLOWEST, Report, fuzz
from .readers import Reader, readers, spoiled
from .worker import outcome

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries, for files that are odd

INPUTS = 40


@pytest.mark.parametrize("name", readers())
def test_files_changed_at_random_are_read_or_refused(name: str, tmp_path: Path) -> None:
    reader = readers()[name]
    for number in range(INPUTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(reader, spoiled(reader, 0, number, folder), number, f"input {number}")


@pytest.mark.parametrize(
    ("reader", "made"),
    [pytest.param(reader, made, id=made.name) for reader, all in hostile.kinds().items() for made in all],
)
def test_files_made_on_purpose_are_read_or_refused(reader: str, made: hostile.Made, tmp_path: Path) -> None:
    path = made.write(tmp_path)
    check(readers()[reader], path, 1, made.name, made)


def check(reader: Reader, path: Path, number: int, name: str, made: hostile.Made | None = None) -> None:
    word, message = outcome((made.use if made else None) or reader.use, path, number)
    assert word in ("read", "refused"), f"{name}: {word}\n{message}"


def test_inputs_are_the_same_for_the_same_seed_and_others_for_another(tmp_path: Path) -> None:
    reader = readers()["categories"]
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    first, again, other = (
        [spoiled(reader, seed, number, folder).read_bytes() for number in range(20)]
        for seed, folder in zip((1, 1, 2), folders, strict=True)
    )
    assert first == again
    assert first != other
    assert len(set(first)) > 10


def test_a_fault_is_told_from_a_refusal(tmp_path: Path) -> None:
    def raising(error: Exception) -> str:
        def use(path: Path, number: int) -> None:
            raise error

        return outcome(use, tmp_path, 0)[0]

    assert raising(WbsiteError("x")) == "refused"
    assert raising(KeyError("x")) == "traceback"
    assert raising(Unforeseen("x")) == "unforeseen"


def test_what_takes_too_long_or_too_much_is_a_fault_even_if_it_is_read() -> None:
    report = Report("x")
    good = {"number": 0, "kind": "", "outcome": "read", "message": "", "seconds": 1.0, "peak": 1 << 20}
    for change in ({}, {"seconds": SLOWEST + 1}, {"peak": MOST + 1}, *({"outcome": fault} for fault in FAULTS)):
        report.add({**good, **change})
    assert report.inputs == 3 + len(FAULTS)
    assert len(report.faults) == report.inputs - 1


def test_a_process_reads_as_many_inputs_as_it_is_asked_to_and_says_what_they_took() -> None:
    report = fuzz("categories", seed=0, seconds=None, most=8)
    assert report.inputs == 8
    assert not report.faults
    assert report.peak > 1 << 20
    assert "categories" in report.row()


def test_mutations_keep_the_structures_that_they_change() -> None:
    import io
    import random
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.json", '{"a": [1, 2, {"b": 3}]}')
        archive.writestr("b", b"x" * 50)
    mutate = structures.in_archive(lambda name: (structures.in_json,) if name.endswith("json") else mutations.BYTES)
    changed = 0
    for number in range(60):
        data = mutate(made.getvalue(), random.Random(number))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            changed += data != made.getvalue()
    assert changed > 40
    header = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
    for number in range(60):
        data = structures.in_safetensors(len(header).to_bytes(8, "little") + header + bytes(8), random.Random(number))
        length = int.from_bytes(data[:8], "little")
        assert len(data) == 8 + length + 8


@pytest.mark.parametrize("reader", ["safetensors", "pytorch", "npz", "caffemodel", "sharded"])
def test_a_command_ends_with_one_sentence_and_status_2(reader: str, tmp_path: Path, cli: Callable[..., Any]) -> None:
    for made in hostile.inputs(reader):
        folder = tmp_path / made.name.replace("/", "-")
        folder.mkdir()
        ran = cli("weights", "show", str(made.write(folder)))
        assert ran.status in (0, 2)
        assert "Traceback" not in ran.err
        if ran.status:
            assert ran.err.startswith("wbsite: ")
            assert ran.err.isascii() or ran.err.replace("\n", "").isprintable()
