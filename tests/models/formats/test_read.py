"""The reader is chosen, and what it cannot read is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files_are_called_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"net{suffix}"
    state = {"conv.weight": torch.randn(8, 4, 5, 5), "conv.bias": torch.randn(8)}
    if suffix == ".pth":
        torch.save(state, path)
    elif suffix == ".npz":
        np.savez_compressed(path, **{key: value.numpy() for key, value in state.items()})
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert "truncated" in caught.value.message or "damaged" in caught.value.message
    assert "again" in caught.value.hint


def test_other_files_are_refused_with_the_kinds_expected(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"\x89HDF")
    with pytest.raises(WbsiteError, match=r"expected one of \.caffemodel, \.npz, \.pth, \.pt, \.safetensors"):
        read(path)
    with pytest.raises(WbsiteError, match="there is no weights file"):
        read(tmp_path / "absent.pth")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    with pytest.raises(WbsiteError, match="holds a list; expected a dictionary of tensors"):
        read(tmp_path / "list.pth")
