"""A user's own samples: what is taken, and what each unusable file is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Samples

X = np.arange(24).reshape(6, 2, 2) / 10
Y = np.array([0, 1, 0, 1, 0, 1])


def load(path: Path | str) -> Samples:
    return datasets.samples(f"npz:{path}", Progress())


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def test_inputs_are_flattened_and_left_as_they_are(tmp_path: Path) -> None:
    found = load(saved(tmp_path, inputs=X, labels=Y))
    assert found.inputs.dtype == np.float32 and found.labels.dtype == np.int64
    np.testing.assert_array_equal(found.inputs, X.reshape(6, 4).astype(np.float32))
    assert found.classes == ("0", "1") and found.split is None
    assert load(saved(tmp_path, inputs=np.arange(6, dtype=np.uint8), labels=Y)).inputs.tolist() == [
        [i] for i in range(6)
    ]


@pytest.mark.parametrize(
    ("labels", "classes", "indices", "names"),
    [
        ([-1, 1, 1, -1, 1, 1], None, [0, 1, 1, 0, 1, 1], ("-1", "1")),
        ([2.0, 7.0, 7.0, 2.0, 2.0, 2.0], None, [0, 1, 1, 0, 0, 0], ("2", "7")),
        ([True, False, True, True, True, True], None, [1, 0, 1, 1, 1, 1], ("0", "1")),
        (["dog", "cat", "cat", "dog", "dog", "dog"], None, [1, 0, 0, 1, 1, 1], ("cat", "dog")),
        (["dog", "cat", "cat", "dog", "dog", "dog"], ["dog", "cat"], [0, 1, 1, 0, 0, 0], ("dog", "cat")),
        ([b"dog", b"cat", b"cat", b"dog", b"dog", b"dog"], [b"dog", b"cat"], [0, 1, 1, 0, 0, 0], ("dog", "cat")),
        ([1, 0, 1, 0, 0, 0], ["no", "yes"], [1, 0, 1, 0, 0, 0], ("no", "yes")),
    ],
)
def test_labels_are_numbers_or_names(
    labels: list[Any], classes: list[Any] | None, indices: list[int], names: tuple[str, ...], tmp_path: Path
) -> None:
    found = load(saved(tmp_path, inputs=X, labels=labels, **({"classes": classes} if classes else {})))
    assert found.labels.tolist() == indices
    assert found.classes == names


def test_a_split_of_its_own_is_kept(tmp_path: Path) -> None:
    train, test = load(saved(tmp_path, inputs=X, labels=Y, train=[4, 1, 0], test=np.array([5], np.uint8))).split or ()
    assert train.tolist() == [4, 1, 0] and test.tolist() == [5]
    assert train.dtype == test.dtype == np.int64


def split(train: Any, test: Any) -> dict[str, Any]:
    return {"train": np.array(train), "test": np.array(test)}


BAD = {
    "labels missing": ({"labels": None}, "has no labels; it holds inputs"),
    "both missing": ({"labels": None, "inputs": None, "x": X}, "has no inputs and no labels; it holds x"),
    "objects": ({"inputs": np.array([{}, 1], object)}, "not an .npz file of plain arrays"),
    "complex inputs": ({"inputs": X + 1j}, "inputs of shape .* complex128; expected real numbers"),
    "inputs in words": ({"inputs": np.array(["a"] * 6)}, "expected real numbers"),
    "one number": ({"inputs": np.array(1.0)}, r"inputs of shape \(\)"),
    "labels one number": ({"labels": np.array(1)}, r"labels of shape \(\)"),
    "one-hot labels": ({"labels": np.eye(6)[:, :2]}, r"labels of shape \(6, 2\)"),
    "complex labels": ({"labels": Y + 1j}, "expected whole numbers or names"),
    "too few labels": ({"labels": Y[:5]}, "has 6 inputs and 5 labels"),
    "labels of a half": ({"labels": Y + 0.5}, "not whole numbers, such as 0.5"),
    "labels of NaN": ({"labels": np.where(Y, np.nan, 0)}, "not whole numbers, such as nan"),
    "infinite labels": ({"labels": np.where(Y, np.inf, 0)}, "not whole numbers, such as inf"),
    "constant labels": ({"labels": Y * 0}, "the same label for all 6 samples; a classifier needs two"),
    "a class without samples": ({"labels": Y * 0, "classes": ["a", "b"]}, "no sample of 'b'"),
    "a label without a class": ({"labels": Y + 1, "classes": ["a", "b"]}, "labels from 1 to 2 and names 2 classes"),
    "a name without a class": ({"labels": list("ababac"), "classes": ["a", "b"]}, "the label 'c', which is not in"),
    "a class twice": ({"classes": ["a", "a"]}, "expected different names"),
    "NaN": ({"inputs": np.where(X == 1.3, np.nan, X)}, "in 1 of 6 samples, the first of them sample 3"),
    "infinity": ({"inputs": np.where(X > 1.9, -np.inf, X)}, "in 1 of 6 samples, the first of them sample 5"),
    "opposite infinities": ({"inputs": np.array([[np.inf, -np.inf]] * 6)}, "in 6 of 6 samples"),
    "too large for float32": ({"inputs": X * 1e300}, "NaN or infinite inputs"),
    "one sample": ({"inputs": X[:1], "labels": Y[:1]}, "has one sample"),
    "no sample": ({"inputs": X[:0], "labels": Y[:0]}, "has no sample"),
    "no feature": ({"inputs": np.zeros((6, 0))}, "samples without features"),
    "train alone": ({"train": np.arange(5)}, "has train alone"),
    "train empty": (split([], [1]), "no sample to train on"),
    "test empty": (split([0, 1], []), "no sample to test on"),
    "index too high": (split([0, 1], [6]), "the index 6 among those to test on, and 6 samples"),
    "index below zero": (split([0, 1, -1], [2]), "the index -1 among those to train on"),
    "index twice": (split([0, 1, 1], [2]), "an index twice among those to train on"),
    "overlap": (split([0, 1, 2], [2, 3]), "1 samples both to train and to test on, the first of them sample 2"),
    "mask for indices": (split(Y > 0, Y == 0), "expected indices of samples"),
    "fractions for indices": (split([0.5, 1], [2]), "expected indices of samples"),
    "a class missing in train": (split([0, 2], [1, 3]), "no sample to train on of '1'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_nothing_can_be_trained_on_is_told_why(case: str, tmp_path: Path) -> None:
    changes, said = BAD[case]
    arrays = {"inputs": X, "labels": Y, **changes}
    with pytest.raises(WbsiteError, match=said) as error:
        load(saved(tmp_path, **{name: array for name, array in arrays.items() if array is not None}))
    assert error.value.hint


def test_what_is_no_npz_file_is_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path, inputs=X, labels=Y)
    files = {"empty": b"", "text": b"1,2,3", "cut": whole.read_bytes()[:-40], "damaged": bytearray(whole.read_bytes())}
    files["damaged"][120:160] = b"x" * 40  # type: ignore[index]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "array.npy", X)
    for name in (*files, "array.npy", "."):
        with pytest.raises(WbsiteError, match=r"not an \.npz file of plain arrays") as error:
            load(tmp_path / name)
        assert "numpy.savez" in error.value.hint
    with pytest.raises(WbsiteError, match="there is no file"):
        load(tmp_path / "nowhere.npz")
    with pytest.raises(WbsiteError, match="no file given"):
        load("")
