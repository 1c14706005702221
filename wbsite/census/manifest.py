"""What is known of each network of the census before its weights are looked at: one TOML file a network."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, MinLen
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.filing.files import is_plain

FOLDER = Path(__file__).parent / "networks"
"""The manifests that come with wbsite, TASK/NAME.toml."""

Task = Literal[
    "classification",
    "detection",
    "segmentation",
    "text",
    "faces",
    "pose",
    "restoration",
    "audio",
    "depth",
    "generation",
]
Text = Annotated[str, MinLen(1)]
Size = Annotated[int, Ge(1)]


class Network(BaseModel):
    """One network of the census. Each statement names where it stands; none is made from the weights.

    Attributes:
        name: of the file, which tells the networks apart.
        title: as people call it.
        task: what it is for; restoration includes super-resolution, pose hands and bodies.
        about: a phrase on what it does.
        registry, package, version: where it is published.
        archive: name of the file that the registry's client gives.
        bytes: size of that file.
        files: paths inside the archive; several that belong together, the one to open first. "!" leads into an archive
            within it, as in models/hand.task!detector.tflite.
        digests: SHA-256 of each.
        homepage: of the package, as it declares it, else its repository; "" where there is none.
        licence, licence_source: as declared for the package, and where.
        licence_of_weights: where the package says something else of them.
        derived: whether that licence lets pictures of the kernels be published.
        architecture: one word for networks that differ by size, version or training alone.
        training: one word for files that hold the same trained weights.
        data, data_source: what it was trained on, as far as declared, and where.
        input, input_source: channels, height, width of what the package gives it.
        arguments: what else its forward pass takes, shapes without the batch axis; it gets zeros.
        pooled: which axes are averaged or collapsed away between the last convolution and the answer.
        pooled_source: where that was seen.
        task_axis: along which axis the answer is laid out, or order matters most.
        upright: whether the pictures it is for have an up and a down.
        channels: in which order it takes colours, where that is declared.
        note: what else is to be known of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Text
    title: Text
    task: Task
    about: Text
    registry: Literal["pypi", "npm", "debian"]
    package: Annotated[str, Field(pattern=r"^@?[A-Za-z0-9][\w.+/-]*$")]  # no option of the registry's client
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+:~-]*$")]
    archive: Text
    bytes: Size
    files: Annotated[tuple[Text, ...], MinLen(1)] = Field(alias="file")
    digests: Annotated[tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...], MinLen(1)] = Field(alias="sha256")
    homepage: Annotated[str, Field(pattern="^(https?://.*)?$")] = ""
    licence: Text
    licence_source: Text
    licence_of_weights: str = ""
    derived: bool
    architecture: Text
    training: Text
    data: Text
    data_source: str = ""
    input: tuple[Size, Size, Size]
    input_source: Text
    arguments: Mapping[str, tuple[Size, ...]] = {}
    pooled: Literal["none", "both", "height", "width"]
    pooled_source: Text
    task_axis: Literal["horizontal", "vertical", "both", "none"]
    upright: bool
    channels: Literal["RGB", "BGR"] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _a_digest_each(self) -> Network:
        names = (self.archive, *(name for path in self.files for name in path.split("!")))
        if outside := next((name for name in names if not is_plain(name)), None):
            raise ValueError(f"{outside!r} is no path inside a package")
        if "/" in self.archive:
            raise ValueError(f"{self.archive!r} is no name of a file")
        if len(self.files) != len(self.digests):
            raise ValueError(f"{len(self.files)} files and {len(self.digests)} digests; expected one each")
        return self

    @property
    def of(self) -> str:
        """The package with its version, as messages name it."""
        return f"{self.package} {self.version} ({self.registry})"


def networks(folder: Path = FOLDER) -> tuple[Network, ...]:
    """All networks, by task and name.

    Raises:
        WbsiteError: no manifest there; a file is no TOML, or lacks a fact or has a wrong one; two have one name.
    """
    found: dict[str, Network] = {}
    for path in sorted(folder.glob("*/*.toml")):
        network = read(path)
        if network.name in found:
            raise WbsiteError(f"two manifests in {folder} are called {network.name}.", "Rename one of them.")
        found[network.name] = network
    if not found:
        raise WbsiteError(f"{folder} has no manifest.", "Expected files TASK/NAME.toml.")
    return tuple(found.values())


def chosen(names: Iterable[str], folder: Path = FOLDER) -> tuple[Network, ...]:
    """The networks of these names, or all where none is named.

    Raises:
        WbsiteError: as `networks`; a name that none has.
    """
    known = {network.name: network for network in networks(folder)}
    for name in (names := list(names)):
        if name not in known:
            raise unknown("network of the census", name, known)
    return tuple(known[name] for name in names or known)


def read(path: Path) -> Network:
    """One manifest.

    Raises:
        WbsiteError: no TOML; a fact is missing, unknown or wrong; the task is not that of its folder.
    """
    try:
        facts: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WbsiteError(f"{path} is not a manifest: {error}.", "Repair or remove it.") from error
    several = {key: [value] for key, value in facts.items() if key in ("file", "sha256") and isinstance(value, str)}
    listed: dict[str, Any] = {key: tuple(value) for key, value in (facts | several).items() if isinstance(value, list)}
    if isinstance(facts.get("arguments"), dict):
        shapes = facts["arguments"].items()
        listed["arguments"] = {key: tuple(shape) if isinstance(shape, list) else shape for key, shape in shapes}
    try:
        network = Network(name=path.stem, **(facts | listed))
    except (ValidationError, TypeError) as error:
        raise WbsiteError(f"{path} is not a manifest: {_first(error)}.", "CONTRIBUTING.md lists the facts.") from error
    if network.task != path.parent.name:
        raise WbsiteError(f"{path} has the task {network.task}.", f"Move it to the folder {network.task}.")
    return network


def _first(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
