"""Half precision of either kind is read as the numbers it stands for."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from wbsite.models.formats import read


def test_safetensors_with_bfloat16(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"conv.weight": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}, path)
    assert read(path).state["conv.weight"].tolist() == [1.5, -2.0]
    assert read(path).state["conv.weight"].dtype == torch.float32
