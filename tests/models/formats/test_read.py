"""The reader is chosen, and what it cannot read is refused with the reason."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read
from wbsite.models.formats.base import HEAD

from .samples import SAMPLES

PLUG_IN = """
import torch
from wbsite.models.formats.base import Contents, Format

def read(path):
    return Contents({"conv.bias": torch.tensor([float(line) for line in path.read_text().split()])}, "text")

def claims(path, head):
    return bool(head) and all(line.lstrip(b"-").replace(b".", b"").isdigit() for line in head.split())

FORMATS = (Format("text", "numbers, one a line", (".txt",), claims, read, module_names=True),)
"""


@pytest.fixture
def with_text(tmp_path: Path, plug_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that reads weights from text files."""
    points = "[wbsite.formats]\ntext = text_format_plugin:FORMATS\n"
    monkeypatch.syspath_prepend(str(plug_in(tmp_path / "installed", "text_format_plugin", points, PLUG_IN)))
    registry.entries.cache_clear()
    yield
    registry.entries.cache_clear()


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
    path = tmp_path / "net.doc"
    path.write_bytes(b"a letter")
    with pytest.raises(WbsiteError, match=r"of no kind that wbsite reads: caffemodel \(\.caffemodel\), .*safetensors"):
        read(path)
    with pytest.raises(WbsiteError, match="there is no weights file"):
        read(tmp_path / "absent.pth")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    with pytest.raises(WbsiteError, match="holds a list; expected a dictionary of tensors"):
        read(tmp_path / "list.pth")


def test_an_installed_package_adds_a_format(tmp_path: Path, with_text: None) -> None:
    (tmp_path / "net.txt").write_text("0.5\n-1\n")
    assert read(tmp_path / "net.txt").state["conv.bias"].tolist() == [0.5, -1.0]
    (tmp_path / "net.doc").write_bytes(b"a letter")
    with pytest.raises(WbsiteError, match=r"of no kind that wbsite reads: .*, text \(\.txt\)"):
        read(tmp_path / "net.doc")


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    state = {"conv.weight": torch.randn(8, 4, 5, 5)}
    save_file(state, tmp_path / "weights.pth")
    torch.save(state, tmp_path / "weights.safetensors")
    torch.save(state, tmp_path / "old.npz", _use_new_zipfile_serialization=False)
    np.savez(tmp_path / "weights", **{"conv.weight": state["conv.weight"].numpy()})
    (tmp_path / "weights.npz").rename(tmp_path / "weights")
    for name, kind in {
        "weights.pth": "safetensors", "weights.safetensors": "torch", "old.npz": "torch", "weights": "npz",
    }.items():  # fmt: skip
        contents = read(tmp_path / name)
        assert contents.format.startswith(kind), name
        assert torch.equal(contents.state["conv.weight"], state["conv.weight"])


def claiming(path: Path) -> list[str]:
    """Names of the formats that claim a file."""
    head = path.read_bytes()[:HEAD]
    return [entry.name for entry in registry.entries("formats") if entry.claims(path, head)]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_is_claimed_by_its_own_format_only(tmp_path: Path, name: str) -> None:
    """Called anything, and beside a .cfg, without which none is Darknet's."""
    sample = SAMPLES[name]
    sample.write(tmp_path / sample.file)
    path = (tmp_path / sample.file).rename(tmp_path / "file")
    path.write_bytes(sample.packed(path.read_bytes()))
    (tmp_path / "net.cfg").write_text("[net]\ninputs=6\n[connected]\noutput=4\n")
    assert claiming(path) == [sample.format]
    (tmp_path / "net.cfg").unlink()
    assert claiming(path) == ([] if sample.format == "darknet" else [sample.format])


def test_every_format_has_a_sample() -> None:
    assert {sample.format for sample in SAMPLES.values()} == set(registry.names("formats"))


def test_what_holds_no_weights_is_claimed_by_no_format(tmp_path: Path) -> None:
    """Files that begin as those of some format do, beside a .cfg."""
    (tmp_path / "net.cfg").write_text("[net]\ninputs=6\n[connected]\noutput=4\n")
    contents = {
        "nothing": b"",
        "zeros": bytes(200),
        "text": b"text of a few lines, whatever they say\n",
        "another program's JSON": b'{"name": "net", "dependencies": {}}',
        "a list in JSON": b'[{"name": "fc", "shape": [2, 2]}]',
        "msgpack without arrays": msgpack.packb({"a": 1}),
        "a list in msgpack": msgpack.packb([1, "a"]),
        "TensorFlow's SavedModel": b"\x08\x01\x12\x06\x0a\x04abcd",
        "half a header of MATLAB's": b"MATLAB 5.0 MAT-file",
    }
    for name, data in contents.items():
        (tmp_path / "file").write_bytes(data)
        assert claiming(tmp_path / "file") == [], name
    with zipfile.ZipFile(tmp_path / "file", "w") as archive:
        archive.writestr("config.json", "{}")
    assert claiming(tmp_path / "file") == []
