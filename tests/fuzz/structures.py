"""Ways to change what is in a file, with the lengths and checksums around it put right."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from .mutations import BYTES, ODD_INTEGERS, TEXT, Mutation, odd_value


def changed_tree(tree: Any, generator: random.Random) -> Any:
    """A value of JSON with one of its parts replaced, taken out or repeated."""
    places = list(_places(tree))
    if not places:
        return odd_value(generator)
    holder, key = generator.choice(places)
    way = generator.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * generator.choice((1, 20))
    elif way == 1:
        holder[generator.choice(("", "x", "__metadata__", "config", "layer"))] = holder[key]
    elif way == 2:
        other, place = generator.choice(places)
        holder[key] = json.loads(json.dumps(other[place])) if _small(other[place]) else odd_value(generator)
    else:
        holder[key] = odd_value(generator)
    return tree


def _small(value: Any) -> bool:
    try:
        return len(json.dumps(value)) < 100_000
    except (RecursionError, ValueError):
        return False


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every part of a value."""
    pending = [tree]
    while pending:
        holder = pending.pop()
        keys: Any = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            yield holder, key
            pending.append(holder[key])


def in_json(data: bytes, generator: random.Random) -> bytes:
    """A part of a JSON file changed; of what is no JSON, its text."""
    try:
        tree = json.loads(data)
    except ValueError:
        return generator.choice(TEXT)(data, generator)
    try:
        for _ in range(generator.choice((1, 1, 3))):
            tree = changed_tree(tree, generator)
        return json.dumps(tree).encode("utf-8", "surrogatepass")
    except RecursionError:
        depth = generator.choice((1000, 20_000))
        return b"[" * depth + b"]" * depth


def in_safetensors(data: bytes, generator: random.Random) -> bytes:
    """The header of a safetensors file changed, and its length put right."""
    length = int.from_bytes(data[:8], "little")
    header = in_json(data[8 : 8 + length], generator)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def in_record(data: bytes, generator: random.Random) -> bytes:
    """The record of provenance in a safetensors file changed."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    record = {
        "model": "tiny",
        "weights": "own",
        "missing": ["a"],
        "data_digest": "sha256:00",
        "training": {"epochs": 3},
    }
    record = in_json(json.dumps(record).encode(), generator).decode("utf-8", "replace")
    header["__metadata__"] = {"wbsite": record} if generator.random() < 0.8 else odd_value(generator)
    text = json.dumps(header).encode("utf-8", "replace")
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def in_archive(inner: Callable[[str], tuple[Mutation, ...]]) -> Mutation:
    """A file within a zip archive changed, left out, repeated or called otherwise, with lengths and checksums right.

    Args:
        inner: name of a file in the archive → mutations for it.
    """

    def mutate(data: bytes, generator: random.Random) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [(entry.filename, archive.read(entry), entry.compress_type) for entry in archive.infolist()]
        place, way = generator.randrange(len(entries)), generator.randrange(12)
        name, content, kind = entries[place]
        if way == 0:
            del entries[place]
        elif way == 1:
            entries[place] = (generator.choice(("x", f"{name}/x", f"../{name}", name.upper())), content, kind)
        elif way == 2:
            entries[place] = (name, generator.choice(entries)[1], kind)
        else:
            entries[place] = (name, generator.choice(inner(name))(content, generator), kind)
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name, content, kind in entries:
                archive.writestr(name, content, kind)
        return made.getvalue()

    return mutate


def in_message(data: bytes, generator: random.Random) -> bytes:
    """A field of a protobuf message changed, at any depth, and the lengths around it put right."""
    return _message(data, generator, 0)


def _message(data: bytes, generator: random.Random, depth: int) -> bytes:
    fields = _fields(data)
    if not fields:
        return generator.choice(BYTES)(data, generator)
    place = generator.randrange(len(fields))
    number, wire, value = fields[place]
    way = generator.randrange(8)
    if way == 0:
        del fields[place]
    elif way == 1:
        fields[place:place] = [fields[place]] * generator.choice((1, 3, 200))
    elif way == 2:
        fields[place] = (generator.choice((1, 2, 5, 7, 10, 16, 100, 536870911)), wire, value)
    elif isinstance(value, int):
        fields[place] = (number, wire, generator.choice(ODD_INTEGERS) & ((1 << 64) - 1))
    elif wire == 2 and depth < 7 and _fields(value) and generator.random() < 0.85:
        fields[place] = (number, wire, _message(value, generator, depth + 1))
    else:
        fields[place] = (number, wire, generator.choice(BYTES)(value, generator) if wire == 2 else value)
    return b"".join(map(_written, fields))


def _fields(data: bytes) -> list[tuple[int, int, Any]]:
    """(number, wire type, value) of a message; none where the bytes are no message."""
    fields, position = [], 0
    while position < len(data):
        try:
            key, position = _varint(data, position)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, position = _varint(data, position)
                fields.append((number, wire, value))
                continue
            size, position = _varint(data, position) if wire == 2 else ({1: 8, 5: 4}[wire], position)
        except (IndexError, KeyError):
            return []
        if number == 0 or position + size > len(data):
            return []
        fields.append((number, wire, data[position : position + size]))
        position += size
    return fields


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
        if shift > 63:
            raise IndexError(position)


def varint(number: int) -> bytes:
    """A whole number as protobuf writes it."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


def _written(field: tuple[int, int, Any]) -> bytes:
    number, wire, value = field
    key = varint(number << 3 | wire)
    if wire == 0:
        return key + varint(value)
    return key + varint(len(value)) + value if wire == 2 else key + value


def in_npy(data: bytes, generator: random.Random) -> bytes:
    """The header of one of NumPy's arrays changed, and its length put right."""
    length = int.from_bytes(data[8:10], "little")
    header, rest = data[10 : 10 + length], data[10 + length :]
    way = generator.randrange(4)
    if way == 0:
        kinds = (
            "<c8",
            "<M8[s]",
            "<m8[D]",
            "|O",
            "|V0",
            "|V7",
            "<U3",
            "|S0",
            ">f4",
            "|b1",
            "<f16",
            "[('a','<f4')]",
            "x" * 9,
        )
        header = re.sub(rb"'descr': '[^']*'", f"'descr': '{generator.choice(kinds)}'".encode(), header)
    elif way == 1:
        shapes = (
            "()",
            "(0,)",
            "(-1,)",
            "(1<<40,)",
            "(1099511627776,)",
            "(1,)*99",
            "(2, 0, 99999999999)",
            "(1.5,)",
            "None",
        )
        header = re.sub(rb"\([\d, ]*\)", generator.choice(shapes).encode(), header)
    else:
        header = generator.choice(TEXT)(header, generator)
    return data[:8] + (len(header) & 0xFFFF).to_bytes(2, "little") + header + rest
