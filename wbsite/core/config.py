"""What a run is asked to do: defaults, then `wbsite.toml`, then the command line. An option is written here alone."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MinLen, Predicate

from . import model_input
from .errors import WbsiteError, unknown
from .filing import paths
from .machine import bytes_in
from .model_input import NOTHING_SAID, ModelInput, Size, is_shape

BUNDLED = ("simplified_32", "inceptionv1_32", "alexnet_32")
"""Models built when none is named: trained by this project, shipped with it."""

BUILD = ("build", "compute", "export")
"""Commands that compute."""


def option(
    default: Any,
    help: str,
    *commands: str,
    value: str = "TEXT",
    expected: str = "",
    path: Callable[[str, str], str] | None = None,
) -> Any:
    """A field of Config.

    Args:
        help: what it is for, as `--help` and the documentation say it.
        commands: that take it; all of them read it from `wbsite.toml`.
        value: what stands for it in `--help`.
        expected: what to do about a wrong value; left out where the type says it all.
        path: what makes a path of the value, refuses it or expands `~` in it.
    """
    about = {"help": help, "commands": commands, "value": value, "expected": expected, "path": path}
    return field(default=default, metadata=about)


def _is_shape_or_none(sizes: tuple[int, ...]) -> bool:
    return not sizes or is_shape(sizes)


def _is_size(text: str) -> bool:
    return not text or bytes_in(text) is not None


@dataclass(frozen=True)
class Config:
    """Options of a run. Every field made by `option` is a key of `wbsite.toml` and an option of the commands it names.

    Attributes:
        described: what the tables `[models."NAME"]` of `wbsite.toml` say of inputs, by the model's name there.
    """

    models: Annotated[tuple[str, ...], MinLen(1)] = option(
        BUNDLED,
        "Comma-separated: NAME, NAME@WEIGHTS, timm:NAME, hf:USER/REPO, module:factory[@FILE], file.py:factory[@FILE] or"
        " any file of weights, as net.onnx or last.ckpt. Left out: the bundled networks.",
        "build", "compute", value="NAMES",
        expected='Give a list of names, as in models = ["a", "b"]. Leave --models out to build the bundled ones.',
    )  # fmt: skip
    input: Annotated[tuple[Size, ...], Predicate(_is_shape_or_none)] = option(
        (), "Channels, height and width of the model's input, as in 3,60,160. Left out: learned from it.", *BUILD,
        "doctor", value="SHAPE", expected="Give channels, height and width, as in --input 3,60,160.",
    )  # fmt: skip
    articles: tuple[str, ...] = option(
        (), "Comma-separated names of articles, yours or wbsite's. Left out: those in content/, else all of wbsite's.",
        "build", "render", value="NAMES",
    )  # fmt: skip
    profile: Literal["quick", "full"] = option(
        "quick", "quick: what the articles show; full: everything for every unit.", *BUILD, "doctor", value="PROFILE"
    )
    weights_dir: str = option(
        "",
        "Folder of converted weights, looked at before the cache.",
        *BUILD,
        "doctor",
        value="FOLDER",
        path=paths.folder,
    )
    max_weights_memory: Annotated[str, Predicate(_is_size)] = option(
        "", "Memory that reading one file of weights may take, as in 8G. Left out: 16 times the file's size, at least"
        " 1G, at most three quarters of what is free.", *BUILD, "doctor", value="SIZE",
        expected="Give a size, as in 8G or 500M, or leave it out.",
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda"] = option(
        "auto", "auto, cpu or cuda.", *BUILD, "doctor", "train", "cluster_check", value="DEVICE"
    )
    workers: Annotated[int, Ge(0), Le(4096)] = option(
        0, "Compute in this many local processes: 0 for as many as there are processors, 1 for none.", "build",
        "compute", value="NUMBER",
        expected="Give a whole number: 0 (as many as there are processors) to 4096.",
    )  # fmt: skip
    scheduler: Annotated[str, Predicate(lambda address: not address or ":" in address)] = option(
        "", "Compute on a running Dask cluster, as in tcp://host:8786.", "build", "compute", "cluster_check",
        value="ADDRESS",
        expected="Give its address, as in tcp://host:8786.",
    )  # fmt: skip
    wait: Annotated[int, Ge(0)] = option(
        300, "Seconds to wait for workers of the cluster while there are none.", "build", "compute", "cluster_check",
        value="SECONDS", expected="Give a whole number of seconds, 0 or more.",
    )  # fmt: skip
    store: Annotated[str, Predicate(str.strip)] = option(
        "build/store", "Folder or address of the results.", *BUILD, "render", "train", "clean", "cluster_check",
        value="FOLDER",
        expected="Give a folder or an address, or leave --store out.", path=paths.place,
    )  # fmt: skip
    out: Annotated[str, Predicate(str.strip)] = option(
        "site", "Folder of the finished site.", "build", "render", value="FOLDER",
        expected="Give a folder, or leave --out out.", path=paths.folder,
    )  # fmt: skip
    offline: bool = option(
        False, "Make a site that works from a folder, without a server, search included.", "build", "render"
    )
    zip: bool = option(False, "Make one file of the site as well, beside its folder.", "build", "render")
    keep_going: bool = option(False, "Build the other models when one cannot be loaded.", "build", "compute")
    runs: str = option(
        "", "Folder of runs that `wbsite train SUITE --out` wrote, in place of those that come with wbsite.", *BUILD,
        value="FOLDER", path=paths.folder,
    )  # fmt: skip
    census: str = option(
        "", "Folder of records that `wbsite census --out` wrote, in place of those that come with wbsite.", *BUILD,
        value="FOLDER", path=paths.folder,
    )  # fmt: skip
    photographs: Annotated[str, Predicate(str.strip)] = option(
        "sample_photographs",
        "Data set shown to the networks, as imagefolder:PATH. Left out: crops of two photographs.", *BUILD,
        value="DATASET", expected="Give a data set, as in imagefolder:PATH, or leave --photographs out.",
    )  # fmt: skip
    categories: str = option(
        "", "CSV file of your own categories of units, layer,unit,category, tested in every branch.", *BUILD,
        value="FILE", path=paths.folder,
    )  # fmt: skip
    study: str = option(
        "", "What the information-plane article trains: a name from `wbsite list experiments`, or a TOML file.", *BUILD,
        value="STUDY",
    )  # fmt: skip

    log_format: Literal["text", "json"] = option(
        "text", "Of what is said on standard error: text, or json for an object a line.", *BUILD, "render", "train",
        "cluster_check", value="FORMAT",
    )  # fmt: skip

    described: tuple[tuple[str, ModelInput], ...] = ()

    def __post_init__(self) -> None:
        from pydantic import TypeAdapter, ValidationError

        hints = get_type_hints(Config, include_extras=True)
        for entry in options():
            value = getattr(self, entry.name)
            try:
                TypeAdapter(hints[entry.name]).validate_python(value, strict=True)
            except ValidationError as error:
                blank = value in ("", ()) or (isinstance(value, str) and not value.strip())
                text = "empty" if blank else paths.shown(list(value) if isinstance(value, tuple) else value)
                expected = entry.metadata["expected"] or _expected(hints[entry.name])
                raise WbsiteError(f"{entry.name} is {text}.", expected) from error
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str):
                    paths.check_text(text, entry.name)
            if value and (made := entry.metadata["path"]):
                object.__setattr__(self, entry.name, made(value, entry.name))
        if self.workers and self.scheduler:
            raise WbsiteError(
                "both workers and scheduler are given.", "Give one: local processes, or a running scheduler."
            )
        if twice := {name for name in self.models if self.models.count(name) > 1}:
            raise WbsiteError(f"model {min(twice)!r} is named twice.", "Name every model once.")

    def input_of(self, model: str) -> ModelInput:
        """What is said of a model's input: by its table, else by that of its name without weights; `input` wins."""
        tables = dict(self.described)
        table = tables.get(model) or tables.get(model.partition("@")[0]) or NOTHING_SAID
        if not self.input:
            return table
        channels, height, width = self.input
        return replace(table, input=(channels, height, width))


def options() -> list[Field[Any]]:
    """The fields of Config that are keys of `wbsite.toml` and options of commands."""
    return [entry for entry in fields(Config) if entry.metadata]


def _expected(hint: Any) -> str:
    """What a value of a type is, for who gave another."""
    if get_origin(hint) is Literal:
        *names, last = get_args(hint)
        return f"Use {', '.join(names)} or {last}."
    if get_origin(hint) is tuple:
        return 'Give a list of names, as in ["a", "b"].'
    return {str: "Give a text in quotation marks.", bool: "Give true or false."}[hint]


def cache_folder() -> Path:
    """`WBSITE_CACHE`, else the platform's folder for caches."""
    if folder := os.environ.get("WBSITE_CACHE"):
        return paths.expanded(folder, "WBSITE_CACHE")
    from platformdirs import user_cache_path

    return user_cache_path("wbsite", appauthor=False, opinion=False)


def load(overrides: Mapping[str, Any], path: Path = Path("wbsite.toml")) -> Config:
    """The configuration: `path` where it exists, and `overrides` (None means not given) on top.

    Raises:
        WbsiteError: unknown key, wrong type or value, malformed TOML.
    """
    try:
        values = read(path) if os.path.lexists(path.absolute()) else {}
    except FileNotFoundError as error:  # `absolute` asks for the working folder
        raise WbsiteError("the working folder is gone.", "Change to another with `cd`.") from error
    values |= {key: value for key, value in overrides.items() if value is not None}
    return replace(Config(), **values)


def read(path: Path) -> dict[str, Any]:
    """The keys of a TOML file, each checked to be an option; lists as tuples.

    Tables `[models."NAME"]` in place of a list `models` name the models, and say what their inputs are.
    """
    try:
        text = path.read_text(encoding="utf-8")
        keys = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise WbsiteError(f"{path} cannot be read ({error}).", "Repair or remove it.") from error
    except (ValueError, RecursionError) as error:  # tomllib's own error is a ValueError, too
        both = "[models." in text and "models=[" in text.replace(" ", "")
        hint = "Leave the list `models` out: its tables name the models." if both else "Repair that line."
        reason = "lists or tables are too deep in each other" if isinstance(error, RecursionError) else error
        raise WbsiteError(f"{path} is not valid TOML: {reason}.", hint) from error
    known = [entry.name for entry in options()]
    for key in keys:
        if key not in known:
            raise unknown("configuration key", key, known, where=f"({path})")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in keys.items()}
    try:
        if isinstance(tables := keys.get("models"), dict):
            values["described"] = tuple((name, model_input.parse(name, table)) for name, table in tables.items())
            values["models"] = tuple(tables)
        Config(**values)
    except WbsiteError as error:
        raise WbsiteError(f"{path}: {error.message}", error.hint) from error
    return values
