"""Files that hold weights without a network: the kernels in them, as a model that has no forward pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import ModelInput
from wbsite.graph.kernels import Skipped
from wbsite.graph.stored_kernels import StoredKernels

from . import digest as digests
from . import formats
from .base import LoadedModel, ModelSpec, Preprocess
from .fitting import AVERAGED

if TYPE_CHECKING:
    import torch


def weights_alone(path: Path, chosen: str, token: str, said: ModelInput | None = None, why: str = "") -> LoadedModel:
    """The kernels of a file.

    Args:
        path: of the file.
        chosen: the place in it that the user names; "" for any.
        token: as the user named it.
        said: what the user says of the pictures that the first kernels read; only the order of colours matters here.
        why: reason for which the file gives no forward pass, where others of its format do.

    Raises:
        WbsiteError: the file is damaged, of no known format, holds no kernels, or has no such place.
    """
    kind, contents = formats.format_of(path), formats.read(path)
    state, reading = _state(contents, path, chosen)
    reading = " ".join(filter(None, (reading, f"It is not run as a network: {why}." if why else "")))
    try:
        module = StoredKernels(state, kind.name, contents.convolutions)
    except WbsiteError as error:
        raise WbsiteError(f"{path}: {error.message}", error.hint) from error
    module.skipped += [Skipped(name, kind.name, reason) for name, reason in contents.left_out.items()]
    channels = module.channels
    colors = (said.channels if said else None) or ("BGR" if contents.bgr else "RGB")
    spec = ModelSpec(
        name=re.sub(r"[^a-z0-9]+", "-", token.lower()).strip("-"),
        weights="own",
        title=path.name,
        build=lambda: module,
        preprocess=Preprocess(crop=1, mean=(0.0,) * channels, std=(1.0,) * channels, colors=colors),
        note=reading,
    )
    provenance = {
        "source_file": path.name,
        "source_format": contents.format,
        "source_types": contents.types,
        "source_digest": f"sha256:{digests.sha256(path)}",
        **({"source_place": chosen} if chosen else {}),
        **({"reading": reading} if reading else {}),
        **contents.provenance,
    }
    return LoadedModel(module.eval(), spec, digests.of_state(state), provenance=provenance)


def _state(contents: formats.Contents, path: Path, chosen: str) -> tuple[Mapping[str, torch.Tensor], str]:
    """The weights of the place that is named, else averages over training steps where the file has such, else those
    that the format's reader prefers; and which these are where there are others."""
    tables = contents.tables
    if chosen:
        place = "" if chosen == "." else chosen
        if place not in tables:
            known = ", ".join(name or "(the file itself)" for name in tables)
            raise WbsiteError(f"{path} holds no weights under {chosen!r}.", f"It holds weights under {known}.")
        return tables[place], ""
    kernels = {name: sum(value.ndim > 1 for value in table.values()) for name, table in tables.items()}
    most = max(kernels.values(), default=0)
    rivals = [name for name, count in kernels.items() if count == most]
    if len(rivals) < 2:
        return contents.state, ""
    averaged = next((name for name in rivals if not set(AVERAGED).isdisjoint(re.split(r"[^a-z]+", name.lower()))), None)
    if averaged is not None:
        raw = next(name for name in rivals if name != averaged) or "."
        return tables[averaged], (
            f"These are averages over training steps ({averaged}); those of the last step are {path.name}#{raw}."
        )
    places = ", ".join(name or "." for name in rivals)
    return contents.state, f"The file holds weights in {len(rivals)} places: {places}. Choose with # behind its name."
