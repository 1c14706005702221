"""Weights of compiled modules are those of the modules, and none of their code is needed for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import format_of, read
from wbsite.models.user import load_weights

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")


class Net(nn.Module):
    """Two convolutions that share a weight, a buffer, and a list of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.second = nn.Conv2d(4, 4, 3, groups=2)
        self.third = nn.Conv2d(4, 4, 3, groups=2)
        self.third.weight = self.second.weight
        self.register_buffer("scale", torch.tensor([2.0, 3.0]))
        self.sizes = [1, 2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.second(self.first(x))) * self.scale.sum()


@pytest.fixture
def net() -> Net:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net().eval()


def saved(net: nn.Module, how: str, path: Path) -> Path:
    compiled = torch.jit.script(net) if how == "scripted" else torch.jit.trace(net, torch.rand(1, 3, 9, 9))
    torch.jit.save(compiled, path)
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("how", ["scripted", "traced"])
def test_names_and_numbers_are_the_modules(how: str, dtype: torch.dtype, net: Net, tmp_path: Path) -> None:
    if how == "traced" and dtype == torch.float16:
        pytest.skip("nothing to be traced in half precision on every processor")
    net = net.to(dtype)
    path = tmp_path / "net.pt"
    torch.jit.save(torch.jit.script(net), path) if how == "scripted" else torch.jit.save(
        torch.jit.trace(net, torch.rand(1, 3, 9, 9, dtype=dtype)), path
    )
    contents = read(path)
    assert contents.format == "TorchScript"
    expected = {name: value for name, value in net.state_dict().items() if value.is_floating_point()}
    assert contents.state.keys() == expected.keys()
    assert all(torch.equal(contents.state[name], value.float()) for name, value in expected.items())


def test_a_users_network_takes_them(net: Net, tmp_path: Path) -> None:
    path, other = saved(net, "scripted", tmp_path / "weights.pth"), Net().eval()
    load_weights(other, "mynet:build", path)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in other.state_dict().items())


def test_a_frozen_modules_weights_are_constants(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "frozen.pt"
    torch.jit.save(torch.jit.freeze(torch.jit.script(net)), path)
    numbers = [value for name, value in read(path).state.items() if name.startswith("constants.")]
    assert any(value.shape == net.second.weight.shape and torch.equal(value, net.second.weight) for value in numbers)


def test_what_calls_for_more_than_attributes_is_refused(net: Net, tmp_path: Path) -> None:
    whole, changed = saved(net, "scripted", tmp_path / "net.pt"), tmp_path / "changed.pt"
    with zipfile.ZipFile(whole) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            data = (
                b"\x80\x02cbuiltins\nprint\nX\x03\x00\x00\x00run\x85R."
                if name.endswith("/data.pkl")
                else before.read(name)
            )
            after.writestr(name, data)
    assert format_of(changed).name == "torchscript"
    with pytest.raises(WbsiteError, match=r"its attributes call for builtins\.print"):
        read(changed)


def test_a_pickle_that_would_need_far_more_memory_than_it_has_bytes_is_refused(net: Net, tmp_path: Path) -> None:
    """It keeps its only object under the number 200: Python makes room for all numbers below, whatever they are."""
    whole, changed = saved(net, "scripted", tmp_path / "net.pt"), tmp_path / "changed.pt"
    with zipfile.ZipFile(whole) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            after.writestr(name, b"\x80\x02}q\xc8." if name.endswith("/data.pkl") else before.read(name))
    with pytest.raises(WbsiteError, match="truncated or is no TorchScript archive"):
        read(changed)
