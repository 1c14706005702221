"""A caffemodel is read as the protobuf library writes it, and a damaged one never runs into a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .checks import assert_state
from .writers.caffemodel import BIAS, CONV, DENSE, caffe_file


@pytest.mark.parametrize("generation", ["v1", "new"])
@pytest.mark.parametrize(("packed", "double"), [(True, False), (False, False), (True, True), (False, True)])
def test_caffemodels_of_both_generations(tmp_path: Path, generation: str, packed: bool, double: bool) -> None:
    contents = read(caffe_file(tmp_path / "net.caffemodel", generation, packed, double))
    assert contents.bgr
    assert contents.format == "caffemodel"
    expected = {
        "conv1/7x7_s2.weight": CONV,
        "conv1/7x7_s2.bias": BIAS,
        "loss3/classifier.weight": DENSE,
        "loss3/classifier.bias": BIAS,
    }
    assert_state(contents.state, expected)


@pytest.mark.parametrize("generation", ["v1", "new"])
@pytest.mark.parametrize("raw", ["float16", "float32", "float64"])
def test_blobs_of_bytes_as_opencv_writes_half_precision(tmp_path: Path, generation: str, raw: str) -> None:
    contents = read(caffe_file(tmp_path / "net.caffemodel", generation, raw=raw))
    assert contents.types == raw
    assert_state(
        {name: contents.state[name] for name in ("conv1/7x7_s2.weight", "loss3/classifier.bias")},
        {"conv1/7x7_s2.weight": CONV.astype(raw).astype(np.float32), "loss3/classifier.bias": BIAS},
    )


def test_blobs_of_bytes_that_are_integers_are_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="raw_data of type 3") as caught:
        read(caffe_file(tmp_path / "net.caffemodel", "new", raw="int8"))
    assert "truncated" not in caught.value.message


def read_or_error(path: Path) -> dict[str, torch.Tensor] | WbsiteError:
    """What the file holds, or why it is refused; any other exception is a failure."""
    try:
        return read(path).state
    except WbsiteError as error:
        return error


def test_a_caffemodel_cut_anywhere_is_refused_or_lacks_whole_layers(tmp_path: Path) -> None:
    whole = caffe_file(tmp_path / "net.caffemodel", "new").read_bytes()
    path = tmp_path / "cut.caffemodel"
    refused = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        outcome = read_or_error(path)
        if isinstance(outcome, WbsiteError):
            refused += 1
            assert "truncated" in outcome.message or "no layer with weights" in outcome.message
            assert outcome.hint
        else:
            assert set(outcome) == {"conv1/7x7_s2.weight", "conv1/7x7_s2.bias"}
    assert refused == len(whole) - 1
