"""A study of the user's own, read from a TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.naming import data_of, public

from .study import MANY, Configuration, Study, product, repeated


def chosen(named: str, profile: str) -> Study:
    """A study by name, from a file, or the profile's where nothing is named.

    Raises:
        WbsiteError: there is none of this name, or the file cannot be used.
    """
    if named.endswith(".toml"):
        return read(Path(os.path.expanduser(named)))
    known = {study.name: study for study in registry.entries("studies")}
    if not named:
        return known[profile]
    if named not in known:
        raise unknown("study", named, known, where="A study of your own is a file, as in --study mine.toml.")
    return known[named]


def read(path: Path) -> Study:
    """The study of a file.

    Its keys are the fields of `Study` and of `Configuration`. A list in place of a configuration's value gives every
    one of them in turn, in all combinations; `widths` is a list for one network, a list of lists for several;
    `seeds` is a list, or how many; "none" stands for no max-norm. A data set's file is looked for beside this one.

    Raises:
        WbsiteError: it cannot be read, or holds what is no study.
    """
    found = _parsed(path)
    hints, own = get_type_hints(Configuration), get_type_hints(Study)
    known = [*(name for name in own if name not in ("configurations", "name")), *hints]
    choices: dict[str, tuple[Any, ...]] = {}
    given: dict[str, Any] = {"name": public(path.name)}
    for key, value in found.items():
        if key not in known:
            raise unknown("key", key, known, where=f"({path})")
        if key in hints:
            many = isinstance(value, list) and (key != "widths" or any(isinstance(one, list) for one in value))
            options = value if many else [value]
            if not options:
                raise WbsiteError(f"{path}: {key} is an empty list.", "Give at least one value, or leave it out.")
            choices[key] = tuple(_typed(path, key, one, hints[key]) for one in options)
            if twice := repeated(choices[key]):
                raise WbsiteError(f"{path}: {key} has {twice[0]!r} twice.", "Give every value once.")
        elif key == "seeds" and isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= MANY:
                raise WbsiteError(
                    f"{path}: seeds is {value}.", f"Expected how many, from 1 to {MANY}, or a list of them."
                )
            given[key] = tuple(range(value))
        else:
            given[key] = _typed(path, key, value, own[key])
    kind, data = data_of(path, given.get("dataset", ""))
    if data:
        given["dataset"] = f"{kind}:{data}"
    try:
        ordered = {field.name: choices[field.name] for field in fields(Configuration) if field.name in choices}
        study = Study(product(ordered), **given)
    except WbsiteError as error:
        raise WbsiteError(f"{path}: {error.message}", error.hint) from error
    return study


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise WbsiteError(f"there is no study {path}.", "Give a TOML file, or the name of a study.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise WbsiteError(f"{path} cannot be read ({error}).", "Give a TOML file.") from error
    except (ValueError, RecursionError) as error:  # tomllib's own error is a ValueError too
        raise WbsiteError(f"{path} is not valid TOML: {error}.", "Repair that line.") from error


def _typed(path: Path, key: str, value: Any, wanted: Any) -> Any:
    """A TOML value as a field takes it: lists become tuples, whole numbers numbers, "none" none."""
    options = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    for option in options:
        if option is type(None) and value == "none":
            return None
        if get_origin(option) is Literal and value in get_args(option):
            return value
        if get_origin(option) is tuple and isinstance(value, list):
            inner = get_args(option)[0]
            if all(type(one) is inner for one in value):
                return tuple(value)
        if option is float and type(value) in (int, float) and not abs(value) >= 1e300:
            return float(value)
        if isinstance(option, type) and type(value) is option:
            return value
    raise WbsiteError(f"{path}: {key} is {value!r}.", f"Expected {_expected(options)}.")


def _expected(options: tuple[Any, ...]) -> str:
    said = []
    for option in options:
        if option is type(None):
            said.append('"none"')
        elif get_origin(option) is Literal:
            said += [repr(one) for one in get_args(option)]
        elif get_origin(option) is tuple:
            said.append({int: "a list of whole numbers", str: "a list of texts"}.get(get_args(option)[0], "a list"))
        else:
            said.append({int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[option])
    return " or ".join(said)
