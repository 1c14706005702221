"""The harmonics data set is the published one, though no label of it is stored."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Samples
from wbsite.datasets.harmonics import THRESHOLD, VERTICES, harmonics, published_split, scores
from wbsite.ops.information.counting import count_baseline

PLACES = 1 << np.arange(11, -1, -1)


def samples(name: str) -> Samples:
    return datasets.samples(name, Progress())


def symmetries() -> np.ndarray:
    """Every permutation of the vertices that a rotation or reflection makes, from where it takes three of them."""
    base = VERTICES[[0, 2, 3]]
    found = []
    for images in permutations(range(12), 3):
        turned = VERTICES[list(images)]
        if np.allclose(turned @ turned.T, base @ base.T):
            match = np.isclose(VERTICES @ np.linalg.solve(base, turned) @ VERTICES.T, 1)
            assert (match.sum(axis=1) == 1).all()
            found.append(match.argmax(axis=1))
    return np.array(found)


@pytest.fixture(scope="module")
def published(shared_data: Callable[[str], Path]) -> dict[str, np.ndarray]:
    with np.load(shared_data("information-plane/harmonics_check.npz"), allow_pickle=False) as arrays:
        return dict(arrays)


def written(path: Path, train: np.ndarray, test: np.ndarray, **changes: np.ndarray) -> Path:
    """A file as the patterns are published."""
    inputs, labels = harmonics()
    arrays = {"X_train": inputs[train], "y_train": labels[train], "X_test": inputs[test], "y_test": labels[test]}
    np.savez(path, **{**arrays, **changes})
    return path


def test_all_4096_labels_and_the_vertices_are_the_published_ones(published: dict[str, np.ndarray]) -> None:
    assert (harmonics()[1] == np.unpackbits(published["labels"])).sum() == 4096
    np.testing.assert_allclose(VERTICES, published["vertices"], rtol=0, atol=1e-8)


def test_every_pattern_is_there_once_in_binary_order() -> None:
    inputs, labels = harmonics()
    assert inputs.shape == (4096, 12) and inputs.dtype == labels.dtype == np.uint8
    assert (inputs @ PLACES == np.arange(4096)).all()
    assert labels.mean() == 0.51708984375


def test_no_pattern_is_near_the_threshold() -> None:
    score = scores(harmonics()[0])
    below, above = score[score < THRESHOLD].max(), score[score > THRESHOLD].min()
    assert (round(below, 4), round(above, 4)) == (7.5628, 7.7013)


def test_the_120_symmetries_of_the_icosahedron_change_no_label() -> None:
    inputs, labels = harmonics()
    group = symmetries()
    assert len(np.unique(group, axis=0)) == 120
    for symmetry in group:
        assert (labels[inputs[:, symmetry] @ PLACES] == labels).all()


def test_the_symmetries_are_the_published_permutations(published: dict[str, np.ndarray]) -> None:
    assert set(map(tuple, symmetries().tolist())) == set(map(tuple, published["automorphisms"].tolist()))


def test_other_permutations_do_change_labels() -> None:
    inputs, labels = harmonics()
    swapped = [1, 0, *range(2, 12)]
    assert (labels[inputs[:, swapped] @ PLACES] != labels).any()


def test_counting_active_bits_is_right_for_seven_of_eight_patterns() -> None:
    inputs, labels = harmonics()
    accuracy, bits = count_baseline(inputs.sum(axis=1), labels)
    assert accuracy == 0.875
    assert round(bits, 5) == 0.62764


def test_samples_are_the_patterns_and_zero_mean_takes_half_away() -> None:
    plain, centred = samples("harmonics"), samples("harmonics:zero-mean")
    inputs, labels = harmonics()
    assert (plain.inputs == inputs).all() and (plain.labels == labels).all()
    assert (centred.inputs == inputs - 0.5).all() and (centred.labels == labels).all()
    assert (centred.inputs.mean(axis=0) == 0).all()
    assert plain.split is None


def test_the_published_split_is_read_from_its_file(published: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = written(tmp_path / "ib.npz", published["train"], published["test"])
    for name in (f"harmonics:{path}", f"harmonics:zero-mean:{path}"):
        train, test = samples(name).split or ()
        assert (len(train), len(test)) == (3277, 819)
        assert (train == published["train"]).all() and (test == published["test"]).all()
    assert samples(f"harmonics:zero-mean:{path}").inputs.min() == -0.5


def test_a_file_of_other_patterns_or_labels_is_refused(tmp_path: Path) -> None:
    train, test = np.arange(3000), np.arange(3000, 4096)
    wrong = written(tmp_path / "wrong.npz", train, test, y_test=1 - harmonics()[1][test])
    with pytest.raises(WbsiteError, match="labels 1096 of 1096 patterns in y_test otherwise"):
        published_split(wrong)
    wide = written(tmp_path / "wide.npz", train, test, X_train=np.zeros((3000, 10)))
    with pytest.raises(WbsiteError, match="expected 12 bits"):
        published_split(wide)
    with pytest.raises(WbsiteError, match="1 samples both to train and to test on"):
        samples(f"harmonics:{written(tmp_path / 'both.npz', train, np.arange(2999, 4096))}")


def test_a_form_that_does_not_exist_is_taken_for_a_file_that_does_not() -> None:
    with pytest.raises(WbsiteError, match="no file zero") as error:
        samples("harmonics:zero")
    assert "deep-bottleneck" in error.value.hint and "zero-mean" in error.value.hint
