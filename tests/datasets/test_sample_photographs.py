"""The photographs that are always there: the same crops every time, from both pictures, without a network."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets import sample_photographs
from wbsite.datasets.sample_photographs import COUNT


def test_the_same_crops_every_time_and_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> None:
        raise AssertionError(f"the network is asked: {given}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = datasets.load("sample_photographs", "test", 48, Progress())
    assert found.images.shape == (COUNT, 3, 48, 48)
    assert found.images.dtype == np.uint8
    assert np.bincount(found.labels).tolist() == [COUNT // 2, COUNT // 2]
    assert datasets.load("sample_photographs", "test", 48, Progress()).digest == found.digest
    assert datasets.load("sample_photographs", "train", 48, Progress()).digest != found.digest


def test_crops_differ_and_show_the_same_part_at_any_size() -> None:
    large = datasets.load("sample_photographs", "test", 96, Progress()).images.astype(float)
    small = datasets.load("sample_photographs", "test", 32, Progress()).images.astype(float)
    means = large.mean(axis=(2, 3))
    assert len(np.unique(means, axis=0)) == COUNT
    np.testing.assert_allclose(small.mean(axis=(2, 3)), means, atol=3)
    assert large.std(axis=(1, 2, 3)).min() > 5, "a crop without anything to see"


def test_the_photographs_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_sample_images

    photographs = [np.asarray(Image.open(file).convert("RGB")) for file in sample_photographs._files()]
    for found, expected in zip(photographs, load_sample_images().images, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_nothing_may_stand_after_the_colon() -> None:
    with pytest.raises(WbsiteError, match="takes nothing after the colon"):
        datasets.load("sample_photographs:china", "test", 32, Progress())
