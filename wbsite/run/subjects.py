"""What results are computed of, as the user named it: a model, the runs of a suite of experiments, or a study."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from wbsite.core.config import Config
from wbsite.core.naming import STUDY, data_of, model_id
from wbsite.models.weights import BUNDLED


@dataclass(frozen=True)
class ModelRequest:
    """`NAME`, `NAME@WEIGHTS` or `module:factory[@FILE]`, where its weights are looked for first, the data set of
    photographs that it is shown, and the file of the user's categories of its units."""

    token: str
    weights_dir: str = ""
    photographs: str = Config.photographs
    categories: str = ""

    @property
    def id(self) -> str:
        """The name of its pages and records."""
        return model_id(self.token)

    @property
    def record(self) -> str:
        """The name of its record in the store."""
        return f"models/{self.id}"


@dataclass(frozen=True)
class SuiteRequest:
    """A suite's name, and the folder of all suites' runs; "" means those that come with wbsite."""

    token: str
    runs_dir: str = ""

    @property
    def id(self) -> str:
        """The suite's name."""
        return self.token

    @property
    def record(self) -> str:
        """The name of its record in the store."""
        return f"suites/{self.id}"

    @property
    def folder(self) -> Path:
        """Where its runs lie, SETTING/EXPERIMENT-seedN.npz."""
        return (Path(self.runs_dir) if self.runs_dir else bundled_runs()) / self.token

    def files(self) -> list[Path]:
        """The files of its runs, sorted by name."""
        return sorted(self.folder.glob("*/*.npz"))


@dataclass(frozen=True)
class StudyRequest:
    """The study that the information-plane article is drawn from, by name or file; "" is the profile's own."""

    token: str = ""

    @property
    def id(self) -> str:
        """The name of its records and of its article."""
        return STUDY

    @property
    def record(self) -> str:
        """The name of its record in the store: pages find it as they find a suite of experiments."""
        return f"suites/{self.id}"

    def files(self) -> list[Path]:
        """The file it is read from, where there is one, and the data that file names."""
        path = Path(self.token)
        if not self.token.endswith(".toml") or not os.path.isfile(path):
            return []
        try:
            dataset = str(tomllib.loads(path.read_text(encoding="utf-8-sig")).get("dataset", ""))
        except (OSError, ValueError, RecursionError):  # said when it is read in earnest
            return [path]
        _, data = data_of(path, dataset)
        return [path, *([data] if data and os.path.exists(data) else [])]


Request = ModelRequest | SuiteRequest | StudyRequest


def study_request(config: Config) -> StudyRequest:
    """The study asked for: on the command line, in `wbsite.toml`, or by `WBSITE_STUDY`."""
    named = config.study or os.environ.get("WBSITE_STUDY", "")
    return StudyRequest(os.path.abspath(os.path.expanduser(named)) if named.endswith(".toml") else named)


def bundled_runs() -> Path:
    """`WBSITE_RUNS`, else the runs that come with wbsite."""
    return Path(os.environ.get("WBSITE_RUNS") or BUNDLED).expanduser()
