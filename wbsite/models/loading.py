"""Puts the weights of a canonical file into a module, after checking that they are its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import ModelInput

from . import weights
from .base import LoadedModel, ModelSpec
from .inputs import said_of
from .inputs.arguments import give
from .photograph import shown_the_photograph

NAMED = 3
"""Parameters that a message names."""


def float_state(module: nn.Module) -> dict[str, torch.Tensor]:
    """The floating-point entries of a module's state dict: all that a weights file can hold."""
    state = module.state_dict()
    return {key: v for key, v in state.items() if isinstance(v, torch.Tensor) and v.is_floating_point()}


def first_few(names: Collection[str]) -> str:
    """The first few of many names, and how many there are."""
    first = ", ".join(list(names)[:NAMED])
    return f"{first} and {len(names) - NAMED} more" if len(names) > NAMED else first


def check(
    parameters: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], path: Path, network: str, hint: str
) -> list[str]:
    """Compares weights with the parameters of a network.

    Args:
        parameters: the network's `float_state`.
        state: the weights, under the network's names.
        path, network, hint: for the message.

    Returns:
        The parameters that are not in `state`, in the network's order.

    Raises:
        WbsiteError: parameters the network does not have, a wrong shape.
    """
    unexpected = [key for key in state if key not in parameters]
    if unexpected:
        none = len(unexpected) == len(state)
        raise WbsiteError(
            f"{path} holds weights of another network than {network}: "
            f"{'no' if none else 'not every'} parameter in it belongs there (unexpected: {first_few(unexpected)}).",
            hint,
        )
    for key, value in state.items():
        if value.shape != parameters[key].shape:
            raise WbsiteError(
                f"{key} in {path} has the shape {tuple(value.shape)}; {network} has {tuple(parameters[key].shape)}.",
                hint,
            )
    return [key for key in parameters if key not in state]


def check_finite(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Makes sure that all weights of a file are numbers.

    Raises:
        WbsiteError: NaN or infinity.
    """
    for key, value in state.items():
        if not torch.isfinite(value).all():
            count = int((~torch.isfinite(value)).sum())
            raise WbsiteError(
                f"{key} in {path} has {count} of {value.numel()} values that are NaN or infinite.",
                "The training diverged or the file is damaged: take an earlier checkpoint or download it again.",
            )


def fill(module: nn.Module, state: Mapping[str, torch.Tensor], missing: Collection[str] = ()) -> None:
    """Puts checked weights into a module as float32; parameters that are missing become NaN."""
    parameters = float_state(module)
    state = {**state, **{key: torch.full_like(parameters[key], torch.nan) for key in missing}}
    module.load_state_dict({key: value.to(torch.float32) for key, value in state.items()}, strict=False)


def load_state(module: nn.Module, spec: ModelSpec, path: Path) -> dict[str, Any]:
    """Puts the weights of a canonical file into `spec.build()`'s module.

    Returns:
        The file's record of provenance.

    Raises:
        WbsiteError: the file is truncated or damaged; its weights are another network's or
            another label's, of a wrong shape, not finite; or parameters are missing that its
            record does not call missing.
    """
    provenance = weights.read_provenance(path)
    name, label = provenance.get("model", spec.name), provenance.get("weights", spec.weights)
    if (name, label) != (spec.name, spec.weights):
        raise WbsiteError(
            f"{path} holds the weights {label!r} of {name}; expected {spec.weights!r} of {spec.name}.",
            f"If the file was renamed, call it {name}-{label}{weights.SUFFIX} again.",
        )
    weights.check_data(path, provenance)
    state = load_file(path)
    hint = f"Convert the right file with `wbsite weights convert FILE --model {spec.name} --weights {spec.weights}`."
    missing = check(float_state(module), state, path, spec.name, hint)
    check_finite(state, path)
    unrecorded = [key for key in missing if key not in provenance.get("missing", ())]
    if unrecorded:
        raise WbsiteError(
            f"{path} lacks {len(unrecorded)} parameters of {spec.name} ({first_few(unrecorded)}).",
            f"{hint} Converting records what a source lacks.",
        )
    fill(module, state, missing)
    return provenance


def load_spec(spec: ModelSpec, path: Path, said: ModelInput | None = None) -> LoadedModel:
    """Builds a spec's module with the weights of its canonical file; raises as `load_state`.

    Args:
        said: what the user says of its input, in place of what the spec says.
    """
    module = spec.build()
    provenance = load_state(module, spec, path)
    module.eval().requires_grad_(False)
    if said:
        preprocess, sentence = said_of(spec.preprocess, said, spec.name)
        hook = give(module, said.arguments, spec.name)
        spec = replace(spec, preprocess=preprocess, arguments=said.arguments)
        if hook is not None:
            hook.shape = spec.input_shape
            sentence = f"{sentence} {hook.in_words()}".strip()
        spec = replace(spec, note=f"{spec.note} {sentence}".strip())
        provenance = {**provenance, "input": sentence}
    shown_the_photograph(module, spec.preprocess)
    return LoadedModel(module, spec, weights.digest(path), tuple(provenance.get("missing", ())), provenance)
