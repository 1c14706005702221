"""Ways to spoil a file by its bytes and by its text; `structures` has those by what is in it.

Every mutation takes the bytes of a whole file and a generator of random numbers, and returns other bytes. The same
generator gives the same bytes. None looks for faults of other software: values are changed to those that files are
known to get wrong (none, negative, huge, of another type, empty, repeated, nested).
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

ODD_INTEGERS = (0, 1, -1, 2, 7, 127, 128, 255, 256, 65535, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40,
                (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a" * 3000,
    "../x",
    "/",
    "~nobody",
    "\u202e",
    "é\u0301",
    "-",
    "nan",
    "None",
    "[",
    "{",
    "\ud800",
)
ODD_DATES = ("1979-05-27", "07:32:00", "9999-12-31T23:59:59Z")


def odd_value(generator: random.Random) -> Any:
    """A value of JSON that is seldom meant."""
    kind = generator.randrange(9)
    if kind < 3:
        return generator.choice(ODD_INTEGERS)
    if kind < 5:
        return generator.choice(ODD_TEXTS)
    plain = (None, True, False, 1.5, -0.0, 1e308, float("nan"), float("inf"), [], {}, [[]], [None], {"": None}, 10**400)
    if kind < 8:
        return generator.choice(plain)
    value: Any = generator.choice((1, "x", None))
    for _ in range(generator.choice((3, 50, 3000))):
        value = [value] if generator.random() < 0.5 else {"a": value}
    return value


def applied(mutation: Mutation, data: bytes, generator: random.Random) -> bytes:
    """As the mutation; bytes are changed where an earlier one has left nothing of the structure that this one needs."""
    try:
        return mutation(data, generator)
    except Exception:  # of zipfile, json and others, for what is no whole file any more
        return generator.choice(BYTES)(data, generator)


# ---- bytes


def cut(data: bytes, generator: random.Random) -> bytes:
    """Cut off anywhere."""
    return data[: generator.randrange(len(data) + 1)]


def flipped(data: bytes, generator: random.Random) -> bytes:
    """A few bits turned, half of the time near the beginning."""
    changed = bytearray(data)
    end = min(2000, len(changed)) if generator.random() < 0.5 else len(changed)
    for _ in range(generator.choice((1, 2, 8, 40)) if end else 0):
        changed[generator.randrange(end)] ^= 1 << generator.randrange(8)
    return bytes(changed)


def with_integers(data: bytes, generator: random.Random) -> bytes:
    """Odd whole numbers of one to eight bytes written over what is there."""
    changed = bytearray(data)
    for _ in range(generator.choice((1, 2, 5))):
        width = generator.choice((1, 2, 4, 8))
        number = generator.choice(ODD_INTEGERS) & ((1 << 8 * width) - 1)
        if len(changed) > width:
            here = generator.randrange(min(len(changed) - width, generator.choice((64, 1024, 1 << 30))))
            changed[here : here + width] = number.to_bytes(width, generator.choice(("little", "big")))
    return bytes(changed)


def moved(data: bytes, generator: random.Random) -> bytes:
    """A piece taken out, put in twice, or put elsewhere."""
    if not data:
        return data
    start = generator.randrange(len(data))
    piece = data[start : start + generator.choice((1, 4, 16, 300))]
    way = generator.randrange(3)
    rest = data[:start] + data[start + len(piece) :]
    if way == 0:
        return rest
    if way == 1:
        return data[:start] + piece * generator.choice((2, 3, 40)) + data[start + len(piece) :]
    there = generator.randrange(len(rest) + 1)
    return rest[:there] + piece + rest[there:]


def renumbered(data: bytes, generator: random.Random) -> bytes:
    """A number that is written in digits replaced by another, of the same length where that can be."""
    digits = list(re.finditer(rb"\d+", data))
    if not digits:
        return flipped(data, generator)
    match = generator.choice(digits[:2000])
    number = str(generator.choice((*ODD_INTEGERS, 10**30, 10**400)))
    if generator.random() < 0.4:
        number = "9" * len(match[0])
    return data[: match.start()] + number.encode() + data[match.end() :]


BYTES: tuple[Mutation, ...] = (cut, flipped, with_integers, moved, renumbered)

# ---- text


def line_changed(data: bytes, generator: random.Random) -> bytes:
    """A line taken out, put in twice, moved, or joined to the next."""
    lines = data.split(b"\n")
    i, j = generator.randrange(len(lines)), generator.randrange(len(lines))
    way = generator.randrange(4)
    if way == 0:
        del lines[i]
    elif way == 1:
        lines[i:i] = [lines[i]] * generator.choice((1, 2, 100))
    elif way == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif i + 1 < len(lines):
        lines[i : i + 2] = [lines[i] + lines[i + 1]]
    return b"\n".join(lines)


def word_changed(data: bytes, generator: random.Random) -> bytes:
    """A word or a mark replaced by an odd text, a number, a date, or brackets without end."""
    words = list(re.finditer(rb"[\w.+-]+|[^\s\w]", data))
    if not words:
        return data
    match = generator.choice(words)
    depth = generator.choice((1, 50, 5000))
    new = generator.choice((
        *ODD_TEXTS, *ODD_DATES, *map(str, ODD_INTEGERS), str(10**400), "1e999", "-nan", "true", '"', "'", '"""', "=",
        ",", "&a [*a]", "*a", "!!python/object:x", "{{ x }}", "{% raw %}", "---", "#", "@article{", "\\", "%",
        "\r", "\t", "[" * depth, "{" * depth, "[" * depth + "]" * depth, "{" * depth + "}" * depth, "<<: *a",
    ))  # fmt: skip
    return data[: match.start()] + new.encode("utf-8", "surrogatepass") + data[match.end() :]


def key_changed(data: bytes, generator: random.Random) -> bytes:
    """What stands behind a key (= or :) replaced by an odd value, as JSON and TOML write it."""
    places = list(re.finditer(rb"(?<=[=:])[^\n]*", data))
    if not places:
        return data
    match = generator.choice(places)
    written = json.dumps(odd_value(generator))[:100_000]
    return data[: match.start()] + b" " + written.encode() + data[match.end() :]


TEXT: tuple[Mutation, ...] = (*BYTES, line_changed, word_changed, word_changed, key_changed, key_changed)
