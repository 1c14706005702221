"""Arrays read with the wrong axes or scale would publish pictures of weights no network has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

CONV = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2) / 7


def test_npz_with_caffe_names(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    fixed = np.array([[-128, 64, 5, 0]], dtype=np.int16)
    np.savez(path, **{"conv1.weight": CONV.astype(np.float16), "fc.weight": fixed})
    contents = read(path)
    assert contents.bgr
    np.testing.assert_array_equal(contents.state["conv1.weight"].numpy(), CONV.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(contents.state["fc.weight"].numpy(), np.float32([[-1, 0.5, 5 / 128, 0]]))


def test_npz_with_quantised_keras_kernels(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    levels = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    names = {
        "block1_conv1/kernel": levels,
        "block1_conv1/kernel|q": np.array([0.25, -3.0]),
        "block1_conv1/bias": np.array([0, 2, 4, 6, 8], dtype=np.uint8),
        "block1_conv1/bias|q": np.array([0.5, 1.0]),
        "fc1/kernel": np.ones((7, 5), dtype=np.float32),
    }
    np.savez(path, **names)
    state = read(path).state
    assert set(state) == {"block1_conv1.weight", "block1_conv1.bias", "fc1.weight"}
    assert state["block1_conv1.weight"].shape == (5, 4, 2, 3)
    assert state["block1_conv1.weight"][4, 3, 1, 2] == 119 * 0.25 - 3
    assert state["block1_conv1.weight"][1, 0, 0, 2] == levels[0, 2, 0, 1] * 0.25 - 3
    assert state["block1_conv1.bias"].tolist() == [1, 2, 3, 4, 5]
    assert state["fc1.weight"].shape == (5, 7)


def test_npz_with_objects_is_refused_without_running_them(tmp_path: Path, malicious: Callable[[Path], Any]) -> None:
    path, created = tmp_path / "net.npz", tmp_path / "created"
    np.savez(path, **{"conv1.weight": np.array([malicious(created)], dtype=object)})
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert "is truncated or is not an .npz file of plain arrays" in caught.value.message
    assert caught.value.hint
    assert not created.exists()
