"""Turns a weights file of any format into the canonical one of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from wbsite.core.errors import WbsiteError

from . import digest, formats, weights
from .base import ModelSpec
from .loading import check, check_finite, float_state


@dataclass(frozen=True)
class _Fit:
    """A source's weights under one spec's parameter names."""

    state: dict[str, torch.Tensor]
    missing: list[str]
    flipped: str | None


def convert(source: Path, name: str, label: str | None = None, out: Path | None = None) -> Path:
    """Writes `OUT/NAME-LABEL.safetensors` from a weights file.

    Without a label, the label whose published digest the file has is taken, else the first whose
    network the weights fit. A source may lack parameters (a network without its head, or cut
    short) as long as it has the first convolution and half of all; they are recorded as missing.

    Args:
        source: a file in one of the registered formats.
        name: the model's public name, or NAME@LABEL.
        label: which of the model's weights these are.
        out: folder for the result, made if need be; the cache by default.

    Raises:
        WbsiteError: the file cannot be read (see `formats.read`), is not of this network, or the
            result cannot be written.
    """
    specs = weights.candidates(name, label)
    contents = formats.read(source)
    published = [spec for spec in specs if spec.source and digest.matches(source, spec.source.digest)]
    spec, fit = _first_fit(contents, published or specs, source)
    path = (out or weights.weights_cache()) / weights.file_name(spec)
    record = {
        "source_file": source.name,
        "source_url": spec.source.url if published and spec.source else None,
        "source_digest": f"sha256:{digest.sha256(source)}",
        "source_format": contents.format,
        "source_types": contents.types,
        "channel_order": "BGR" if contents.bgr else "RGB",
        "flipped": fit.flipped,
    }
    weights.write_checkpoint(fit.state, spec, {**record, **contents.provenance, "missing": fit.missing}, path)
    return path


def _first_fit(contents: formats.Contents, specs: list[ModelSpec], source: Path) -> tuple[ModelSpec, _Fit]:
    failures: list[tuple[int, WbsiteError]] = []
    for spec in specs:
        module = spec.build()
        parameters = float_state(module)
        state = _under_module_names(contents, spec, parameters)
        try:
            return spec, _fit(contents, spec, module, state, source)
        except WbsiteError as error:
            failures.append((len(state.keys() & parameters.keys()), error))
    # The message about the network that the file resembles most helps most.
    raise max(failures, key=lambda failure: failure[0])[1]


def _under_module_names(
    contents: formats.Contents, spec: ModelSpec, parameters: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The state under the module's names; as it is where it has them already or is not convertible."""
    if spec.convert is None or contents.state.keys() <= parameters.keys():
        return contents.state
    try:
        return spec.convert(dict(contents.state))
    except (KeyError, IndexError, ValueError, RuntimeError):
        # A converter may stumble over names that are not its own; `check` then says which they are.
        return contents.state


def _fit(
    contents: formats.Contents, spec: ModelSpec, module: nn.Module, state: dict[str, torch.Tensor], source: Path
) -> _Fit:
    name, label = contents.provenance.get("model", spec.name), contents.provenance.get("weights", spec.weights)
    if (name, label) != (spec.name, spec.weights):
        raise WbsiteError(
            f"{source} holds the weights {label!r} of {name}; expected {spec.weights!r} of {spec.name}.",
            f"Give --model {name} --weights {label}.",
        )
    parameters = float_state(module)
    hint = (
        "Give the file's own network with --model and, where it has several, --weights; `wbsite list models` lists all."
    )
    missing = check(parameters, state, source, f"{spec.name}@{spec.weights}", hint)
    check_finite(state, source)
    convolutions = [
        f"{path}.weight" for path, layer in module.named_modules() if isinstance(layer, nn.modules.conv._ConvNd)
    ]
    present = [key for key in convolutions if key in state]
    if missing and (not convolutions or convolutions[0] not in state or 2 * len(present) < len(convolutions)):
        raise WbsiteError(
            f"{source} holds weights of another network than {spec.name}@{spec.weights}, or too little of it: "
            f"{len(present)} of {len(convolutions)} convolutions, "
            f"{'with' if convolutions and convolutions[0] in state else 'without'} the first.",
            hint,
        )
    flipped = _bgr_parameter(contents, convolutions, parameters)
    if flipped:
        state = {**state, flipped: state[flipped].flip(1)}
    return _Fit(state, missing, flipped)


def _bgr_parameter(
    contents: formats.Contents, convolutions: list[str], parameters: dict[str, torch.Tensor]
) -> str | None:
    """The first convolution's weight where it reads blue, green, red."""
    if contents.bgr and convolutions and parameters[convolutions[0]].shape[1] == 3:
        return convolutions[0]
    return None
