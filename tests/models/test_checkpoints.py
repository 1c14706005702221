"""The weights of one network, saved in the ways that training leaves them, are the same weights."""

from __future__ import annotations

import argparse
import collections
import copy
import pathlib
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models.user import load_weights

from .damage import assert_damage_is_survived


class Net(nn.Module):
    """Two convolutions, a batch norm and a head."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.stem = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, groups=2), nn.ReLU(), nn.Conv2d(8, 4, 1))
        self.head = nn.Linear(4, 2)
        self.norm.running_mean.normal_()


class Wrapped(nn.Module):
    """A part of a larger model."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.encoder = net
        self.projector = nn.Sequential(nn.Linear(2, 2), nn.ReLU())


class Settings:
    """An object of a class that is not there where the file is read."""

    def __init__(self) -> None:
        self.rate = 0.1


def net() -> Net:
    with torch.random.fork_rng(devices=[]):
        return Net().eval()


def other() -> Net:
    with torch.random.fork_rng(devices=[]):
        return Net(1).eval()


def state(prefix: str = "", of: Callable[[], nn.Module] = net) -> dict[str, torch.Tensor]:
    return {prefix + name: value.clone() for name, value in of().state_dict().items()}


def rounded(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in state().items()}


def eight_bits(kind: str) -> dict[str, torch.Tensor]:
    made: dict[str, torch.Tensor] = {}
    for name, value in state().items():
        if value.ndim < 2:
            made[name] = value
            continue
        largest = value.flatten(1).abs().amax(1)
        if kind == "int8":
            scale = largest / 127
            made[name] = (value / scale.reshape(-1, *(1,) * (value.ndim - 1))).round().to(torch.int8)
            made[f"{name}_scale"] = scale
        elif kind == "SCB":
            made[name] = (value * 127 / largest.reshape(-1, *(1,) * (value.ndim - 1))).round().to(torch.int8)
            made[f"{name.removesuffix('.weight')}.SCB"] = largest
        else:
            scale = value.abs().max() / 448
            made[name], made[f"{name}_scale_inv"] = (value / scale).to(torch.float8_e4m3fn), scale
    return made


def lightning() -> dict[str, Any]:
    return {
        "epoch": 3, "global_step": 12, "pytorch-lightning_version": "2.4.0", "state_dict": state("model."),
        "callbacks": {"ModelCheckpoint": {"best": pathlib.PurePosixPath("a/b.ckpt"), "best_score": np.float64(0.3)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}], "hyper_parameters": {"lr": 0.1},
    }  # fmt: skip


def with_optimiser() -> dict[str, Any]:
    model = net()
    optimiser = torch.optim.Adam(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()  # type: ignore[union-attr]
    optimiser.step()
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 3)
    return {"model": state(), "optimizer": optimiser.state_dict(), "scheduler": schedule, "epoch": 2}


WAYS: dict[str, Callable[[], Any]] = {
    "the state dict": state,
    "state_dict": lambda: {"epoch": 3, "state_dict": state(), "best_acc1": torch.tensor(71.2)},
    "model": lambda: {"model": state(), "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("a"))},
    "net": lambda: {"net": state(), "acc": 93.1, "epoch": 7},
    "model_state_dict": lambda: {"model_state_dict": state(), "loss": np.float32(0.25)},
    "params of BasicSR": lambda: {"params": state(), "params_ema": state()},
    "an average beside it": lambda: {"state_dict": state(of=other), "state_dict_ema": state()},
    "an average in it": lambda: {"state_dict": {**state("model.", other), **state("ema_model.")}},
    "a teacher and its student": lambda: {
        "student": {**state("module.backbone.", other), "module.head.mlp.weight": torch.ones(3, 3)},
        "teacher": {**state("backbone."), "head.mlp.weight": torch.ones(3, 3)},
    },
    "an averaged model": lambda: {"n_averaged": torch.tensor(4), **state("module.")},
    "Lightning": lightning,
    "DeepSpeed": lambda: {"module": state(), "dp_world_size": 2, "ds_version": "0.14", "buffer_names": ["a"]},
    "DataParallel": lambda: state("module."),
    "torch.compile": lambda: state("_orig_mod."),
    "both": lambda: {"state_dict": state("module._orig_mod.")},
    "DataParallel inside": lambda: {
        name.replace("body.", "body.module."): value for name, value in state().items()
    },
    "an encoder": lambda: Wrapped(net()).state_dict(),
    "a backbone of a detector": lambda: {
        **state("backbone.body."), "rpn.head.conv.weight": torch.ones(3, 3, 3, 3), "rpn.head.conv.bias": torch.ones(3)
    },
    "a prefix the network has and the file lacks": state,
    "with a profiler's counters": lambda: {
        **state(), "total_ops": torch.zeros(1).double(), "stem.total_params": torch.zeros(1).double()
    },
    "half precision": lambda: rounded(torch.float16),
    "bfloat16": lambda: rounded(torch.bfloat16),
    "double precision": lambda: rounded(torch.float64),
    "eight bits with scales": lambda: eight_bits("int8"),
    "eight bits of bitsandbytes": lambda: eight_bits("SCB"),
    "eight bits floating, with scales": lambda: eight_bits("fp8"),
    "arrays of NumPy": lambda: {"model": {name: value.numpy() for name, value in state().items()}, "matching": True},
    "the module itself": net,
    "a checkpoint with the module": lambda: {"epoch": -1, "model": net().half(), "ema": None, "opt": Settings()},
    "an optimiser and a scheduler": with_optimiser,
    "objects of other packages": lambda: {"state_dict": state(), "settings": Settings()},
    "a dictionary with a default": lambda: {
        "model": collections.defaultdict(None, state()), "history": collections.defaultdict(list, {"loss": [1.0]})
    },
    "the archive's older form": state,
    "safetensors": state,
}  # fmt: skip
"""What is saved, by what it is called in the field."""

ROUNDING = {
    "half precision": 1e-3, "a checkpoint with the module": 1e-3, "bfloat16": 1e-2, "eight bits with scales": 1e-2,
    "eight bits of bitsandbytes": 1e-2, "eight bits floating, with scales": 0.07,
}  # fmt: skip
"""Largest difference, as a share of the largest number of a tensor."""


def saved(way: str, folder: Path) -> Path:
    content, path = WAYS[way](), folder / "last.ckpt"
    if way == "safetensors":
        save_file(content, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=way != "the archive's older form")
    return path


def loaded(source: str | Path, prefixed: bool = False) -> tuple[dict[str, torch.Tensor], str]:
    empty = Wrapped(other()).encoder if not prefixed else other()
    target: nn.Module = nn.ModuleDict({"backbone": empty}) if prefixed else empty
    reading = load_weights(target, "mynet:build", source)["reading"]
    return dict(empty.state_dict()), reading


def test_there_are_thirty_ways() -> None:
    assert len(WAYS) >= 30


@pytest.mark.parametrize("way", WAYS)
def test_all_ways_give_the_same_weights(way: str, tmp_path: Path) -> None:
    path = saved(way, tmp_path)
    Settings.__module__, before = "a_package_that_is_gone", Settings.__module__
    try:
        found, _ = loaded(path, prefixed="a prefix the network has" in way)
    finally:
        Settings.__module__ = before
    for name, value in net().state_dict().items():
        if value.is_floating_point():
            bound = ROUNDING.get(way, 0.0) * float(value.abs().max())
            assert float((found[name] - value).abs().max()) <= bound, name


def test_what_was_chosen_is_said_and_can_be_chosen(tmp_path: Path) -> None:
    path = saved("an average beside it", tmp_path)
    _, reading = loaded(path)
    assert "under state_dict_ema" in reading
    assert "last.ckpt#state_dict" in reading
    raw, reading = loaded(f"{path}#state_dict")
    assert torch.equal(raw["stem.weight"], other().stem.weight)
    assert "average" not in reading
    with pytest.raises(WbsiteError, match="no weights under 'best'") as caught:
        loaded(f"{path}#best")
    assert "state_dict, state_dict_ema" in caught.value.hint
    named = tmp_path / "run#2.pth"
    torch.save(state(), named)
    assert loaded(named)[1] == ""


def test_prefixes_that_the_network_has_stay(tmp_path: Path) -> None:
    whole = nn.ModuleDict({"module": net(), "backbone": other()})
    torch.save(whole.state_dict(), tmp_path / "net.pth")
    target = nn.ModuleDict({"module": other(), "backbone": net()})
    assert load_weights(target, "mynet:build", tmp_path / "net.pth")["reading"] == ""
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in target.state_dict().items())


def test_parts_that_the_network_lacks_are_named(tmp_path: Path) -> None:
    torch.save({**state(), "aux.0.weight": torch.ones(3, 3)}, tmp_path / "net.pth")
    assert "aux.0.weight" in loaded(tmp_path / "net.pth")[1]
    torch.save({**state(), "body.4.weight": torch.ones(3, 3)}, tmp_path / "deeper.pth")
    with pytest.raises(WbsiteError, match=r"body\.4\.weight: not in the network"):
        loaded(tmp_path / "deeper.pth")


def test_where_nothing_fits_the_closest_is_shown(tmp_path: Path) -> None:
    changed = state("model.")
    changed["model.stem.weight"] = torch.ones(8, 3, 5, 5)
    del changed["model.head.bias"]
    torch.save({"state_dict": changed}, tmp_path / "net.pth")
    with pytest.raises(WbsiteError) as caught:
        loaded(tmp_path / "net.pth")
    message = caught.value.message
    assert "of its 12 parameters 10 are there (under state_dict.model)" in message
    assert "stem.weight: (8, 3, 3, 3) in the network, (8, 3, 5, 5) in the file" in message
    assert "head.bias: (2,) in the network, not in the file" in message
    many = {f"layer{i}.weight": torch.ones(2, 2) for i in range(30)}
    torch.save(many, tmp_path / "other.pth")
    with pytest.raises(WbsiteError, match="another network than mynet:build: no parameter") as caught:
        loaded(tmp_path / "other.pth")
    assert caught.value.message.count("\n") == 11, "ten differences, and how many more"


class Calls:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


CODE: dict[str, tuple[Any, ...]] = {
    "print": (print, "run"),
    "a file's method": (pathlib.Path.touch, pathlib.PurePosixPath("here")),
    "eval": (eval, "1"),
    "another unpickler": (pickle.loads, pickle.dumps(1)),
    "torch's nested reader": (torch.storage._load_from_bytes, b""),
    "getattr": (getattr, "a", "b"),
    "a long range": (list, range(10)),
    "many bytes": (bytearray, 10),
    "an array of a size": (np.ndarray, (10,)),
    "a tensor of a size": (torch.Tensor, 10),
}


@pytest.mark.parametrize("old", [True, False], ids=["older form", "archive"])
@pytest.mark.parametrize("wrapping", ["", "state_dict", "args", "a module's attribute", "a name"])
@pytest.mark.parametrize("code", CODE)
def test_code_in_a_pickle_is_refused_and_not_run(
    code: str, wrapping: str, old: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, content = Calls(*CODE[code]), state()
    holder = copy.deepcopy(net())
    holder.extra = calls
    checkpoint: Any = {
        "": calls,
        "state_dict": {"state_dict": {**content, "x": calls}},
        "args": {"model": content, "args": argparse.Namespace(call=calls)},
        "a module's attribute": holder,
        "a name": {"model": content, (calls, 1): 2},
    }[wrapping]
    torch.save(checkpoint, tmp_path / "net.pth", _use_new_zipfile_serialization=not old)
    capsys.readouterr()
    with pytest.raises(WbsiteError, match="is refused: besides tensors it calls for"):
        loaded(tmp_path / "net.pth")
    assert "run" not in capsys.readouterr().out


def test_few_numbers_that_are_said_to_be_many_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    for many in (torch.zeros(1).expand(10**6, 10**6), torch.eye(2).to_sparse().sparse_resize_((10**6, 10**6), 2, 0)):
        torch.save({**state(), "head.weight": many}, path)
        with pytest.raises(WbsiteError, match="says that it has 1000000000000 numbers"):
            loaded(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", pickle.dumps({}))
        archive.writestr("net/data/0", bytes(2**26))
    with pytest.raises(WbsiteError, match="says that it holds"):
        loaded(path)


def test_four_bits_are_refused_in_words(tmp_path: Path) -> None:
    packed = {**state(), "head.weight": torch.zeros(4, 1, dtype=torch.uint8), "head.weight.absmax": torch.ones(1)}
    torch.save(packed, tmp_path / "net.pth")
    with pytest.raises(WbsiteError, match=r"weights of four bits \(head\.weight\.absmax\)"):
        loaded(tmp_path / "net.pth")


@pytest.mark.parametrize(
    "way", ["Lightning", "the module itself", "objects of other packages", "the archive's older form"]
)
def test_damaged_checkpoints_are_refused_or_read(way: str, tmp_path: Path) -> None:
    assert_damage_is_survived(saved(way, tmp_path), loaded)
