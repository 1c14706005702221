"""Input that is odd rather than wrong at first sight: one message that says what it is, and nothing lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_model

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.models import formats
from wbsite.models.user import load_user

NETS = """
import torch
from torch import nn

def meta():
    with torch.device("meta"):
        return nn.Sequential(nn.Conv2d(3, 4, 3))

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.c = self.b

    def forward(self, x):
        return self.c(self.b(self.a(x)))

def named(*names):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.d = nn.ModuleDict({name: nn.Conv2d(3, 3, 3, padding=1) for name in names})

        def forward(self, x):
            for layer in self.d.values():
                x = layer(x)
            return x

    return Named()

def odd_names():
    return named("a b", "a\\\\b", "|p|", "-", "é", "x" * 300)
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "odd_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "odd_nets", raising=False)
    return tmp_path


def test_a_network_without_values_says_so(nets: Path) -> None:
    with pytest.raises(WbsiteError, match="meta device, without values") as error:
        load_user("odd_nets:meta")
    assert "to_empty" in error.value.hint


def test_weights_of_tied_modules_load_as_safetensors_keeps_them(nets: Path) -> None:
    import odd_nets

    torch.manual_seed(3)
    net = odd_nets.Tied()
    save_model(net, "tied.safetensors")
    loaded = load_user("odd_nets:Tied@tied.safetensors").module
    assert torch.equal(loaded.b.weight, net.b.weight)
    assert loaded.c.weight is loaded.b.weight


def test_an_empty_name_after_the_at_sign_is_not_taken_for_no_weights(nets: Path) -> None:
    with pytest.raises(WbsiteError, match="names no weights file after the @"):
        load_user("odd_nets:Tied@")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({1: torch.ones(2)}, "no floating-point tensors by name"),
        ({"ema": {"a": "text"}}, "holds dict under ema"),
        ({"a": torch.ones(2, dtype=torch.int8)}, "int8 under a"),
        ({"a": torch.empty(2, device="meta")}, "no values"),
    ],
)
def test_a_file_that_is_whole_but_holds_no_weights_is_not_called_damaged(
    content: dict[Any, Any], said: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(WbsiteError, match=said) as error:
        formats.read(tmp_path / "a.pth")
    assert "damaged" not in str(error.value)


@pytest.mark.filterwarnings("ignore:Validating sparse tensor:UserWarning")
def test_sparse_weights_are_read(tmp_path: Path) -> None:
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "a.pth")
    assert torch.equal(formats.read(tmp_path / "a.pth").state["a"], torch.eye(3))


def test_every_truncation_and_many_flipped_bytes_of_an_old_pth_are_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a": torch.ones(4, 4)}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(0, len(whole), 7)]
    damaged += [whole[:n] + bytes([whole[n] ^ 0x55]) + whole[n + 1 :] for n in range(0, len(whole), 5)]
    for data in damaged:
        path.write_bytes(data)
        with suppress(WbsiteError):  # nothing else may come out; some flips only change a weight
            formats.read(path)


def test_a_scheduler_that_is_no_address_is_refused_even_when_nothing_is_to_compute() -> None:
    with pytest.raises(WbsiteError, match="scheduler is 'foo'"):
        Config(scheduler="foo")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full, a full disk, is not here")
def test_a_table_that_cannot_be_written_says_so(
    environment: dict[str, str], speck_weights: Path, tmp_path: Path
) -> None:
    command = ["export", "banding", "--model", "speck", "--weights-dir", str(speck_weights)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wbsite.cli", *command],
            cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 2
    assert "the result cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_layers_whose_names_make_no_folder_names_have_pages_of_their_own(
    process: Callable[..., Any], copy_store: Callable[[Path], None], tmp_path: Path
) -> None:
    copy_store(tmp_path)
    (tmp_path / "odd_nets.py").write_text(NETS)
    ran = process(tmp_path, "build", "--models", "odd_nets:odd_names", "--strict")
    assert ran.status == 0, ran.err
    pages = list((tmp_path / "site" / "models" / "odd_nets-odd_names").glob("*/index.html"))
    assert len(pages) == 6
    assert process(tmp_path, "check").status == 0
