"""A network looked over for units worth showing: its depth, and what layers read of the first and of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.depth import early_and_late, layer_depths
from wbsite.graph.layers import Layer, Layers
from wbsite.graph.recording import Recorded
from wbsite.graph.tape import INPUT_NAME
from wbsite.models.base import LoadedModel
from wbsite.ops.expanded.input_map import InputMap
from wbsite.ops.expanded.unit_properties import Filters, FirstLayerWeights
from wbsite.ops.expanded.weights import expanded_weights


@dataclass(frozen=True, eq=False)
class Survey:
    """What is asked of a network to find units by their properties. Computed when asked for, and kept; weights are
    expanded on the device, and given on the CPU."""

    model: LoadedModel
    layers: Layers
    device: torch.device

    @cached_property
    def recorded(self) -> Recorded:
        return Recorded.of(self.model).on(self.device)

    @cached_property
    def wires(self) -> ChannelMap:
        return ChannelMap(self.recorded, self.layers.names)

    @cached_property
    def level(self) -> dict[str, int]:
        """Layer → spatial convolutions on the longest way to it."""
        return layer_depths(self.layers.convs)

    @property
    def deepest(self) -> int:
        return max(self.level.values(), default=0)

    def layers_at(self, level: int) -> list[Layer]:
        """Spatial convolutions of a level whose weights are there, in execution order."""
        return [layer for layer in self.spatial if self.level[layer.name] == level]

    @cached_property
    def spatial(self) -> list[Layer]:
        missing, traced = self.model.missing, self.recorded.tape.outputs
        planar = [layer for layer in self.layers.convs if layer.planar and layer.name in traced]
        return [layer for layer in planar if f"{layer.name}.weight" not in missing]

    @property
    def early(self) -> list[Layer]:
        """The spatial convolutions before the late ones; none where these are the first filters themselves."""
        level = early_and_late(self.deepest)[0]
        return self.layers_at(level) if level > 1 else []

    @property
    def late(self) -> list[Layer]:
        """Spatial convolutions a third of the way down; none where only the first filters are left."""
        level = early_and_late(self.deepest)[1]
        return self.layers_at(level) if level > 1 else []

    @cached_property
    def first(self) -> str:
        """The first layer: the only one that reads the picture, with kernels of some size.

        Raises:
            WbsiteError: there is none, or there are several.
        """
        readers = [layer for layer in self.layers.convs if INPUT_NAME in layer.inputs]
        if len(readers) != 1 or readers[0].inputs != (INPUT_NAME,) or not readers[0].planar:
            raise WbsiteError(
                "no single convolution with rows and columns reads the picture, so there are no first filters"
                " to go by.",
                "Choose units by hand.",
            )
        return readers[0].name

    @cached_property
    def filters(self) -> Filters:
        """The first layer's filters as weights of red, green and blue in [0, 1], batch norm included."""
        spec = self.model.spec.preprocess
        per_value = spec.scale / torch.tensor(spec.std)
        weights = expanded_weights(self.recorded, INPUT_NAME, self.first).detach().cpu()
        return Filters.of(self.model.spec.preprocess.in_rgb(weights * per_value.reshape(-1, 1, 1).to(weights)))

    def read(self, layer: str) -> FirstLayerWeights:
        """What a layer's units read of the first layer.

        Raises:
            WbsiteError: there is no first layer; it cannot be expanded to.
        """
        return FirstLayerWeights.of(expanded_weights(self.recorded, self.first, layer).detach().cpu(), self.filters)

    def of_picture(self, layer: str) -> torch.Tensor:
        """Expanded weights of a layer's units to the picture, (units, channels, h, w); raises as `expanded_weights`."""
        return expanded_weights(self.recorded, INPUT_NAME, layer).detach().cpu()

    def wide(self, layer: str) -> InputMap:
        """The wide map that a layer reads, across its bottleneck if it has one."""
        return InputMap.of(self.wires, layer)
