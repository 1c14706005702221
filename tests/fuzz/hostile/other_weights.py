"""Weights of NumPy, Caffe, Darknet, TensorFlow.js and Keras whose shapes, names or numbers are not what they hold."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

from ..structures import varint
from .base import archive_of, kind


def _npy(descr: str, shape: str, data: bytes = bytes(16)) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def _npz_kinds() -> None:
    from_headers = {
        "a_shape_of_terabytes": _npy("'<f4'", "(1099511627776,)"),
        "a_shape_of_three_gigabytes": _npy("'<f4'", "(750000000,)"),
        "a_shape_below_nothing": _npy("'<f4'", "(-4,)"),
        "no_bytes_each": _npy("'|V0'", "(1099511627776,)", b""),
        "dates": _npy("'<M8[s]'", "(2,)"),
        "spans_of_time": _npy("'<m8[s]'", "(2,)"),
        "complex_numbers": _npy("'<c8'", "(2,)"),
        "records": _npy("[('a', '<f4'), ('b', '<f4')]", "(2,)"),
        "letters": _npy("'<U2'", "(2,)"),
        "no_array": b"nothing at all",
        "nothing": b"",
        "a_hundred_axes": _npy("'<f4'", f"({'1, ' * 100})", bytes(4)),
    }
    for name, data in from_headers.items():
        for key in ("conv/kernel", "conv.weight"):

            def write(path: Path, data: bytes = data, key: str = key) -> None:
                pair = _npy("'<f4'", "(2,)", bytes(8))
                archive_of(path, **{f"{key}.npy": data, f"{key}|q.npy": pair, "b.npy": _npy("'<f4'", "(2, 2)")})

            write.__name__ = f"{name}_as_{key}"
            kind("npz", "net.npz")(write)

        def write_samples(path: Path, data: bytes = data) -> None:
            labels = _npy("'<i4'", "(4,)")
            archive_of(path, **{"inputs.npy": _npy("'<f4'", "(4, 1)"), "labels.npy": labels, "classes.npy": data})

        write_samples.__name__ = f"classes_are_{name}"
        kind("samples", "data.npz")(write_samples)


_npz_kinds()


@kind("npz", "net.npz")
def a_scale_that_is_no_pair(path: Path) -> None:
    four = _npy("'<f4'", "(2, 2)")
    archive_of(path, **{"a/kernel.npy": four, "a/kernel|q.npy": four})


@kind("npz", "net.npz")
def zeros_that_unpack_to_a_thousand_times_the_file(path: Path) -> None:
    """A compressed array of any size does; of four megabytes it was four gigabytes."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w", force_zip64=True) as file,
    ):
        file.write(_npy("'<f4'", "(33554432,)", b""))
        piece = bytes(1 << 24)
        for _ in range(8):
            file.write(piece)


def _field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def _caffe(path: Path, blob: bytes) -> None:
    layer = _field(1, b"conv") + _field(2, b"Convolution") + _field(7, blob)
    path.write_bytes(_field(1, b"net") + _field(100, layer))


@kind("caffemodel", "net.caffemodel")
def a_blob_of_forty_axes(path: Path) -> None:
    shape = b"".join(varint(1) for _ in range(40))
    _caffe(path, _field(5, bytes(4)) + _field(7, _field(1, shape)))


@kind("caffemodel", "net.caffemodel")
def a_blob_of_two_hundred_thousand_axes(path: Path) -> None:
    """Multiplying their lengths took minutes."""
    shape = b"".join(varint((1 << 63) - 1) for _ in range(200_000))
    _caffe(path, _field(5, bytes(4)) + _field(7, _field(1, shape)))


@kind("caffemodel", "net.caffemodel")
def a_blob_of_nothing_times_everything(path: Path) -> None:
    _caffe(path, _field(7, _field(1, varint(0) + varint((1 << 64) - 1))))


@kind("caffemodel", "net.caffemodel")
def numbers_one_by_one(path: Path) -> None:
    """Each was kept as an object of a hundred bytes."""
    shape = _field(7, _field(1, varint(500_000)))
    _caffe(path, (varint(5 << 3 | 5) + bytes(4)) * 500_000 + shape)


@kind("darknet", "net.weights")
def a_layer_of_a_billion_filters(path: Path) -> None:
    path.with_suffix(".cfg").write_text(
        "[net]\nchannels=3\nheight=8\nwidth=8\n[convolutional]\nfilters=1000000000\nsize=1000\n"
    )
    path.write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + bytes(64))


@kind("sharded", "net.safetensors.index.json")
def a_name_longer_than_any_file(path: Path) -> None:
    path.write_text(json.dumps({"weight_map": {"a": "x" * 5000}}))


@kind("sharded", "net.safetensors.index.json")
def a_name_with_nothing_in_it(path: Path) -> None:
    path.write_text(json.dumps({"weight_map": {"a": "x\0y", "b": "\ud800"}}))


@kind("sharded", "net.safetensors.index.json")
def an_index_that_joins_itself(path: Path) -> None:
    path.write_text(json.dumps({"weight_map": {"a": path.name}}))


@kind("sharded", "net.safetensors.index.json")
def an_index_nested_beyond_recursion(path: Path) -> None:
    path.write_text('{"weight_map": ' + "[" * 100_000)


@kind("tensorflowjs", "model.json")
def a_weight_of_a_billion_numbers(path: Path) -> None:
    (path.parent / "shard.bin").write_bytes(bytes(16))
    weight = {"name": "a/kernel", "shape": [1 << 20, 1 << 10], "dtype": "float32"}
    path.write_text(json.dumps({"weightsManifest": [{"paths": ["shard.bin"], "weights": [weight]}]}))


@kind("tensorflowjs", "model.json")
def a_shard_without_a_name(path: Path) -> None:
    weight = {"name": "a/kernel", "shape": [2, 2], "dtype": "float32"}
    for name in ("", ".", "x\0", "\ud800"):
        path.write_text(json.dumps({"weightsManifest": [{"paths": [name], "weights": [weight]}]}))


@kind("keras-h5", "net.h5")
def an_array_that_unpacks_to_two_gigabytes(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        layer = file.create_group("conv")
        layer.create_dataset("kernel", (1 << 29,), "f4", chunks=(1 << 20,), compression="gzip", fillvalue=0.0)[:2] = 1.0
        layer.attrs["weight_names"] = [b"kernel"]
        file.attrs["layer_names"] = [b"conv"]
        file.attrs["keras_version"] = b"2.4.0"


@kind("keras-h5", "net.h5")
def a_group_that_holds_itself(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        layers = file.create_group("layers")
        layers["conv2d"] = layers
        layers.create_group("vars").create_dataset("0", data=[[1.0]])
