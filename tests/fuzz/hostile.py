"""Files made on purpose, one small function a kind: each is of a kind that a reader once read wrong.

They are harmless to other software as far as that reads what they are: small files whose numbers, types or nesting
claim what is not there. What they did is said of each.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .mutations import varint

Use = Callable[[Path, int], object]


@dataclass(frozen=True)
class Made:
    """A file made on purpose.

    Attributes:
        name: what it is.
        write: folder → writes it there, and returns it.
        use: how it is read, where not as the reader's other inputs are.
    """

    name: str
    write: Callable[[Path], Path]
    use: Use | None = None


_KINDS: dict[str, list[Made]] = {}


def inputs(reader: str) -> list[Made]:
    """Those for a reader."""
    return _KINDS.get(reader, [])


def kinds() -> dict[str, list[Made]]:
    """All, by the readers they are for."""
    return _KINDS


def kind(reader: str, file: str, use: Use | None = None) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Registers a function that writes a file: for which reader, and how it is called."""

    def register(function: Callable[[Path], None]) -> Callable[[Path], None]:
        def write(folder: Path) -> Path:
            function(folder / file)
            return folder / file

        _KINDS.setdefault(reader, []).append(Made(function.__name__, write, use))
        return function

    return register


# ---- safetensors: the record of provenance of other types than expected; a header nested beyond recursion


def _safetensors(path: Path, header: str, data: bytes = b"\0" * 16) -> None:
    text = header.encode("utf-8", "surrogatepass")
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


TENSOR = '"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}'


def _records() -> None:
    records = {
        "a_list": [1], "a_number": 7, "nothing": None, "a_text": "x", "model_a_list": {"model": ["x"], "weights": "y"},
        "weights_a_table": {"model": "x", "weights": {}}, "missing_a_number": {"model": "x", "missing": 7},
        "missing_of_lists": {"missing": [["x"]]}, "digest_a_list": {"data_digest": ["sha256:00"]},
        "training_a_list": {"training": [3]}, "a_half_character": {"model": "\ud800", "weights": "x"},
        "not_a_number": {"training": {"loss": float("nan")}},
    }  # fmt: skip
    for name, record in records.items():

        def write(path: Path, record: object = record) -> None:
            text = json.dumps({"wbsite": json.dumps(record)})
            _safetensors(path, f'{{"__metadata__": {text}, {TENSOR}}}')

        write.__name__ = f"record_is_{name}"
        kind("safetensors", "net.safetensors")(write)
    for name, metadata in {"a_list": "[1]", "of_numbers": '{"wbsite": 7}', "of_tables": '{"wbsite": {}}'}.items():

        def write_metadata(path: Path, metadata: str = metadata) -> None:
            _safetensors(path, f'{{"__metadata__": {metadata}, {TENSOR}}}')

        write_metadata.__name__ = f"metadata_is_{name}"
        kind("safetensors", "net.safetensors")(write_metadata)


_records()


@kind("safetensors", "net.safetensors")
def record_nested_beyond_recursion(path: Path) -> None:
    text = "[" * 100_000 + "]" * 100_000
    _safetensors(path, f'{{"__metadata__": {{"wbsite": "{text}"}}, {TENSOR}}}')


@kind("safetensors", "net.safetensors")
def header_nested_beyond_recursion(path: Path) -> None:
    _safetensors(path, f'{{"x": {"[" * 100_000}{"]" * 100_000}, {TENSOR}}}')


@kind("safetensors", "net.safetensors")
def offsets_that_are_no_numbers(path: Path) -> None:
    _safetensors(path, '{"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": ["0", "16"]}}')


@kind("safetensors", "net.safetensors")
def a_shape_of_a_million_gigabytes(path: Path) -> None:
    _safetensors(path, '{"a": {"dtype": "F32", "shape": [1099511627776, 1024], "data_offsets": [0, 16]}}')


# ---- torch: tensors that repeat what is stored, or claim to; modules that hold each other; types without arithmetic


def _checkpoint(path: Path, entries: Any) -> None:
    import torch

    torch.save(entries, path)


def _kernel() -> Any:
    import torch

    return torch.zeros(4, 3, 3, 3)


@kind("pytorch", "net.pth")
def an_expanded_tensor_of_forty_gigabytes(path: Path) -> None:
    import torch

    _checkpoint(path, {"a.weight": torch.zeros(1).expand(100_000, 100_000), "b.weight": _kernel()})


@kind("pytorch", "net.pth")
def a_hundred_expanded_tensors(path: Path) -> None:
    """Each is as large as a tensor may be that repeats what is stored; together they were 6 GB."""
    import torch

    _checkpoint(path, {f"{i}.weight": torch.zeros(1).expand(4_000_000) for i in range(400)})


@kind("pytorch", "net.pth")
def a_sparse_tensor_of_four_terabytes(path: Path) -> None:
    import torch

    places = torch.tensor([[0], [0]])
    _checkpoint(path, {"a.weight": torch.sparse_coo_tensor(places, torch.ones(1), (1_000_000, 1_000_000))})


@kind("pytorch", "net.pth")
def a_dictionary_that_holds_itself(path: Path) -> None:
    entries: dict[str, Any] = {"a.weight": _kernel()}
    for i in range(40):
        entries[f"again{i}"] = entries
    _checkpoint(path, entries)


@kind("pytorch", "net.pth")
def modules_in_two_places_each_sixty_deep(path: Path) -> None:
    """A module that holds the next one twice: 60 of them have more names than there are atoms in a gram."""
    import torch
    from torch import nn

    inner: nn.Module = nn.Identity()
    for _ in range(60):
        outer = nn.Module()
        outer.left = outer.right = inner
        inner = outer
    torch.save(inner, path)


@kind("pytorch", "net.pth")
def a_module_that_holds_itself(path: Path) -> None:
    from torch import nn

    module = nn.Module()
    module.conv = nn.Conv2d(3, 4, 3)
    module._modules["module"] = module
    _checkpoint(path, module)


@kind("pytorch", "net.pth")
def a_list_nested_beyond_recursion(path: Path) -> None:
    data = pickle.PROTO + b"\x02" + pickle.EMPTY_LIST * 5000 + pickle.APPEND * 4999 + pickle.STOP
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("net/data.pkl", data)
        archive.writestr("net/version", b"3\n")
    path.write_bytes(made.getvalue())


@kind("pytorch", "net.pth")
def numbers_without_arithmetic(path: Path) -> None:
    import torch

    kinds = ("bits8", "bits16", "float4_e2m1fn_x2", "float8_e8m0fnu", "uint16", "complex64", "bool")
    types = [getattr(torch, name) for name in kinds if hasattr(torch, name)]
    entries = {str(kind): torch.zeros(8, 8, dtype=torch.uint8).view(kind) if kind.itemsize < 2 else
               torch.zeros(8, 8, dtype=torch.int64).view(kind) for kind in types}  # fmt: skip
    _checkpoint(path, {**entries, "a.weight": _kernel()})


@kind("pytorch", "net.pth")
def keys_that_are_no_names(path: Path) -> None:
    _checkpoint(path, {1: _kernel(), None: _kernel(), ("a",): _kernel(), "": _kernel(), "x\0\ud800\n": _kernel()})


@kind("pytorch", "net.pth")
def scales_that_do_not_fit(path: Path) -> None:
    import torch

    entries = {"a.weight": torch.zeros(4, 4, dtype=torch.int8), "a.weight_scale": torch.zeros(0)}
    _checkpoint(
        path, {**entries, "b.weight": torch.zeros(4, 4, dtype=torch.int8), "b.weight_scale": torch.ones(3, 1, 2)}
    )


@kind("pytorch", "net.pth")
def scales_of_no_rows(path: Path) -> None:
    import torch

    _checkpoint(path, {"a.weight": torch.zeros(4, 4, dtype=torch.int8), "a.weight_scale": torch.zeros(0, 4)})


def _old_checkpoint(path: Path, count: int) -> None:
    """As torch wrote before it wrote archives: a storage of so many numbers, of which none follow."""
    import torch

    torch.save(OrderedDict(a=torch.zeros(70_007)), path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    number = struct.pack("<BI", pickle.BININT[0], 70_007)
    huge = pickle.LONG1 + b"\x08" + count.to_bytes(8, "little")
    assert number in data
    path.write_bytes(data.replace(number, huge)[:2000])


@kind("pytorch", "net.pth")
def a_storage_of_forty_gigabytes_that_is_not_there(path: Path) -> None:
    _old_checkpoint(path, 10_000_000_000)


@kind("pytorch", "net.pth")
def a_storage_of_three_gigabytes_that_is_not_there(path: Path) -> None:
    _old_checkpoint(path, 750_000_000)


@kind("pytorch", "net.pth")
def a_checksum_that_is_wrong(path: Path) -> None:
    """A number of a kernel changed; it was read so."""
    import torch

    torch.save({"a.weight": torch.full((4, 3, 3, 3), 1.5)}, path)
    data = bytearray(path.read_bytes())
    data[data.index(struct.pack("<f", 1.5)) + 3] ^= 1
    path.write_bytes(data)


def _archive(path: Path, **files: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


@kind("pytorch", "net.pth")
def an_archive_that_unpacks_to_a_thousand_times_its_size(path: Path) -> None:
    _archive(path, **{"net/data.pkl": pickle.dumps({"a": 1}, 2), "net/data/0": bytes(1 << 28), "net/version": b"3\n"})


# ---- NumPy


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
                _archive(path, **{f"{key}.npy": data, f"{key}|q.npy": pair, "b.npy": _npy("'<f4'", "(2, 2)")})

            write.__name__ = f"{name}_as_{key}"
            kind("npz", "net.npz")(write)

        def write_samples(path: Path, data: bytes = data) -> None:
            labels = _npy("'<i4'", "(4,)")
            _archive(path, **{"inputs.npy": _npy("'<f4'", "(4, 1)"), "labels.npy": labels, "classes.npy": data})

        write_samples.__name__ = f"classes_are_{name}"
        kind("samples", "data.npz")(write_samples)


_npz_kinds()


@kind("npz", "net.npz")
def a_scale_that_is_no_pair(path: Path) -> None:
    four = _npy("'<f4'", "(2, 2)")
    _archive(path, **{"a/kernel.npy": four, "a/kernel|q.npy": four})


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


# ---- Caffe


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


# ---- Darknet, JSON, TOML, YAML


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


@kind("configuration", "wbsite.toml")
def lists_beyond_recursion(path: Path) -> None:
    path.write_text("models = " + "[" * 5000 + "]" * 5000)


@kind("configuration", "wbsite.toml")
def a_number_of_ten_thousand_digits(path: Path) -> None:
    path.write_text("workers = " + "9" * 10_000)


@kind("article", "mine.md")
def a_date_that_no_calendar_has(path: Path) -> None:
    path.write_text("---\ntitle: x\ndescription: y\nauthors: z\norder: 1\ndate: 2024-13-45\n---\ntext\n")


@kind("article", "mine.md")
def front_matter_beyond_recursion(path: Path) -> None:
    path.write_text("---\ntitle: " + "[" * 5000 + "\n---\ntext\n")


@kind("article", "mine.md")
def aliases_that_multiply(path: Path) -> None:
    """Nine lists of nine of the one before: a billion names of authors."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    path.write_text(
        "---\n" + "\n".join([*lines, "title: *a8", "description: y", "authors: *a8", "order: 1"]) + "\n---\n.\n"
    )


# ---- HDF5


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


# ---- networks in files: calls that make values of gigabytes


def _loaded(path: Path, number: int) -> None:
    from wbsite.models.user import load_file

    load_file(str(path))


def _scripted(path: Path, body: str) -> None:
    import torch
    from torch import nn

    scripted = torch.jit.script(nn.Conv2d(3, 4, 3).eval())
    torch.jit.save(scripted, path)
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in entries:
            if entry.filename.endswith("modules/conv.py"):
                text = data.decode()
                start = text.index("def forward")
                begin = text.index("\n", text.index("-> Tensor", start)) + 1
                data = (text[:begin] + body).encode()
            if not entry.filename.endswith(".debug_pkl"):
                archive.writestr(entry.filename, data)


SCRIPTS = {
    "repeat": "    return torch.repeat(input, [100000, 100, 100, 1])\n",
    "repeat_often": "    x = torch.repeat(input, [1, 40, 8, 8])\n    return torch.repeat(x, [1, 40, 8, 8])\n",
    "expand": "    x = torch.expand(torch.zeros([1, 1]), [100000, 100000])\n    return torch.add(x, x)\n",
    "pad": "    return torch.constant_pad_nd(input, [100000, 100000, 100000, 100000], 0)\n",
    "zeros": "    return torch.zeros([100000, 100000])\n",
    "upsample": "    return torch.upsample_nearest2d(input, [100000, 100000], None)\n",
    "calls_itself": "    return (self).forward(input, )\n",
}


def _script_kinds() -> None:
    for name, body in SCRIPTS.items():

        def write(path: Path, body: str = body) -> None:
            _scripted(path, body)

        write.__name__ = f"a_script_that_{name}"
        kind("torchscript", "net.ts", _loaded)(write)


_script_kinds()


def _onnx(path: Path, *nodes: Any, **constants: Any) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weight = np.zeros((4, 3, 3, 3), np.float32)
    conv = helper.make_node("Conv", ["x", "w"], ["c"], name="conv")
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in {"w": weight, **constants}.items()]
    graph = helper.make_graph(
        [conv, *nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        arrays,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    path.write_bytes(model.SerializeToString())


@kind("onnx", "net.onnx", _loaded)
def a_tile_of_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    _onnx(path, helper.make_node("Tile", ["c", "r"], ["y"]), r=np.array([1, 1000, 1000, 10]))


@kind("onnx", "net.onnx", _loaded)
def a_constant_of_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    shaped = helper.make_node("ConstantOfShape", ["r"], ["z"])
    _onnx(path, shaped, helper.make_node("Add", ["c", "z"], ["y"]), r=np.array([1, 4, 60_000, 60_000]))


@kind("onnx", "net.onnx", _loaded)
def a_range_of_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    ranged = helper.make_node("Range", ["a", "b", "d"], ["y"])
    _onnx(path, ranged, a=np.int64(0), b=np.int64(1 << 40), d=np.int64(1))


@kind("onnx", "net.onnx", _loaded)
def a_resize_to_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    resized = helper.make_node("Resize", ["c", "", "", "r"], ["y"], mode="nearest")
    _onnx(path, resized, r=np.array([1, 4, 100_000, 100_000]))


@kind("onnx", "net.onnx")
def a_tensor_of_a_shape_of_terabytes(path: Path) -> None:
    from onnx import TensorProto, helper

    _onnx(path)
    import onnx

    model = onnx.ModelProto.FromString(path.read_bytes())
    model.graph.initializer[0].CopyFrom(TensorProto(name="w", dims=[1 << 20, 1 << 20, 3, 3], data_type=1, raw_data=b""))
    path.write_bytes(model.SerializeToString())
    del helper


# ---- pictures


def _chunk(name: bytes, data: bytes) -> bytes:
    import zlib

    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def _png(path: Path, width: int, height: int, colour: int, depth: int = 8) -> None:
    """A picture of one value, of which only the first rows are there."""
    import zlib

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b""))


@kind("pictures", "a.png")
def a_picture_of_ten_gigapixels(path: Path) -> None:
    _png(path, 100_000, 100_000, 2)


@kind("pictures", "a.png")
def a_picture_of_a_hundred_and_seventy_megapixels(path: Path) -> None:
    _png(path, 17_000, 10_000, 6)


@kind("pictures", "a.png")
def a_picture_of_a_hundred_and_seventy_megapixels_of_sixteen_bits(path: Path) -> None:
    _png(path, 17_000, 10_000, 0, 16)
