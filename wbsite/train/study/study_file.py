"""A study of the user's own, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.filing.paths import expanded
from wbsite.core.naming import data_of, public

from .study import MANY, Configuration, Study, product, repeated


def chosen(token: str, profile: str) -> Study:
    """A study by name, from a file, or the profile's where the token is "".

    Raises:
        WbsiteError: there is none of this name, or the file cannot be used.
    """
    if token.endswith(".toml"):
        return read(expanded(token))
    studies = {study.name: study for study in registry.entries("studies")}
    if not token:
        return studies[profile]
    if token not in studies:
        raise unknown("study", token, studies, where="A study of your own is a file, as in --study mine.toml.")
    return studies[token]


def read(path: Path) -> Study:
    """The study of a file.

    Its keys are the fields of `Study` and of `Configuration`. A list in place of a configuration's value gives every
    one of them in turn, in all combinations; `widths` is a list for one network, a list of lists for several;
    `seeds` is a list, or how many; "none" stands for no max-norm. A data set's file is looked for beside this one.

    Raises:
        WbsiteError: it cannot be read, or does not describe a study.
    """
    types, study_types = get_type_hints(Configuration), get_type_hints(Study)
    keys = [*(name for name in study_types if name not in ("configurations", "name")), *types]
    choices: dict[str, tuple[Any, ...]] = {}
    fields_of_study: dict[str, Any] = {"name": public(path.name)}
    for key, value in _parsed(path).items():
        if key not in keys:
            raise unknown("key", key, keys, where=f"({path})")
        if key in types:
            several = isinstance(value, list) and (key != "widths" or any(isinstance(item, list) for item in value))
            options = value if several else [value]
            if not options:
                raise WbsiteError(f"{path}: {key} is an empty list.", "Give at least one value, or leave it out.")
            choices[key] = tuple(_typed(path, key, option, types[key]) for option in options)
            if doubles := repeated(choices[key]):
                raise WbsiteError(f"{path}: {key} has {doubles[0]!r} twice.", "Give every value once.")
        elif key == "seeds" and isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= MANY:
                raise WbsiteError(
                    f"{path}: seeds is {value}.", f"Expected how many, from 1 to {MANY}, or a list of them."
                )
            fields_of_study[key] = tuple(range(value))
        else:
            fields_of_study[key] = _typed(path, key, value, study_types[key])
    kind, data = data_of(path, fields_of_study.get("dataset", ""))
    if data:
        fields_of_study["dataset"] = f"{kind}:{data}"
    try:
        ordered = {field.name: choices[field.name] for field in fields(Configuration) if field.name in choices}
        return Study(product(ordered), **fields_of_study)
    except WbsiteError as error:
        raise WbsiteError(f"{path}: {error.message}", error.hint) from error


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise WbsiteError(f"there is no study {path}.", "Give a TOML file, or the name of a study.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise WbsiteError(f"{path} cannot be read ({error}).", "Give a TOML file.") from error
    except (ValueError, RecursionError) as error:  # tomllib's own error is a ValueError too
        raise WbsiteError(f"{path} is not valid TOML: {error}.", "Repair that line.") from error


def _typed(path: Path, key: str, value: Any, expected: Any) -> Any:
    """A TOML value as a field of the expected type takes it: lists become tuples, whole numbers become floats, "none"
    becomes None."""
    options = get_args(expected) if get_origin(expected) in (Union, UnionType) else (expected,)
    for option in options:
        if option is type(None) and value == "none":
            return None
        if get_origin(option) is Literal and value in get_args(option):
            return value
        if get_origin(option) is tuple and isinstance(value, list):
            inner = get_args(option)[0]
            if all(type(item) is inner for item in value):
                return tuple(value)
        if option is float and type(value) in (int, float) and not abs(value) >= 1e300:
            return float(value)
        if isinstance(option, type) and type(value) is option:
            return value
    raise WbsiteError(f"{path}: {key} is {value!r}.", f"Expected {_expected(options)}.")


def _expected(options: tuple[Any, ...]) -> str:
    words = []
    for option in options:
        if option is type(None):
            words.append('"none"')
        elif get_origin(option) is Literal:
            words += [repr(choice) for choice in get_args(option)]
        elif get_origin(option) is tuple:
            words.append({int: "a list of whole numbers", str: "a list of texts"}.get(get_args(option)[0], "a list"))
        else:
            words.append({int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[option])
    return " or ".join(words)
