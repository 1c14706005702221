"""Keras's files that are damaged, of another program or made to do harm are refused in words, and do none."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .checks import assert_state
from .writers.keras import by_hand, configuration, numbers, write_archive, write_h5


def test_files_of_keras_1_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["layer_names"] = [b"convolution2d_1"]
        group = file.create_group("convolution2d_1")
        group.attrs["weight_names"] = [b"convolution2d_1_W", b"convolution2d_1_b"]
        group["convolution2d_1_W"], group["convolution2d_1_b"] = numbers(8, 3, 3, 3), numbers(8)
    with pytest.raises(WbsiteError, match="Keras 1 wrote it"):
        read(tmp_path / "net.h5")


def test_hdf5_of_another_program_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["data/conv1/0"] = numbers(8, 3, 3, 3)
    with pytest.raises(WbsiteError, match="of another program than Keras"):
        read(tmp_path / "data.h5")


def test_without_h5py_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_h5(tmp_path / "net.h5", whole=True), write_archive(tmp_path / "net.keras")]
    monkeypatch.setitem(sys.modules, "h5py", None)
    for path in paths:
        with pytest.raises(WbsiteError, match="h5py is not installed") as caught:
            read(path)
        assert caught.value.hint == "Run pip install 'wbsite[formats]'."


def one_layer(path: Path, write: Callable[[Any, str], None]) -> Path:
    """A file whose only kernel is put there by write(group, name)."""
    with h5py.File(path, "w") as file:
        write(file.create_group("layers/conv2d/vars"), "0")
    return path


def external_storage(group: Any, name: str) -> None:
    group.create_dataset(name, (3, 3, 4, 8), "f4", external=[("/etc/passwd", 0, 1152)])


def virtual(group: Any, name: str) -> None:
    layout = h5py.VirtualLayout((3, 3, 4, 8), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (3, 3, 4, 8))
    group.create_virtual_dataset(name, layout)


def huge_compressed(group: Any, name: str) -> None:
    group.create_dataset(name, (3, 3, 1 << 20, 1 << 10), "f4", chunks=(3, 3, 1024, 16), compression="gzip")
    group[name][:, :, :1024, :16] = numbers(3, 3, 1024, 16)


def plug_in_filter(group: Any, name: str) -> None:
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk((3, 3, 4, 8))
    layout.set_filter(32000 + 15, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((3, 3, 4, 8))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, layout)


def bytes_as_name(group: Any, name: str) -> None:
    group[name] = numbers(3, 3, 4, 8)
    group.parent.create_group(b"\xff\xfe")


def cycle(group: Any, name: str) -> None:
    group[name] = numbers(3, 3, 4, 8)
    group.parent["again"] = group.parent


HARMFUL: dict[str, tuple[Callable[[Any, str], None], str]] = {
    "external link": (lambda group, name: group.__setitem__(name, h5py.ExternalLink("o.h5", "/a")), "another place"),
    "soft link": (lambda group, name: group.__setitem__(name, h5py.SoftLink("/layers")), "another place"),
    "external storage": (external_storage, "in another file"),
    "virtual": (virtual, "in another file"),
    "unwritten": (lambda group, name: group.create_dataset(name, (1 << 20, 1 << 20), "f8"), "has 0 bytes of"),
    "huge": (huge_compressed, r"bytes of /layers/conv2d/vars/0, whose shape .* needs 38654705664"),
    "plug-in": (plug_in_filter, "filter that is not part of HDF5"),
    "text": (lambda group, name: group.__setitem__(name, np.array([b"abc", b"de"])), "expected numbers"),
    "group": (lambda group, name: group.create_group(name), "a group where an array"),
    "bytes": (bytes_as_name, "names that are no text"),
    "cycle": (cycle, "in each other without end"),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_harmful_files_are_refused(tmp_path: Path, harm: str) -> None:
    write, reason = HARMFUL[harm]
    with pytest.raises(WbsiteError, match=reason) as caught:
        read(one_layer(tmp_path / "net.weights.h5", write))
    assert "net.weights.h5" in caught.value.message


def test_one_array_under_many_names_does_not_fill_the_memory(tmp_path: Path) -> None:
    def write(group: Any, name: str) -> None:
        group[name] = numbers(3, 3, 64, 64)
        for i in range(1, 2000):
            group[str(i)] = group[name]

    with pytest.raises(WbsiteError, match="bytes of"):
        read(one_layer(tmp_path / "net.weights.h5", write))


@pytest.mark.parametrize("config", ["", "[]", "{", "[" * 100000, '{"class_name": 3}', b"\xff\xfe"])
def test_archives_with_a_damaged_configuration_are_refused(tmp_path: Path, config: Any) -> None:
    with pytest.raises(WbsiteError, match="its configuration"):
        read(write_archive(tmp_path / "net.keras", config=config))


@pytest.mark.parametrize(
    "config",
    [{"class_name": "Dense"}, {"class_name": "Model", "config": {"layers": [3, {"class_name": "x", "config": 4}]}},
     {"class_name": "Model", "config": {"layers": [{"class_name": "Other", "config": {"name": [], "dtype": {}}}]}}],
)  # fmt: skip
def test_a_configuration_that_says_nothing_of_the_layers_leaves_what_the_weights_tell(
    tmp_path: Path, config: Any
) -> None:
    assert_state(read(write_archive(tmp_path / "net.keras", config=json.dumps(config))).state, by_hand())


def test_an_archive_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(configuration()))
        archive.writestr("model.weights.h5", bytes(1 << 24))
    with pytest.raises(WbsiteError, match=r"model\.weights\.h5 claims 16777216 bytes"):
        read(path)
