"""Canonical weights files: where they are, what their record says, how they are written.

A canonical file is `NAME-LABEL.safetensors`: the module's own parameter names, half precision
where that loses nothing and float32 elsewhere, and under the key "wbsite" of its metadata a JSON
record of where the weights come from. The same weights and record always give the same bytes.

Nothing here imports torch before `write_checkpoint` is called, so that planning and rendering
can use the rest.
"""

from __future__ import annotations

import errno
import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core import registry
from wbsite.core.config import cache_folder
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.filing.files import write_atomically
from wbsite.core.filing.paths import check_text, expanded

from . import digest as digests
from . import formats
from .base import ModelSpec

if TYPE_CHECKING:
    import torch

BUNDLED = Path(__file__).resolve().parents[1] / "checkpoints"
SUFFIX = ".safetensors"
AGAIN = "Download or copy it again; what wbsite wrote, `wbsite weights convert` or `wbsite weights fetch` makes again."


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_nothing(value: object) -> bool:
    return value is None or isinstance(value, str)


FIELDS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(("model", "weights", "data_digest", "source_file", "source_digest"), _is_text),
    **dict.fromkeys(
        ("source_url", "source_format", "source_types", "channel_order", "flipped", "note"), _is_text_or_nothing
    ),
    "missing": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "training": lambda value: isinstance(value, dict),
}
"""Field of the record of provenance → whether a value can be one."""


def weights_cache() -> Path:
    """Where fetched and converted weights are kept."""
    return cache_folder() / "weights"


def search_folders(weights_dir: str | Path | None = None) -> list[Path]:
    """Where canonical files are looked for, first to last.

    Raises:
        WbsiteError: `weights_dir` is no folder.
    """
    folders = [BUNDLED, weights_cache()]
    if weights_dir:
        if not Path(weights_dir).is_dir():
            raise WbsiteError(
                f"there is no folder of weights {str(weights_dir)!r}.",
                "Give --weights-dir the folder that `wbsite weights convert … --out DIR` wrote to.",
            )
        folders.insert(0, Path(weights_dir))
    return folders


def bundled() -> list[str]:
    """Names of the models whose weights come with wbsite."""
    return sorted({path.stem.rpartition("-")[0] for path in BUNDLED.glob(f"*{SUFFIX}")})


def file_name(spec: ModelSpec) -> str:
    """NAME-LABEL.safetensors."""
    return f"{spec.name}-{spec.weights}{SUFFIX}"


def candidates(name: str, weights: str | None = None) -> list[ModelSpec]:
    """All specs of a model, its default first; with a label, only that one.

    Args:
        name: public name, or NAME@LABEL.

    Raises:
        WbsiteError: the model or the label is unknown, or two different labels are given.
    """
    check_text(name, "the model")
    name, _, label = name.partition("@")
    if label and weights and label != weights:
        raise WbsiteError(f"weights {label!r} and {weights!r} are both asked for.", f"Write {name}@{label} alone.")
    weights = label or weights
    specs = [spec for spec in registry.entries("models") if spec.name == name]
    if not specs:
        if _is_path(name):
            raise formats.absent(expanded(name.partition("#")[0]))
        if Path(name).is_file():
            raise WbsiteError(f"unknown model {name!r}.", f"If the file of that name is meant, write ./{name}.")
        raise unknown("model", name, registry.names("models"), "`wbsite list models` lists all.")
    if weights is None:
        return specs
    labelled = [spec for spec in specs if spec.weights == weights]
    if not labelled:
        raise unknown(f"weights of {name}", weights, [spec.weights for spec in specs])
    return labelled


def _is_path(name: str) -> bool:
    """Whether a name that is no model's is meant for a file: it has a folder, a file's suffix, or is a folder's."""
    suffixes = tuple(suffix for entry in registry.entries("formats") for suffix in entry.suffixes)
    return "/" in name or name.partition("#")[0].lower().endswith(suffixes) or Path(name).is_dir()


def find(name: str, weights: str | None = None, weights_dir: str | Path | None = None) -> tuple[ModelSpec, Path | None]:
    """The model's canonical file and the spec it belongs to.

    Folders are searched in the order of `search_folders`. In the first that has a file for this
    model the default weights win over others; with a label only that label's file counts. Where
    there is none, the spec is the default and the path None.
    """
    specs = candidates(name, weights)
    for folder in search_folders(weights_dir):
        for spec in specs:
            path = folder / file_name(spec)
            if path.is_file():
                return spec, path
    return specs[0], None


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The JSON header of a safetensors file, and where its data starts; checks the file's length."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > size - 8:
                raise ValueError("it ends in the middle of its header")
            header = json.loads(file.read(length))
        tensors = [value for key, value in header.items() if key != "__metadata__"]
        end = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    except OSError as error:
        raise WbsiteError(
            f"{path} cannot be read ({error.strerror}).", "Check that it is there and readable."
        ) from error
    except (struct.error, ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise WbsiteError(f"{path} is truncated or is not a safetensors file.", AGAIN) from error
    if size != end:
        raise WbsiteError(f"{path} is truncated or damaged: it has {size} bytes, its header says {end}.", AGAIN)
    return header, 8 + length


def read_provenance(path: Path) -> dict[str, Any]:
    """The record of where a file's weights come from; empty for a file that wbsite did not write.

    Keys: model, weights, data_digest (SHA-256 of the tensors' bytes), header_digest (of the
    tensors' names, types and shapes and of the rest of this record), missing (parameters the
    source lacks), and for converted weights source_file, source_url, source_digest,
    source_format, channel_order (of the source) and flipped (the parameter turned to RGB); for
    weights trained by wbsite, training.

    Raises:
        WbsiteError: the file is cut short, no safetensors file, or its header is not as it was written.
    """
    header, _ = _header(path)
    metadata = header.get("__metadata__")
    try:
        record = json.loads(metadata.get("wbsite", "{}") if isinstance(metadata, dict) else "{}")
    except (ValueError, TypeError, RecursionError) as error:
        raise WbsiteError(f"the record of provenance in {path} is damaged.", AGAIN) from error
    if not isinstance(record, dict) or not all(isinstance(key, str) for key in record):
        raise WbsiteError(f"the record of provenance in {path} is damaged: it has no fields.", AGAIN)
    for field, value in record.items():
        if not (FIELDS[field](value) if field in FIELDS else True):
            raise WbsiteError(f"the record of provenance in {path} is damaged: its {field} is none.", AGAIN)
    recorded = record.pop("header_digest", None)
    if recorded is not None and recorded != _header_digest(header, record):
        raise WbsiteError(f"{path} is damaged: its header is not as it was written.", AGAIN)
    return record


def digest(path: Path) -> str:
    """SHA-256 of the canonical file, as 64 hexadecimal digits: what results are filed under."""
    return digests.sha256(path)


def check_data(path: Path, provenance: Mapping[str, Any]) -> None:
    """Compares the tensors' bytes with the digest recorded when they were written.

    Raises:
        WbsiteError: they differ.
    """
    recorded = provenance.get("data_digest")
    if recorded is None:
        return
    actual = f"sha256:{digests.sha256(path, _header(path)[1])}"
    if actual != recorded:
        raise WbsiteError(
            f"{path} is damaged: its weights have the digest {actual}, its record says {recorded}.", AGAIN
        )


def _header_digest(header: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Of the tensors in a header and the record of provenance, without this digest itself."""
    tensors = {name: about for name, about in header.items() if name != "__metadata__"}
    return f"sha256:{hashlib.sha256(json.dumps([tensors, dict(record)], sort_keys=True).encode()).hexdigest()}"


def write_checkpoint(
    state: Mapping[str, torch.Tensor],
    spec: ModelSpec,
    provenance: Mapping[str, Any],
    path: Path,
    dtype: torch.dtype | None = None,
) -> str:
    """Writes a canonical file, whole or not at all.

    Args:
        state: the module's own names → tensors. Integers (batch norm's counters) are left out.
        spec: whose name and label are recorded.
        provenance: further fields of the record; see `read_provenance`.
        dtype: torch.float16 to round everything to half precision. By default a tensor is stored
            in half precision only where every value survives it, in float32 otherwise.

    Returns:
        The file's digest.

    Raises:
        WbsiteError: no space left, or the folder cannot be written.
    """
    from safetensors.torch import save

    stored = {key: _stored(value, dtype) for key, value in state.items() if value.is_floating_point()}
    blob = memoryview(save(stored))
    (length,) = struct.unpack("<Q", blob[:8])
    data = blob[8 + length :]
    record = {
        "missing": [],
        **provenance,
        "model": spec.name,
        "weights": spec.weights,
        "data_digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
    }
    tensors = json.loads(bytes(blob[8 : 8 + length]))
    # As it will be read: JSON makes lists of tuples.
    record["header_digest"] = _header_digest(tensors, json.loads(json.dumps(record)))
    metadata = {"wbsite": json.dumps(record, sort_keys=True, ensure_ascii=False)}
    header = json.dumps({"__metadata__": metadata, **tensors}).encode()
    header += b" " * (-len(header) % 8)  # the format wants its data aligned to eight bytes
    try:
        write_atomically(path, b"".join((struct.pack("<Q", len(header)), header, data)))
    except OSError as error:
        raise write_error(path, error) from error
    return digest(path)


def _stored(value: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    import torch

    value = value.detach().cpu()
    if dtype is not None:
        return value.to(dtype).contiguous()
    half = value.to(torch.float16)
    return (half if torch.equal(half.to(value.dtype), value) else value.to(torch.float32)).contiguous()


def write_error(path: Path, error: OSError) -> WbsiteError:
    """The error for a weights file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WbsiteError(
            f"no space left for {path}.",
            "Free some space, or set WBSITE_CACHE to a folder on another disk, and run the command again: "
            "a download goes on where it stopped.",
        )
    return WbsiteError(f"{path} cannot be written ({error.strerror}).", "Give a folder you may write to.")
