"""facenet-pytorch and mtcnn publish the same three networks, of torch and of TensorFlow: a check of both readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .mtcnn import HEADS, as_keras


@pytest.mark.parametrize("network", HEADS)
def test_both_have_the_same_numbers_to_the_last_bit(
    tmp_path: Path, package: Callable[[str], Path], network: str
) -> None:
    """Kernels, biases and slopes of PReLU; of these Keras has (1, 1, C) after convolutions.

    The first dense layer needs no more than its axes exchanged, since both flatten columns before rows before channels.
    """
    ours = read(package("facenet") / f"{network}.pt").state
    path = as_keras(package("mtcnn") / f"{network}.lz4", network, tmp_path / "net.weights.h5")
    theirs = {}
    for key, value in read(path).state.items():
        name, _, part = key.rpartition(".")
        theirs[f"{HEADS[network].get(name, name)}.{'weight' if part == 'alpha' else part}"] = value
    assert theirs.keys() == ours.keys()
    for key, value in ours.items():
        other = theirs[key].flatten() if key.startswith("prelu") else theirs[key]
        np.testing.assert_array_equal(other.numpy(), value.numpy(), err_msg=key, strict=True)


def test_mtcnn_s_own_file_is_refused(package: Callable[[str], Path]) -> None:
    """It is a pickle within LZ4: nothing is unpacked or run."""
    with pytest.raises(WbsiteError, match=r"archive \(LZ4\)"):
        read(package("mtcnn") / "onet.lz4")
