"""The user's own categories of units: a CSV file, read and checked before anything is computed."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wbsite.core.errors import RunError, WbsiteError, unknown
from wbsite.core.filing.documents import canonical
from wbsite.core.filing.paths import expanded

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("layer", "unit", "category")
EXAMPLE = "The first line is layer,unit,category, and every other line a unit, as in mixed3b_5x5,379,curve."

MOST_BYTES, MOST_ROWS, MOST_CATEGORIES, LONGEST = 64 * 2**20, 1_000_000, 200, 80
"""What a file may hold, and characters of a category's name: a network has some ten thousand units, and every category
is tested in every branch."""


class CategoriesError(RunError):
    """The file of categories cannot be used."""


class Row(NamedTuple):
    """A unit as the file names it."""

    layer: str
    unit: int
    category: str


@dataclass(frozen=True)
class File:
    """A file's rows with the line each ends on."""

    name: str
    rows: Mapping[Row, int]

    @property
    def layers(self) -> dict[str, int]:
        """Layers and blocks it names, in order, with the line that does so first."""
        layers: dict[str, int] = {}
        for row, line in self.rows.items():
            layers.setdefault(row.layer, line)
        return layers


@dataclass(frozen=True)
class Labels:
    """The rows of a file of categories that are about one model.

    Attributes:
        table: layer, unit (number of the channel in its layer's output, from 0), category; sorted.
        named: layers and blocks of the file that the model has.
        digest: SHA-256 of the table; "" where it is empty.
        about: what the record of a result says of them.
    """

    table: pd.DataFrame
    named: tuple[str, ...]
    digest: str
    about: Mapping[str, object]


def read(path: str) -> File:
    """The rows of a file, every line checked.

    Raises:
        CategoriesError: it cannot be read, is no such table, or is too long.
    """
    file = expanded(path)
    try:
        stat = file.stat()
        if not file.is_file():
            raise CategoriesError(f"{path} is not a file.", EXAMPLE)
        if stat.st_size > MOST_BYTES:
            raise CategoriesError(
                f"{path} has {stat.st_size / 2**20:.0f} MB; categories may take {MOST_BYTES // 2**20} MB.", EXAMPLE
            )
        return _read(file, path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise CategoriesError(
            f"the categories {path} cannot be read ({error.strerror or error}).", "Give the path of a CSV file."
        ) from error


@lru_cache(maxsize=1)
def _read(source: Path, path: str, size: int, modified: int) -> File:
    rows: dict[Row, int] = {}
    categories: set[str] = set()
    with source.open(encoding="utf-8-sig", newline="") as file:
        for line, row in _parsed(file, path):
            if row in rows:
                raise CategoriesError(
                    f"{path} says twice that unit {row.unit} of {row.layer} is {row.category!r}: "
                    f"in lines {rows[row]} and {line}.",
                    "Remove one.",
                )
            rows[row] = line
            categories.add(row.category)
            for count, most, what in ((len(rows), MOST_ROWS, "rows"), (len(categories), MOST_CATEGORIES, "categories")):
                if count > most:
                    raise CategoriesError(
                        f"{path} has more than {most:,} {what} (line {line}).",
                        "Each category is tested in every branch: give those you ask about.",
                    )
    if not rows:
        raise CategoriesError(f"{path} holds no units.", EXAMPLE)
    return File(source.name, rows)


def _parsed(file: Iterable[str], path: str) -> Iterator[tuple[int, Row]]:
    """Line number and row, one after the other."""
    reader = csv.reader(file, strict=True)
    order: list[int] = []
    known: dict[str, str] = {}
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not order:
                order = _columns(cells, path)
                continue
            if len(cells) != len(COLUMNS):
                raise CategoriesError(
                    f"{path}, line {reader.line_num}: {len(cells)} fields instead of {len(COLUMNS)}.", EXAMPLE
                )
            layer, unit, category = (cells[i] for i in order)
            if fault := _fault(layer, unit, category):
                raise CategoriesError(f"{path}, line {reader.line_num}: {fault}.", EXAMPLE)
            yield reader.line_num, Row(known.setdefault(layer, layer), int(unit), known.setdefault(category, category))
    except UnicodeDecodeError as error:
        raise CategoriesError(f"{path} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise CategoriesError(f"{path}, line {reader.line_num}: {error}.", EXAMPLE) from error
    if not order:
        raise CategoriesError(f"{path} is empty.", EXAMPLE)


def _columns(names: list[str], path: str) -> list[int]:
    """Where the columns stand."""
    if sorted(names) == sorted(COLUMNS):
        return [names.index(name) for name in COLUMNS]
    for name in names:
        if name not in COLUMNS and len(names) == len(COLUMNS):
            raise CategoriesError(*_words(unknown("column", name[:LONGEST], COLUMNS, f"({path})")))
    raise CategoriesError(f"{path} has the columns {', '.join(names)[: 2 * LONGEST]!r}.", EXAMPLE)


def _fault(layer: str, unit: str, category: str) -> str:
    if not layer:
        return "no layer is named"
    if not (unit.isascii() and unit.isdigit()) or len(unit) > 9:
        return f"the unit is {unit[:LONGEST]!r}, expected a whole number from 0"
    if not category:
        return "the category is empty"
    if len(category) > LONGEST or not category.isprintable():
        return f"the category {category[:LONGEST]!r} is not a name of at most {LONGEST} printable characters"
    return ""


def labels(path: str, model: str, units: Mapping[str, Mapping[str, range]]) -> Labels:
    """What a file says of a model's units; rows of layers that the model does not have are another's.

    Args:
        path: "" for no file.
        model: its name, for messages.
        units: layer or block → its layers → the numbers that their units have on pages. In a block they go on from one
            layer to the next, so that the block's name does as well as the layer's.

    Raises:
        CategoriesError: the file cannot be used, or a layer has no such unit.
    """
    import pandas as pd

    if not path:
        return Labels(pd.DataFrame(columns=list(COLUMNS)).astype({"unit": int}), (), "", {})
    file = read(path)
    rows = set()
    for row, line in file.rows.items():
        if row.layer not in units:
            continue
        numbers = units[row.layer]
        layer = next((name for name, part in numbers.items() if row.unit in part), None)
        if layer is None:
            has = ", ".join(f"{part.start} to {part.stop - 1}" for part in numbers.values())
            raise CategoriesError(
                f"{path}, line {line}: {row.layer} of {model} has no unit {row.unit}, but {has}.",
                "Units have the numbers of their pages, counted over a whole block where layers are branches of one.",
            )
        rows.add((layer, row.unit - numbers[layer].start, row.category))
    table = pd.DataFrame(sorted(rows), columns=list(COLUMNS)).astype({"unit": int})
    digest = hashlib.sha256(canonical(sorted(rows))).hexdigest() if rows else ""
    about = {"name": file.name, "units": len({row[:2] for row in rows})} if rows else {}
    return Labels(table, tuple(name for name in file.layers if name in units), digest, about)


def check_layers(path: str, present: Iterable[str], known: Iterable[str]) -> None:
    """Refuses a layer that no model has.

    Args:
        present: layers and blocks of the file that some model has.
        known: all that models have, to say the nearest.

    Raises:
        CategoriesError: there is one.
    """
    file, present = read(path), set(present)
    for layer, line in file.layers.items():
        if layer not in present:
            raise CategoriesError(*_words(unknown("layer", layer[:LONGEST], known, f"({path}, line {line})")))


def _words(error: WbsiteError) -> tuple[str, str]:
    return error.message, error.hint
