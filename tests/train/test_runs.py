"""Results of runs travel in small files: what is read is what was written, or a message says that it is not."""

from __future__ import annotations

import io
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.train.runs import LEVELS, Run, quantise, restore


def kernels(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.fixture
def run() -> Run:
    record = {
        "suite": "banding", "setting": "cifar10-small", "experiment": "rotated", "seed": 2, "title": "90°",
        "accuracy": 0.71, "layers": {"5a": {"index": -0.4, "low": None}}, "last": "5b", "before": "5a",
        "history": [{"epoch": 0.25, "layer": "5b", "index": 0.1}], "provenance": {"seconds": 1.5},
    }  # fmt: skip
    return Run(record, {"5a": kernels(6, 4, 5, 5), "5b": kernels(8, 6, 3, 3)})


def test_a_run_is_read_as_it_was_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run.npz"
    run.write(path)
    found = Run.read(path)
    assert found.record == run.record
    assert found.name == "cifar10-small/rotated-seed2"
    assert {name: part.shape for name, part in found.kernels.items()} == {"5a": (6, 4, 5, 5), "5b": (8, 6, 3, 3)}
    assert all(part.dtype == np.float32 for part in found.kernels.values())
    assert [p.name for p in path.parent.iterdir()] == ["run.npz"]


def test_writing_again_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    """Also of what was read, so that a file can be told from another by its digest."""
    assert run.pack() == run.pack()
    run.write(tmp_path / "a.npz")
    found = Run.read(tmp_path / "a.npz")
    assert found.pack() == run.pack() == (tmp_path / "a.npz").read_bytes()
    assert found.digest == run.digest


@pytest.mark.parametrize("shape", [(6, 4, 5, 5), (1, 1, 1, 1), (3, 7, 3, 5)])
def test_rounding_errs_by_half_a_step_of_each_unit_at_most(shape: tuple[int, ...]) -> None:
    original = kernels(*shape) * np.logspace(-6, 3, shape[0], dtype=np.float32)[:, None, None, None]
    steps, scale = quantise(original)
    assert steps.dtype == np.int8 and np.abs(steps).max() == LEVELS
    errors = np.abs(restore(steps, scale) - original).reshape(shape[0], -1).max(1)
    assert (errors <= scale * 0.5001).all()
    largest = np.abs(original).reshape(shape[0], -1).max(1)
    np.testing.assert_allclose(scale, largest / LEVELS, rtol=1e-6)


def test_rounding_takes_two_per_cent_of_the_variance_of_normal_weights() -> None:
    original = kernels(32, 16, 5, 5)
    error = restore(*quantise(original)) - original
    assert 0.005 < error.var() / original.var() < 0.03


def test_units_of_zeros_stay_zero() -> None:
    original = kernels(3, 2, 5, 5)
    original[1] = 0
    assert not restore(*quantise(original))[1].any()


def test_a_file_cut_short_anywhere_is_one_message(run: Run, tmp_path: Path) -> None:
    whole = run.pack()
    for length in range(0, len(whole), 37):
        (tmp_path / "a.npz").write_bytes(whole[:length])
        with pytest.raises(WbsiteError, match="cannot be read") as error:
            Run.read(tmp_path / "a.npz")
        assert "wbsite train" in error.value.hint


def test_a_file_with_a_byte_changed_anywhere_is_a_message_or_still_a_run(run: Run, tmp_path: Path) -> None:
    whole, path, chance = run.pack(), tmp_path / "a.npz", random.Random(0)
    refused = 0
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1 :])
        try:
            found = Run.read(path)
        except WbsiteError:
            refused += 1
        else:  # a byte that says nothing, such as a date
            assert found.record == run.record
    assert refused > 0.1 * len(whole)


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="cannot be read"):
        Run.read(tmp_path / "none.npz")


def encoded(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


@pytest.mark.parametrize(
    "arrays",
    [
        {"weights": np.ones(3)},
        {"record": encoded({"suite": "banding"})},
        {"record": encoded([1, 2])},
        {"record": np.frombuffer(b"\xff\x00", np.uint8)},
        {"record": encoded({}), "kernels/5a": np.ones((2, 3, 5, 5), np.int8)},
        {"record": encoded({}), "kernels/5a": np.ones(4, np.int8), "scale/5a": np.float32(1)},
        {"record": encoded({}), "kernels/5a": np.array(["a"]), "scale/5a": np.ones(1)},
        {"record": np.array([{"a": 1}], dtype=object)},
    ],
)
def test_another_npz_is_a_message(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(WbsiteError, match=r"a\.npz"):
        Run.read(tmp_path / "a.npz")


@pytest.mark.parametrize("last", ["5c", ["5b"], None])
def test_a_record_whose_layers_are_not_there_is_a_message(last: object, run: Run, tmp_path: Path) -> None:
    Run({**run.record, "last": last}, run.kernels).write(tmp_path / "a.npz")
    with pytest.raises(WbsiteError, match="not the result of a run"):
        Run.read(tmp_path / "a.npz")


def test_a_lone_array_is_a_message(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    (tmp_path / "a.npz").write_bytes(file.getvalue())
    with pytest.raises(WbsiteError, match="cannot be read"):
        Run.read(tmp_path / "a.npz")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_no_space_left_keeps_the_old_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    run.write(path)
    before = path.read_bytes()
    (tmp_path / f".run.npz.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(WbsiteError, match=r"run\.npz cannot be written \(No space left on device\)"):
        Run({**run.record, "seed": 3}, run.kernels).write(path)
    assert path.read_bytes() == before
