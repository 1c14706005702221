"""Checks on request that weights files are complete, undamaged and loadable into the network they name."""

from __future__ import annotations

from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded

from . import resolve, weights
from .loading import float_state, load_spec


def targets(target: str | None, weights_dir: Path | None = None) -> list[Path]:
    """The files meant by a path, a model's name (NAME or NAME@LABEL), or nothing: all there are.

    Raises:
        WbsiteError: the path or model does not exist, or there are no weights files at all.
    """
    if target is None:
        folders = weights.search_folders(weights_dir)
        paths = [path for folder in folders for path in sorted(folder.glob(f"*{weights.SUFFIX}"))]
        if not paths:
            raise WbsiteError(
                f"there are no weights files in {', '.join(map(str, folders))}.",
                "Give a file, or fetch or convert one.",
            )
        return paths
    path = expanded(target, "target")
    if path.is_file():
        return [path]
    if path.suffix or path.parent != Path("."):
        raise WbsiteError(f"there is no weights file {target}.", "Give a file, or the name of a model.")
    return [resolve(target, weights_dir=weights_dir)[1]]


def verify_file(path: Path) -> str:
    """Hashes and loads a canonical file.

    Returns:
        One line: the network, its digest, and how many tensors are missing.

    Raises:
        WbsiteError: the file is not canonical, damaged, or not the network's it names.
    """
    if path.suffix != weights.SUFFIX:
        raise WbsiteError(
            f"{path} is not a canonical weights file; expected {weights.SUFFIX}.",
            f"Convert it with `wbsite weights convert {path} --model NAME --out DIR`.",
        )
    provenance = weights.read_provenance(path)
    if "model" not in provenance or "weights" not in provenance:
        raise WbsiteError(
            f"{path} was not written by wbsite: it does not say which network it belongs to.",
            f"Convert it with `wbsite weights convert {path} --model NAME --out DIR`.",
        )
    (spec,) = weights.candidates(provenance["model"], provenance["weights"])
    loaded = load_spec(spec, path)
    tensors = len(float_state(loaded.module))
    lacking = f", without {len(loaded.missing)} of them" if loaded.missing else ""
    return f"{spec.name}@{spec.weights}, {tensors} tensors{lacking}, sha256 {loaded.digest}"
