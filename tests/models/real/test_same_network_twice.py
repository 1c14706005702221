"""facenet-pytorch and mtcnn publish the same three networks, of torch and of TensorFlow: a check of both readers."""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    original = package("facenet") / f"{network}.pt"
    ours = read(original).state
    path = as_keras(package("mtcnn") / f"{network}.lz4", network, tmp_path / "net.weights.h5", original)
    theirs = {key.replace(".alpha", ".weight"): value for key, value in read(path).state.items()}
    assert theirs.keys() == ours.keys()
    for key, value in ours.items():
        other = theirs[key].flatten() if key.startswith("prelu") else theirs[key]
        np.testing.assert_array_equal(other.numpy(), value.numpy(), err_msg=key, strict=True)


def test_pages_of_both_are_the_same_but_for_provenance(
    cli: Callable[..., Any], work: Path, package: Callable[[str], Path]
) -> None:
    """Every file of O-Net's pages, and every line but those on where the numbers come from and what stays unknown."""
    original = package("facenet") / "onet.pt"
    (work / "wbsite.toml").write_text('models = ["./onet"]\narticles = ["weight-banding"]\n')
    sites = []
    for source in ("torch", "keras"):
        if source == "torch":
            shutil.copy(original, work / "onet")
        else:
            as_keras(package("mtcnn") / "onet.lz4", "onet", work / "onet", original)
        for command in ("compute", "render"):
            ran = cli(command)
            assert ran.status == 0, ran.err
        folder = work / "build" / "docs" / "models" / "onet"
        sites.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    ours, theirs = sites
    assert ours.keys() == theirs.keys() and len(ours) > 100
    differ = {path for path, content in ours.items() if content != theirs[path]}
    assert differ == {Path("index.md")}
    pages = [site[Path("index.md")].decode().splitlines() for site in sites]
    lines = list(difflib.unified_diff(*pages, lineterm="", n=0))[2:]
    changed = [line for line in lines if line[0] in "+-"]
    assert len(changed) == 8
    for line in changed:
        assert re.search("SHA-256 of the weights|digest of the source|source format|cannot be told from", line), line


def test_mtcnn_s_own_file_is_refused(package: Callable[[str], Path]) -> None:
    """It is a pickle within LZ4: nothing is unpacked or run."""
    with pytest.raises(WbsiteError, match=r"archive \(LZ4\)"):
        read(package("mtcnn") / "onet.lz4")
