"""Darknet's numbers have neither names nor lengths: a wrong count anywhere would shift all kernels after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read
from wbsite.models.formats.darknet import claims

from .checks import assert_state
from .writers.darknet import CONV, NET, Writer, detector


def test_every_kernel_of_a_detector_with_joined_and_split_channels(tmp_path: Path) -> None:
    path = tmp_path / "yolo.weights"
    writer = detector(path)
    contents = read(path)
    assert_state(contents.state, writer.expected)
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
    assert_state(read(path).state, expected)
    assert claims(path, path.read_bytes()) == (version[1] < 1000)


def test_flipped_convolutions_have_their_inputs_first(tmp_path: Path) -> None:
    writer = Writer()
    writer.conv(0, 4, 3, 3, 3)
    path = writer.save(tmp_path / "net.weights", NET + CONV.format(4, 3) + "flipped=1\n")
    weight = writer.expected["convolutional_0.weight"].reshape(27, 4).T.reshape(4, 3, 3, 3)
    assert_state(read(path).state, {**writer.expected, "convolutional_0.weight": weight})


def test_batch_normalisation_of_its_own_may_lack_biases(tmp_path: Path) -> None:
    writer = Writer()
    writer.norm("batchnorm_0", 3)
    writer.conv(1, 2, 3, 1, 1)
    path = writer.save(tmp_path / "net.weights", NET + "[batchnorm]\n" + CONV.format(2, 1))
    assert_state(read(path).state, writer.expected)


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
    assert_state(contents.state, writer.expected)
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
    assert_state(read(renamed).state, expected)
    (tmp_path / "other.cfg").write_text(NET)
    assert not claims(renamed, renamed.read_bytes()[:4096])
    with pytest.raises(WbsiteError, match=r"needs the \.cfg of its network beside it") as caught:
        read(renamed)
    assert "yolo_final.cfg" in caught.value.hint
