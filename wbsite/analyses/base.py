"""What an analysis is: from a model, one of its layers, or the runs of a suite, to a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, cast

import torch

from ..models.base import LoadedModel
from ..models.layers import Layer, Layers
from ..models.runs import Run
from ..store import Entry, Result


@dataclass(frozen=True)
class Context:
    """What an analysis is given.

    Attributes:
        model: the network.
        layers: its layers, found by tracing.
        layer: the layer to look at; None for an analysis of the whole model.
        device: where to compute.
        params: the analysis's parameters in this profile.
        needs: results of the analyses it asked for, of the same layer (or model).
    """

    model: LoadedModel
    layers: Layers
    layer: Layer | None
    device: torch.device
    params: Mapping[str, Any]
    needs: Mapping[str, Entry]

    def weight(self) -> torch.Tensor:
        """The layer's weight on the device, float32: (O, I/groups, kh, kw) or (O, I)."""
        assert self.layer is not None
        module = self.model.module.get_submodule(self.layer.name)
        return cast(torch.Tensor, module.weight).detach().to(self.device, torch.float32)


@dataclass(frozen=True)
class SuiteContext:
    """What an analysis of a suite's experiments is given.

    Attributes:
        runs: the finished runs, in order of setting, experiment and seed.
        device: where to compute.
        params: the analysis's parameters in this profile.
        needs: results of the analyses it asked for, of the same suite.
    """

    runs: Sequence[Run]
    device: torch.device
    params: Mapping[str, Any]
    needs: Mapping[str, Entry]


def always(layer: Layer) -> str:
    """Applies to every layer."""
    return ""


def reads_pictures(layer: Layer) -> bool:
    """Whether the layer is fed by the input alone, in one or three channels: its kernels are pictures."""
    return layer.kind == "conv" and layer.inputs == ("input",) and layer.in_channels in (1, 3) and layer.groups == 1


@dataclass(frozen=True)
class Analysis:
    """An analysis, as the registry finds it in a file's ANALYSES.

    Attributes:
        name: public name, as in `wbsite export NAME`.
        version: raised whenever the result for the same input changes, so that old results are
            not used.
        scope: "layer" runs once for every layer it applies to, "model" once a model, "suite" once for
            all runs of a suite of experiments.
        summary: one line for `wbsite list analyses`.
        run: the computation, from a Context; for a suite, from a SuiteContext.
        applies: layer → "" or the reason why it has no result there, as the layer's page says it.
        params: parameters by profile; part of the result's key.
        needs: analyses whose results it reads.
        rows: the table that `wbsite export` prints.
        suite: name of the suite of experiments, for that scope.
    """

    name: str
    version: int
    scope: Literal["layer", "model", "suite"]
    summary: str
    run: Callable[[Any], Result]
    applies: Callable[[Layer], str] = always
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[str, ...] = ()
    rows: str = "rows"
    suite: str = ""

    def parameters(self, profile: str) -> Mapping[str, Any]:
        """The parameters of a profile; an analysis with one set uses it for all."""
        return self.params.get(profile, self.params.get("quick", {}))
