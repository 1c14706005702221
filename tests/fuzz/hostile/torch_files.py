"""Records of provenance of odd types, tensors that claim or repeat what is not there, modules that hold each other."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

from .base import archive_of, kind


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


@kind("pytorch", "net.pth")
def an_archive_that_unpacks_to_a_thousand_times_its_size(path: Path) -> None:
    archive_of(path, **{"net/data.pkl": pickle.dumps({"a": 1}, 2), "net/data/0": bytes(1 << 28), "net/version": b"3\n"})
