"""Weights in several files with an index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import format_of, read

from .writers.torch import net, shards


def test_they_are_read_as_one(tmp_path: Path) -> None:
    path = shards(tmp_path / "net.safetensors.index.json")
    contents, expected = read(path), net().state_dict()
    assert format_of(path).name == "sharded"
    assert "2 files" in contents.format
    numbers = {name: value for name, value in expected.items() if value.is_floating_point()}
    assert contents.state.keys() == numbers.keys()
    assert all(torch.equal(contents.state[name], value) for name, value in numbers.items())


def test_files_of_pytorch_are_joined_too(tmp_path: Path) -> None:
    state = net().state_dict()
    torch.save(state, tmp_path / "pytorch_model-00001-of-00001.bin")
    path = tmp_path / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"weight_map": dict.fromkeys(state, "pytorch_model-00001-of-00001.bin")}))
    assert torch.equal(read(path).state["second.weight"], state["second.weight"])


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"a.weight": "../net.safetensors"}, "not a file beside it"),
        ({"a.weight": "there.safetensors"}, "joins there.safetensors, which is not beside it"),
        ({"a.weight": "text.safetensors"}, "neither of safetensors nor of PyTorch"),
        ({}, "no weight_map"),
        ({"a.weight": 3}, "no weight_map"),
        ({"another.weight": "net-00001-of-00002.safetensors"}, "hold none of the weights it names"),
    ],
)
def test_what_it_joins_lies_beside_it_and_holds_what_it_says(
    tmp_path: Path, places: dict[str, object], message: str
) -> None:
    path = shards(tmp_path / "net.safetensors.index.json")
    (tmp_path / "text.safetensors").write_text("nothing of the kind")
    path.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(WbsiteError, match=message):
        read(path)
