"""Files that others published: recognised, read whole, with the kernels that the formats' own libraries find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from wbsite.models.formats import format_of, read
from wbsite.ops.banding.index import banding_shares

from . import references
from .unbundled import unbundled


@dataclass(frozen=True)
class Real:
    """A published file.

    Attributes:
        format: registered name of its format.
        kernels: convolutions and products in it.
        layer: one of its layers with rows and columns.
        index: that layer's H.
    """

    package: str
    file: str
    format: str
    kernels: int
    layer: str
    index: float


FILES = [
    Real("rapidocr", "ch_PP-OCRv4_det_infer.onnx", "onnx", 64, "conv2d_138", 0.353),
    Real("rapidocr", "ch_PP-OCRv4_rec_infer.onnx", "onnx", 47, "conv2d_10", 0.108),
    Real("rapidocr", "ch_ppocr_mobile_v2.0_cls_infer.onnx", "onnx", 54, "conv1", 0.010),
    Real("facenet", "pnet.pt", "pytorch", 5, "conv2", 0.040),
    Real("facenet", "rnet.pt", "pytorch", 6, "conv2", -0.040),
    Real("facenet", "onet.pt", "pytorch", 8, "conv2", 0.147),
    Real("face-detection", "face_detection_back.tflite", "tflite", 69, "conv2d", 0.119),
    Real("face-detection", "face_detection_front.tflite", "tflite", 37, "conv2d", 0.165),
    Real("face-detection", "face_detection_full_range.tflite", "tflite", 89, "conv2d", -0.030),
    Real("face-detection", "face_detection_full_range_sparse.tflite", "tflite", 91, "model_1/model/conv2d", 0.151),
    Real("face-detection", "face_landmark.tflite", "tflite", 45, "conv2d", 0.216),
    Real("face-detection", "iris_landmark.tflite", "tflite", 81, "conv2d", 0.028),
    Real("face-api", "age_gender_model-weights_manifest.json", "tensorflowjs", 32, "entry_flow/conv_in", -0.141),
    Real("face-api", "face_expression_model-weights_manifest.json", "tensorflowjs", 32, "dense0/conv0", 0.019),
    Real("face-api", "face_landmark_68_model-weights_manifest.json", "tensorflowjs", 32, "dense0/conv0", 0.009),
    Real("face-api", "face_landmark_68_tiny_model-weights_manifest.json", "tensorflowjs", 18, "dense0/conv0", 0.156),
    Real("face-api", "face_recognition_model-weights_manifest.json", "tensorflowjs", 30, "conv32_down/conv", 0.128),
    Real("face-api", "ssd_mobilenetv1_model-weights_manifest.json", "tensorflowjs", 47, "Prediction/Conv2d_7_pointwise",
         0.008),
    Real("face-api", "tiny_face_detector_model-weights_manifest.json", "tensorflowjs", 12, "conv0", 0.047),
    Real("nsfwjs", "mobilenet_v2", "tensorflowjs", 52 + 3, "Conv1", -0.160),
    Real("nsfwjs", "mobilenet_v2_mid", "tensorflowjs", 52 + 1,
         "StatefulPartitionedCall/sequential/keras_layer/StatefulPartitionedCall/StatefulPartitionedCall/"
         "StatefulPartitionedCall/predict/MobilenetV2/Conv", 0.023),
    Real("nsfwjs", "inception_v3", "tensorflowjs", 94 + 3, "conv2d_2", 0.008),
]  # fmt: skip

REFERENCES: dict[str, Callable[[Path], Iterable[NDArray[Any]]]] = {
    "onnx": references.of_onnx,
    "pytorch": references.of_torch,
    "tensorflowjs": references.of_tensorflowjs,
    "tflite": references.of_tflite,
}


def counted(kernels: Iterable[NDArray[Any]]) -> Counter[tuple[tuple[int, ...], bytes]]:
    """Shapes and numbers, whatever the order."""
    return Counter((kernel.shape, np.ascontiguousarray(kernel).tobytes()) for kernel in kernels)


@pytest.mark.parametrize("real", FILES, ids=lambda real: real.file)
def test_kernels_are_those_that_the_format_s_own_library_finds(
    tmp_path: Path, package: Callable[[str], Path], real: Real
) -> None:
    path = package(real.package) / real.file
    path = unbundled(path, tmp_path) if real.package == "nsfwjs" else path
    assert format_of(path).name == real.format
    state = read(path).state
    kernels = {name: value for name, value in state.items() if value.ndim > 1}
    assert len(kernels) == real.kernels
    assert all(value.isfinite().all() for value in state.values())
    assert counted(value.numpy() for value in kernels.values()) == counted(REFERENCES[real.format](path))
    assert banding_shares(state[f"{real.layer}.weight"]).index == pytest.approx(real.index, abs=5e-4)


def test_banding_of_the_detector_s_last_layers_but_one(package: Callable[[str], Path]) -> None:
    state = read(package("rapidocr") / "ch_PP-OCRv4_det_infer.onnx").state
    indices = [banding_shares(value).index for value in state.values() if value.shape == (24, 96, 3, 3)]
    assert sorted(round(index, 3) for index in indices) == [0.059, 0.143, 0.218, 0.294, 0.353]
