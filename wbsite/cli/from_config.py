"""Turns the fields of the configuration into the options of commands."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import Field
from functools import wraps
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Annotated, Any, Optional, get_args, get_origin, get_type_hints

import typer

from wbsite.core import log
from wbsite.core.config import Config, load
from wbsite.core.config import options as all_options
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import LONGEST, expanded, folder

KEYWORD = inspect.Parameter.KEYWORD_ONLY


def annotation(name: str) -> Any:
    """The type of a command's parameter for a field of Config; None where the option is not given."""
    entry = next(entry for entry in all_options() if entry.name == name)
    hint = get_type_hints(Config)[name]
    flag = f"--{name.replace('_', '-')}"
    if hint is bool:
        return Annotated[Optional[bool], typer.Option(flag, help=entry.metadata["help"])]
    kind = int if hint is int else str
    return Annotated[Optional[kind], typer.Option(flag, help=entry.metadata["help"], metavar=entry.metadata["value"])]


def options_of(command: str) -> list[Field[Any]]:
    """The fields of Config that a command takes."""
    return [entry for entry in all_options() if command in entry.metadata["commands"]]


def configuration(options: Mapping[str, Any]) -> Config:
    """The configuration with the options of a command line, in which commas separate names and numbers.

    From here on what the process says has the format that it asks for.

    Raises:
        WbsiteError: as `config.load`.
    """
    hints = get_type_hints(Config)
    if (form := options.get("log_format")) in log.FORMATS:  # before anything can be refused
        log.choose(form)
    config = load({name: _value(hints[name], text) for name, text in options.items()})
    log.choose(config.log_format)
    return config


def _value(hint: Any, text: Any) -> Any:
    names = split_names(text) if get_origin(hint) is tuple else None
    if names is None:
        return text
    return tuple(int(name) if name.isdigit() else name for name in names) if int in get_args(hint) else names


COMMAS = 30
"""In the name of a file, at most; with more it is taken for several names."""


def split_names(text: str | None) -> tuple[str, ...] | None:
    """The names between commas, those of existing files whole, commas and all; None where nothing was given."""
    if text is None:
        return None
    names, pieces = [], text.split(",")
    while pieces:
        together = accumulate(pieces[: COMMAS + 1], "{},{}".format)
        joined = list(takewhile(lambda name: len(name) <= LONGEST, together)) or pieces[:1]
        count = next((n for n in range(len(joined), 1, -1) if _names_a_file(joined[n - 1])), 1)
        names.append(joined[count - 1].strip())
        pieces = pieces[count:]
    return tuple(filter(None, names))


def local(path: Path, name: str) -> Path:
    """A folder or file that a command takes besides the configuration's; WbsiteError where it can be none."""
    return Path(folder(str(path), name))


def _names_a_file(name: str) -> bool:
    """Whether all commas in a name, [FILE.py:FACTORY@]FILE[#PLACE] or FILE.py:FACTORY, are those of existing files."""
    source, _, weights = name.strip().rpartition("@")
    file, _, factory = source.rpartition(":")
    ends = [(weights, ""), weights.rpartition("#")[::2]]
    if not source:
        ends.append(weights.rpartition(":")[::2])
    if "," in factory or not _is_whole(file):
        return False
    return any(path and "," not in rest and _is_whole(path) for path, rest in ends)


def _is_whole(path: str) -> bool:
    if "," not in path:
        return True
    try:
        return os.path.isfile(expanded(path))
    except WbsiteError:  # many names together, which can be no path: each is looked at by itself
        return False


def command(app: typer.Typer) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function as a command with options for all fields of Config that name it.

    Its first argument is the configuration that these make; the others are options and arguments of its own.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        options = [
            inspect.Parameter(entry.name, KEYWORD, default=None, annotation=annotation(entry.name))
            for entry in options_of(function.__name__)
        ]

        @wraps(function)
        def run(**values: Any) -> None:
            chosen = {option.name: values.pop(option.name) for option in options}
            function(configuration(chosen), **values)

        signature = inspect.signature(function, eval_str=True)
        _, *others = (parameter.replace(kind=KEYWORD) for parameter in signature.parameters.values())
        run.__signature__ = signature.replace(parameters=[*others, *options])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*others, *options)}
        app.command(function.__name__.replace("_", "-"))(run)
        return function

    return register
