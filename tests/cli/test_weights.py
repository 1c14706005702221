"""`wbsite weights`: the commands print where the file is, or the one message that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from wbsite.cli.weights import app
from wbsite.core.errors import WbsiteError
from wbsite.models.weights import candidates


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WBSITE_CACHE", str(tmp_path / "cache"))
    state = candidates("simplified_32", "cifar10")[0].build().state_dict()
    torch.save({key: value for key, value in state.items() if not key.startswith("fc.")}, tmp_path / "net.pth")
    return tmp_path / "net.pth"


def test_convert_and_verify(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["convert", str(source), "--model", "simplified_32", "--out", str(out)])
    assert done.exit_code == 0, done.output
    path = out / "simplified_32-cifar10.safetensors"
    assert done.stdout.replace("\n", "") == str(path)
    assert "without fc.weight, fc.bias" in done.stderr
    for target in ([str(path)], ["simplified_32", "--weights-dir", str(out)]):
        done = CliRunner().invoke(app, ["verify", *target])
        assert done.exit_code == 0, done.output
        assert "simplified_32@cifar10" in done.stdout
        assert "without 2 of them" in done.stdout


def test_verify_reports_every_file_and_then_fails(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    CliRunner().invoke(app, ["convert", str(source), "--model", "simplified_32", "--out", str(out)])
    (out / "alexnet_32-cifar10.safetensors").write_bytes(b"half a fi")
    done = CliRunner().invoke(app, ["verify", "--weights-dir", str(out)])
    assert isinstance(done.exception, WbsiteError)
    assert "1 of " in done.exception.message
    assert "weights files cannot be used" in done.exception.message
    assert "alexnet_32-cifar10.safetensors is truncated" in done.stdout.replace("\n", "")
    assert "simplified_32@cifar10" in done.stdout


def test_fetching_what_is_bundled_or_unpublished(source: Path) -> None:
    done = CliRunner().invoke(app, ["fetch", "simplified"])
    assert isinstance(done.exception, WbsiteError)
    assert "published nowhere wbsite knows" in done.exception.message


def test_show_lists_what_a_file_holds(tmp_path: Path) -> None:
    rows = torch.tensor([[1.0, 1, 1], [0, 0, 0], [-1, -1, -1]])
    state = {
        "stem.weight": rows.expand(8, 3, 3, 3).clone(), "stem.bias": torch.ones(8), "head.weight": torch.ones(2, 8),
        "flat.weight": torch.ones(4, 8, 3, 3), "scale": torch.tensor(2.0),
    }  # fmt: skip
    torch.save({"model": {name: value.half() for name, value in state.items()}, "ema": state}, tmp_path / "last.ckpt")
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "last.ckpt")])
    lines = [line.split() for line in shown.output.splitlines()]
    assert "torch state dict, 5 tensors, of these 3 kernels, 529 numbers" in shown.output
    assert ["model:", "5", "tensors"] in lines
    assert ["ema:", "5", "tensors"] in lines
    assert ["stem.weight", "8", "×", "3", "×", "3", "×", "3", "H", "=", "+1.000"] in lines
    assert ["flat.weight", "4", "×", "8", "×", "3", "×", "3"] in lines, "a flat kernel has no bands"
    assert ["scale", "a", "number"] in lines
    with pytest.raises(WbsiteError, match="there is no weights file"):
        CliRunner().invoke(app, ["show", str(tmp_path / "absent.ckpt")], catch_exceptions=False)
