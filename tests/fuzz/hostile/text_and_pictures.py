"""Configuration and front matter nested too deep or multiplied, and pictures of more pixels than there is room for."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from .base import kind


@kind("configuration", "wbsite.toml")
def lists_beyond_recursion(path: Path) -> None:
    path.write_text("models = " + "[" * 5000 + "]" * 5000)


@kind("configuration", "wbsite.toml")
def a_number_of_ten_thousand_digits(path: Path) -> None:
    path.write_text("workers = " + "9" * 10_000)


@kind("bibliography", "refs.bib")
def a_field_in_capitals(path: Path) -> None:
    """Its authors were not taken apart, and it ended in a traceback."""
    path.write_text("@article{a, Author = {Doe, Jane}, TITLE = {x}, Year = 2020}")


@kind("bibliography", "refs.bib")
def braces_beyond_recursion(path: Path) -> None:
    path.write_text(f"@article{{a, author = {{Doe, Jane}}, title = {{{'{' * 2000}x{'}' * 2000}}}, year = 2020}}")


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


def _chunk(name: bytes, data: bytes) -> bytes:

    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def _png(path: Path, width: int, height: int, colour: int, depth: int = 8) -> None:
    """A picture of one value, of which only the first rows are there."""

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b""))


@kind("pictures", "a.png")
def a_piece_of_four_gigabytes(path: Path) -> None:
    """A length that is not there, of which the reader asks for all."""
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    piece = (0xFFFFFFF0).to_bytes(4, "big") + b"IDAT" + zlib.compress(bytes(200))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + piece)


@kind("pictures", "a.png")
def a_picture_of_ten_gigapixels(path: Path) -> None:
    _png(path, 100_000, 100_000, 2)


@kind("pictures", "a.png")
def a_picture_of_a_hundred_and_seventy_megapixels(path: Path) -> None:
    _png(path, 17_000, 10_000, 6)


@kind("pictures", "a.png")
def a_picture_of_a_hundred_and_seventy_megapixels_of_sixteen_bits(path: Path) -> None:
    _png(path, 17_000, 10_000, 0, 16)
