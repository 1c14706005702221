"""Samples by name: sizes, ranges and splits of those that exist, and what each is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets._photographs import caption, files_of
from wbsite.datasets.base import Samples, split

RNG = np.random.default_rng(0)


def load(name: str) -> Samples:
    return datasets.samples(name, Progress())


def made(*counts: int) -> Samples:
    """So many samples of each class, in mixed order."""
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    inputs = np.arange(len(labels), dtype=np.float32)[:, None]
    return Samples(inputs, labels.astype(np.int64), tuple("abcdefgh"[: len(counts)]))


def idx(path: Path, array: np.ndarray) -> None:
    """Writes an array as MNIST's files have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    path.write_bytes(header + array.tobytes())


@pytest.fixture(params=["MNIST", "FashionMNIST"])
def mnist(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, np.ndarray, np.ndarray]:
    """Ten small pictures to train on and five to test on, in the published format."""
    kind, pixels, labels = request.param, RNG.integers(0, 256, (15, 28, 28), np.uint8), np.arange(15, dtype=np.uint8)
    raw = tmp_path / kind / "raw"
    for name, part in (("train", slice(10)), ("t10k", slice(10, 15))):
        idx(raw / f"{name}-images-idx3-ubyte", pixels[part])
        idx(raw / f"{name}-labels-idx1-ubyte", labels[part] % 10)
    return {"MNIST": "mnist", "FashionMNIST": "fashion_mnist"}[kind], raw, pixels, labels % 10


def test_mnist_is_both_of_its_files_scaled_to_one(mnist: tuple[str, Path, np.ndarray, np.ndarray]) -> None:
    name, raw, pixels, labels = mnist
    found = load(f"{name}:{raw.parents[1]}")
    np.testing.assert_array_equal(found.inputs, pixels.reshape(15, 784).astype(np.float32) / 255)
    assert (found.labels == labels).all()
    assert len(found.classes) == 10 and found.classes[0] == {"mnist": "0"}.get(name, "T-shirt/top")
    train, test = split(found, "published", 0)
    assert train.tolist() == list(range(10)) and test.tolist() == list(range(10, 15))


@pytest.mark.parametrize("damage", [b"", b"no picture", None])
def test_mnist_that_is_damaged_or_missing_says_where_to_put_it(
    mnist: tuple[str, Path, np.ndarray, np.ndarray], damage: bytes | None
) -> None:
    name, raw, _, _ = mnist
    path = raw / "t10k-images-idx3-ubyte"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(WbsiteError, match="neither readable in") as error:
        load(f"{name}:{raw.parents[1]}")
    assert str(raw) in error.value.hint


def test_mnist_with_a_label_too_few_is_refused(mnist: tuple[str, Path, np.ndarray, np.ndarray]) -> None:
    name, raw, _, labels = mnist
    idx(raw / "t10k-labels-idx1-ubyte", labels[10:14])
    with pytest.raises(WbsiteError, match="15 samples and labels of shape"):
        load(f"{name}:{raw.parents[1]}")


def test_digits_are_of_zero_to_one_and_have_no_split() -> None:
    found = load("digits")
    assert found.inputs.shape == (1797, 64) and found.inputs.dtype == np.float32
    assert found.inputs.min() == 0 and found.inputs.max() == 1
    assert found.split is None
    with pytest.raises(WbsiteError, match="no split of these samples is published"):
        split(found, "published", 0)
    with pytest.raises(WbsiteError, match="digits takes nothing after the colon"):
        load("digits:8")


def test_cifar10_as_samples_is_its_pictures_flattened(monkeypatch: pytest.MonkeyPatch) -> None:
    from wbsite.datasets import cifar10
    from wbsite.datasets.base import Pictures

    parts = {
        name: Pictures(RNG.integers(0, 256, (n, 3, 32, 32), np.uint8), np.arange(n) % 2, ("cat", "dog"))
        for name, n in (("train", 6), ("test", 3))
    }
    monkeypatch.setattr(cifar10, "load", lambda argument, part, size, progress: parts[part])
    found = load("cifar10")
    assert found.inputs.shape == (9, 3072)
    np.testing.assert_array_equal(found.inputs[7], parts["test"].images[1].ravel().astype(np.float32) / 255)
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert [part.tolist() for part in found.split or ()] == [[0, 1, 2, 3, 4, 5], [6, 7, 8]]


def test_a_random_split_takes_its_share_of_every_class() -> None:
    found = made(50, 33, 17)
    train, test = split(found, "random", 3)
    assert sorted([*train, *test]) == list(range(100))
    assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
    assert len(test) == 20
    assert np.bincount(found.labels[test]).tolist() == [10, 7, 3]
    assert train.dtype == test.dtype == np.int64


def test_a_random_split_is_decided_by_its_seed() -> None:
    found = made(40, 40)
    first, again, other = (split(found, "random", seed)[1].tolist() for seed in (5, 5, 6))
    assert first == again != other
    assert split(made(6, 6), "random", 0)[1].tolist() == [1, 11], "another split from the same seed changes results"


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_random_split_leaves_no_class_out_of_either_part(share: float) -> None:
    found = made(2, 90, 5)
    for part in split(found, "random", 0, share):
        assert set(found.labels[part]) == {0, 1, 2}


def test_a_split_of_harmonics_has_the_published_sizes() -> None:
    assert [len(part) for part in split(load("harmonics"), "random", 0)] == [3277, 819]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "shuffled"}, "unknown split 'shuffled'"),
        ({"seed": -1}, "seed of the split is -1"),
        ({"seed": 2**32}, "seed of the split"),
        ({"share": 0}, "share to test on is 0"),
        ({"share": 1.0}, "share to test on is 1.0"),
        ({"share": float("nan")}, "share to test on is nan"),
    ],
)
def test_a_split_that_is_none_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        split(made(5, 5), **{"kind": "random", "seed": 0, **given})


def test_a_class_with_one_sample_cannot_be_split_at_random() -> None:
    with pytest.raises(WbsiteError, match="there is one of 'b'"):
        split(made(5, 1), "random", 0)


def test_the_digest_tells_every_part_apart() -> None:
    one = made(4, 4)
    halves = (np.arange(4), np.arange(4, 8))
    others = [
        replace(one, inputs=one.inputs + 1),
        replace(one, inputs=one.inputs.reshape(4, 2)),
        replace(one, labels=1 - one.labels),
        replace(one, classes=("a", "c")),
        replace(one, split=halves),
        replace(one, split=halves[::-1]),
        replace(one, split=(np.arange(3), np.arange(3, 8))),
    ]
    assert len({each.digest for each in (one, *others)}) == 8
    assert replace(one, inputs=np.asfortranarray(one.inputs)).digest == one.digest


def test_pictures_are_not_asked_of_samples_nor_samples_of_pictures() -> None:
    with pytest.raises(WbsiteError, match="textures has no samples") as error:
        load("textures")
    assert "harmonics" in error.value.hint and "imagefolder" not in error.value.hint
    for ask in (files_of, lambda name: caption(name, 3), lambda name: datasets.load(name, "test", 32, Progress())):
        with pytest.raises(WbsiteError, match="harmonics has no pictures") as error:
            ask("harmonics")
        assert "imagefolder" in error.value.hint and "digits" not in error.value.hint


def test_training_on_pictures_of_a_data_set_without_them_is_bad_input(cli: Callable[..., Any]) -> None:
    for name in ("banding", "simplified_32"):
        ran = cli("train", name, "--dataset", "harmonics")
        assert ran.status == 2
        assert "harmonics has no pictures" in ran.err
