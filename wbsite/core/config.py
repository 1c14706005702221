"""What a build is asked to do: defaults, then `wbsite.toml`, then the command line."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from .errors import WbsiteError, unknown

BUNDLED = ("simplified_32", "inceptionv1_32", "alexnet_32")
"""Models built when none is named: trained by this project, shipped with it."""

PROFILES = ("quick", "full")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Config:
    """Options of a build. Every field is a key of `wbsite.toml` and an option of `wbsite build`.

    Attributes:
        models: names, `NAME@WEIGHTS`, or `module:factory[@FILE]`.
        articles: names of articles; empty means all.
        profile: "quick" computes what the articles show, "full" everything for every unit.
        weights_dir: folder of converted weights, looked at before the cache.
        device: "auto", "cpu" or "cuda".
        workers: processes of a local Dask cluster; 0 computes in this process.
        scheduler: address of a running Dask scheduler.
        store: folder or fsspec address of the results.
        out: folder of the finished site.
        keep_going: build the other models when one cannot be loaded.
        runs: folder that `wbsite train SUITE` wrote, whose runs replace the bundled ones of the same suite.
        photographs: data set whose test pictures are shown to the networks, as in `imagefolder:PATH`.
        categories: CSV file of the user's own categories of units, `layer,unit,category`; "" is none.
        study: what the information-plane article trains: a name from `wbsite list experiments`, or a TOML file; "" is
            the study of the profile's name.
    """

    models: tuple[str, ...] = BUNDLED
    articles: tuple[str, ...] = ()
    profile: str = "quick"
    weights_dir: str = ""
    device: str = "auto"
    workers: int = 0
    scheduler: str = ""
    store: str = "build/store"
    out: str = "site"
    keep_going: bool = False
    runs: str = ""
    photographs: str = "sample_photographs"
    categories: str = ""
    study: str = ""

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise unknown("profile", self.profile, PROFILES)
        if self.device not in DEVICES:
            raise WbsiteError(f"unknown device {self.device!r}.", f"Use {', '.join(DEVICES[:-1])} or {DEVICES[-1]}.")
        for name, value in (("store", self.store), ("out", self.out)):
            if not value.strip():
                raise WbsiteError(f"{name} is empty.", f"Give a folder, or leave --{name} out.")
        if not self.photographs.strip():
            raise WbsiteError(
                "photographs is empty.", "Give a data set, as in imagefolder:PATH, or leave --photographs out."
            )
        if self.workers < 0:
            raise WbsiteError(f"workers is {self.workers}.", "Give 0 (compute in this process) or more.")
        if self.scheduler and ":" not in self.scheduler:
            raise WbsiteError(f"scheduler is {self.scheduler!r}.", "Give its address, as in tcp://host:8786.")
        if self.workers and self.scheduler:
            raise WbsiteError(
                "both workers and scheduler are given.", "Give one: local processes, or a running scheduler."
            )
        if not self.models:
            raise WbsiteError("no models are named.", "Leave --models out to build the bundled ones.")
        twice = {m for m in self.models if self.models.count(m) > 1}
        if twice:
            raise WbsiteError(f"model {min(twice)!r} is named twice.", "Name every model once.")


def cache_folder() -> Path:
    """`WBSITE_CACHE`, else the platform's folder for caches."""
    if own := os.environ.get("WBSITE_CACHE"):
        return Path(own).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "wbsite"


def load(overrides: Mapping[str, Any], path: Path = Path("wbsite.toml")) -> Config:
    """The configuration: `path` where it exists, and `overrides` (None means not given) on top.

    Raises:
        WbsiteError: unknown key, wrong type or value, malformed TOML.
    """
    given: dict[str, Any] = {}
    if path.exists():
        given = read(path)
    given |= {key: value for key, value in overrides.items() if value is not None}
    return replace(Config(), **given)


def read(path: Path) -> dict[str, Any]:
    """The keys of a TOML file, checked against Config's fields."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise WbsiteError(f"{path} cannot be read ({error}).", "Repair or remove it.") from error
    except tomllib.TOMLDecodeError as error:
        raise WbsiteError(f"{path} is not valid TOML: {error}.", "Repair that line.") from error
    hints = get_type_hints(Config)
    known = [field.name for field in fields(Config)]
    for key, value in found.items():
        if key not in known:
            raise unknown("configuration key", key, known, where=f"({path})")
        found[key] = _typed(path, key, value, hints[key])
    return found


def _typed(path: Path, key: str, value: Any, wanted: Any) -> Any:
    if get_args(wanted):  # tuple[str, ...]
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise WbsiteError(f"{path}: {key} is {value!r}.", f'Expected a list of strings, as in {key} = ["a", "b"].')
    if type(value) is not wanted:
        raise WbsiteError(f"{path}: {key} is {value!r}.", f"Expected a value of type {wanted.__name__}.")
    return value
