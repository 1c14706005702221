"""State dicts are found wherever scripts keep them, and no code in a file is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(
    tmp_path: Path, malicious: Callable[[Path], Any], zipped: bool
) -> None:
    path, created = tmp_path / "net.pth", tmp_path / "created"
    state = {"conv1.weight": torch.ones(1), "more": malicious(created)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert "net.pth is refused: besides tensors it calls for" in caught.value.message
    assert "mkdir" in caught.value.message
    assert "loading that would run code" in caught.value.message
    assert "torch.save(model.state_dict(), …)" in caught.value.hint
    assert not created.exists()


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_torch_files_with_and_without_wrapping(tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    path = tmp_path / "net.pth"
    state = {f"{prefix}conv.weight": torch.ones(2, 3).half(), f"{prefix}norm.num_batches_tracked": torch.tensor(3)}
    torch.save({wrapper: state, "epoch": 4} if wrapper else state, path)
    contents = read(path)
    assert not contents.bgr
    assert list(contents.state) == ["conv.weight"]
    assert contents.state["conv.weight"].dtype == torch.float32
