"""Darknet's numbers have neither names nor lengths: a wrong count anywhere would shift all kernels after it."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read
from wbsite.models.formats.darknet import claims

NET = "[net]\n# a comment\nwidth = 16\nheight=12\nchannels=3\n\n"
CONV = "[convolutional]\nfilters={}\nsize={}\nstride=1\npad=1\n"


class Writer:
    """Writes what Darknet would, and keeps what it wrote by the names it should be read under."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)
        self.pieces: list[NDArray[np.float32]] = []
        self.expected: dict[str, NDArray[np.float32]] = {}

    def array(self, name: str, *shape: int) -> None:
        values = self.generator.normal(size=shape).astype(np.float32)
        self.pieces.append(values.ravel())
        if name:
            self.expected[name] = values

    def norm(self, name: str, channels: int) -> None:
        for part in ("weight", "running_mean", "running_var"):
            self.array(f"{name}.{part}", channels)

    def conv(self, number: int, *shape: int, norm: bool = False, kind: str = "convolutional") -> None:
        channels = shape[1] if kind == "deconvolutional" else shape[0]
        self.array(f"batch_norm_{number}.bias" if norm else f"{kind}_{number}.bias", channels)
        if norm:
            self.norm(f"batch_norm_{number}", channels)
        self.array(f"{kind}_{number}.weight", *shape)

    def connected(self, number: int, outputs: int, inputs: int, norm: bool = False) -> None:
        name = f"batch_norm_{number}" if norm else f"connected_{number}"
        self.array(f"{name}.bias", outputs)
        self.array(f"connected_{number}.weight", outputs, inputs)
        if norm:
            self.norm(name, outputs)

    def save(self, path: Path, cfg: str, version: tuple[int, int, int] = (0, 2, 5)) -> Path:
        path.with_suffix(".cfg").write_text(cfg)
        seen = struct.pack("<Q" if version[1] >= 2 and version[1] < 1000 else "<I", 32013312)
        path.write_bytes(struct.pack("<3i", *version) + seen + b"".join(piece.tobytes() for piece in self.pieces))
        return path


def assert_equal(state: dict[str, torch.Tensor], expected: dict[str, NDArray[np.float32]]) -> None:
    assert list(state) == list(expected)
    for name, array in expected.items():
        assert state[name].dtype == torch.float32
        assert state[name].is_contiguous()
        np.testing.assert_array_equal(state[name].numpy(), array, err_msg=name)


def detector(path: Path) -> Writer:
    """Layers of the kinds of YOLO 2 to 4, among which channels are joined, split, added, stacked and moved."""
    cfg = NET + "".join(
        [
            CONV.format(8, 3) + "batch_normalize=1\nactivation=leaky\n",  # 0: 8 × 12 × 16
            "[maxpool]\nsize=2\nstride=2\n",  # 1: 8 × 6 × 8
            CONV.format(8, 3) + "groups=8\n",  # 2
            "[shortcut]\nfrom=-2\nactivation=linear\n",  # 3
            "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n",  # 4: 4
            CONV.format(6, 1).replace("pad=1", "padding=0") + "batch_normalize=1\n",  # 5: 6
            "[route]\nlayers = -1, 3\n",  # 6: 14
            "[upsample]\nstride=2\n",  # 7: 14 × 12 × 16
            "[route]\nlayers=-1,0\n",  # 8: 22
            "[reorg]\nstride=2\n",  # 9: 88 × 6 × 8
            CONV.format(5, 1),  # 10
            "[deconvolutional]\nfilters=4\nsize=3\nstride=2\npadding=1\nbatch_normalize=1\n",  # 11: 4 × 11 × 15
            "[yolo]\nmask = 0,1\n",  # 12
            "[avgpool]\n",  # 13
            CONV.format(16, 1),  # 14: 16 × 1 × 1
            "[scale_channels]\nfrom=11\n",  # 15: 4 × 11 × 15
            "[batchnorm]\n",  # 16
            "[dropout]\nprobability=.5\n",  # 17
            "[connected]\noutput=9\n",  # 18
            "[connected]\noutput=7\nbatch_normalize=1\n",  # 19
            "[softmax]\n",
        ]
    )
    writer = Writer()
    writer.conv(0, 8, 3, 3, 3, norm=True)
    writer.conv(2, 8, 1, 3, 3)
    writer.conv(5, 6, 4, 1, 1, norm=True)
    writer.conv(10, 5, 88, 1, 1)
    writer.conv(11, 5, 4, 3, 3, norm=True, kind="deconvolutional")
    writer.conv(14, 16, 4, 1, 1)
    writer.array("batchnorm_16.bias", 4)
    writer.norm("batchnorm_16", 4)
    writer.connected(18, 9, 4 * 11 * 15)
    writer.connected(19, 7, 9, norm=True)
    writer.save(path, cfg)
    return writer


def test_every_kernel_of_a_detector_with_joined_and_split_channels(tmp_path: Path) -> None:
    path = tmp_path / "yolo.weights"
    writer = detector(path)
    contents = read(path)
    assert_equal(contents.state, writer.expected)
    assert (contents.format, contents.types, contents.bgr) == ("Darknet 0.2.5", "float32", False)


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (1, 0, 0), (0, 2000, 0)])
def test_headers_of_every_version(tmp_path: Path, version: tuple[int, int, int]) -> None:
    writer = Writer()
    writer.connected(0, 4, 6)
    path = tmp_path / "net.weights"
    writer.save(path, "[net]\ninputs=6\n[connected]\noutput=4\n", version)
    if version == (1, 0, 0):
        path.write_bytes(path.read_bytes()[:16] + bytes(4) + path.read_bytes()[16:])
    expected = dict(writer.expected)
    if version[1] > 1000:
        weight = expected["connected_0.weight"]
        expected["connected_0.weight"] = weight.reshape(6, 4).T
    assert_equal(read(path).state, expected)
    assert claims(path, path.read_bytes()) == (version[1] < 1000)


def test_flipped_convolutions_have_their_inputs_first(tmp_path: Path) -> None:
    writer = Writer()
    writer.conv(0, 4, 3, 3, 3)
    path = writer.save(tmp_path / "net.weights", NET + CONV.format(4, 3) + "flipped=1\n")
    weight = writer.expected["convolutional_0.weight"].reshape(27, 4).T.reshape(4, 3, 3, 3)
    assert_equal(read(path).state, {**writer.expected, "convolutional_0.weight": weight})


def test_batch_normalisation_of_its_own_may_lack_biases(tmp_path: Path) -> None:
    writer = Writer()
    writer.norm("batchnorm_0", 3)
    writer.conv(1, 2, 3, 1, 1)
    path = writer.save(tmp_path / "net.weights", NET + "[batchnorm]\n" + CONV.format(2, 1))
    assert_equal(read(path).state, writer.expected)


def test_what_has_no_single_kernel_is_passed_over_and_named(tmp_path: Path) -> None:
    cfg = NET + CONV.format(4, 3) + "[local]\nfilters=2\nsize=3\nstride=2\npad=1\n" + CONV.format(2, 1)
    cfg += "[shortcut]\nfrom=-1\nweights_type=per_channel\nweights_normalizion=softmax\n" + CONV.format(3, 1)
    cfg += CONV.format(3, 1) + "share_index=-1\n[connected]\noutput=2\n"
    writer = Writer()
    writer.conv(0, 4, 3, 3, 3)
    places = 6 * 8
    writer.array("", 2 * places)
    writer.array("", 2 * places, 4, 3, 3)
    writer.conv(2, 2, 2, 1, 1)
    writer.array("", 2, 2)
    writer.conv(4, 3, 2, 1, 1)
    writer.connected(6, 2, 3 * places)
    contents = read(writer.save(tmp_path / "net.weights", cfg))
    assert_equal(contents.state, writer.expected)
    assert contents.format == "Darknet 0.2.5, without local_1, shortcut_3"


def test_one_number_too_few_or_too_many_is_refused_with_the_layer(tmp_path: Path) -> None:
    path = tmp_path / "net.weights"
    detector(path)
    whole = path.read_bytes()
    for data, message in {
        whole[:-4]: "it ends in batch_norm_19.running_var, of 7 values, after 6 of them",
        whole[:400]: "it ends in batch_norm_0.bias|it ends in convolutional_0.weight, of 8 × 3 × 3 × 3 values",
        whole + bytes(4): "4 bytes are left over after batch_norm_19",
        whole + bytes(3): "3 bytes are left over after batch_norm_19",
        whole[:20]: "it ends in batch_norm_0.bias, of 8 values, after 0 of them",
        whole[:19]: "the header is cut off",
        whole[:10]: "the header is cut off",
    }.items():
        path.write_bytes(data)
        with pytest.raises(WbsiteError, match=message) as caught:
            read(path)
        assert str(path) in caught.value.message
        assert "net.cfg" in caught.value.message
        assert caught.value.hint


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ("", r"does not begin with \[net\]"),
        (CONV.format(4, 3), r"does not begin with \[net\]"),
        (NET + "[gru]\noutput=3\n", r"gru_0 in net\.cfg is of a kind whose weights"),
        (NET + "[route]\nlayers=3\n", r"route_0 refers to layers that are not before it \(layers=3\)"),
        (NET + "[shortcut]\nweights_type=per_feature\n", "shortcut_0 refers to layers"),
        (NET + CONV.format(4, 0), "has 3 channels, 4 filters of 0 pixels"),
        (NET + CONV.format(4, 3) + "groups=2\n", "in 2 groups"),
        (NET + "[upsample]\nstride=0\n", "a stride of 0"),
        (NET + "[local]\nstride=0\n", "a stride of 0"),
        (NET + CONV.format("9" * 10, 3), "it ends in convolutional_0.bias, of 9999999999 values"),
        (NET + CONV.format("9" * 5000, 3), "is no number of anything in a network"),
        (NET + "[connected]\noutput=-3\n", "connected_0 has -3 outputs"),
        (NET + "[crop]\ncrop_height=-3\n" + CONV.format(1, 1), "the input of convolutional_1 has the shape 3 × -3"),
        (NET + "[avgpool]\n" + "[route]\nlayers=-1,-1\n" * 5000, "the input of route_31 has the shape"),
        ("[net]\n" + CONV.format(1, 1), "the input of convolutional_0 has the shape 0 × 0 × 0"),
        (NET + "\0" * (1 << 20), "too long"),
    ],
)
def test_a_cfg_that_cannot_be_is_refused(tmp_path: Path, cfg: str, message: str) -> None:
    path = tmp_path / "net.weights"
    Writer().save(path, cfg)
    with pytest.raises(WbsiteError, match=message) as caught:
        read(path)
    assert str(path) in caught.value.message


def test_the_cfg_is_that_of_the_same_name_or_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "yolo.weights"
    expected = detector(path).expected
    renamed = path.rename(tmp_path / "yolo_final.weights")
    assert claims(renamed, renamed.read_bytes()[:4096])
    assert_equal(read(renamed).state, expected)
    (tmp_path / "other.cfg").write_text(NET)
    assert not claims(renamed, renamed.read_bytes()[:4096])
    with pytest.raises(WbsiteError, match=r"needs the \.cfg of its network beside it") as caught:
        read(renamed)
    assert "yolo_final.cfg" in caught.value.hint


def refusal(path: Path) -> str:
    """Why a file is refused; empty where it is read. Any other exception is a failure."""
    try:
        read(path)
    except WbsiteError as error:
        return error.message
    return ""


def test_damaged_files_give_no_traceback(tmp_path: Path) -> None:
    generator = random.Random(0)
    path = tmp_path / "net.weights"
    detector(path)
    files = {path: path.read_bytes(), path.with_suffix(".cfg"): path.with_suffix(".cfg").read_bytes()}
    refused = 0
    for i in range(400):
        for file, whole in files.items():
            damaged = bytearray(whole)
            if (file == path) == (i % 2 == 0):
                damaged = damaged[: generator.randrange(len(whole))] if i % 3 == 0 else damaged
                for _ in range(i % 3):
                    damaged[generator.randrange(min(len(damaged), 500))] = generator.randrange(256)
            file.write_bytes(damaged)
        message = refusal(path)
        refused += bool(message)
        assert not message or str(path) in message
    assert refused > 130


def test_other_files_are_not_claimed_beside_a_cfg(tmp_path: Path) -> None:
    path = tmp_path / "net.weights"
    detector(path)
    own = path.read_bytes()
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth")
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    others = [(tmp_path / name).read_bytes() for name in ("a.pth", "a.npz")]
    others += [b"", bytes(64), b"text of a few lines, whatever they say\n", b"\x89HDF\r\n\x1a\n" + bytes(60)]
    assert not any(claims(path, data[:4096]) for data in others)
    assert claims(path, own[:4096])
    path.with_suffix(".cfg").rename(tmp_path / "net.txt")
    assert not claims(path, own[:4096])
