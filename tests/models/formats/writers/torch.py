"""Writes a network of two convolutions as torch, safetensors and NumPy do."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn


class Net(nn.Module):
    """Two convolutions, with a weight of their own, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.second = nn.Conv2d(4, 4, 3, groups=2)
        self.register_buffer("scale", torch.tensor([2.0, 3.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)) * self.scale.sum()


def net() -> Net:
    """The network, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net().eval()


def checkpoint(path: Path, zipped: bool = True) -> Path:
    """What training leaves: weights among a counter and options."""
    content: dict[str, Any] = {"epoch": 3, "state_dict": net().state_dict(), "options": {"rate": 0.1}}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def whole_module(path: Path) -> Path:
    """A module that was saved whole, of a class that a reader may not import."""
    torch.save(net(), path)
    return path


def tensors(path: Path) -> Path:
    """A file of safetensors."""
    save_file(net().state_dict(), path)
    return path


def arrays(path: Path, compressed: bool = False) -> Path:
    """An archive of NumPy with Caffe's names."""
    state = {name: value.numpy() for name, value in net().state_dict().items() if value.is_floating_point()}
    (np.savez_compressed if compressed else np.savez)(path, **state)
    return path


def script(path: Path) -> Path:
    """A compiled module; torch warns that it will drop these."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.trace(net(), torch.rand(1, 3, 9, 9)), path)
    return path


def shards(path: Path) -> Path:
    """An index, with two files of safetensors beside it."""
    state = net().state_dict()
    names = list(state)
    halves = {"net-00001-of-00002.safetensors": names[:2], "net-00002-of-00002.safetensors": names[2:]}
    for file, held in halves.items():
        save_file({name: state[name] for name in held}, path.parent / file)
    places = {name: file for file, held in halves.items() for name in held}
    path.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": places}))
    return path


def program(path: Path) -> Path:
    """An exported program."""
    torch.export.save(torch.export.export(net(), (torch.rand(1, 3, 9, 9),)), path)
    return path
