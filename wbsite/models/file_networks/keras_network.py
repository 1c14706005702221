"""Keras's networks on its torch backend, as modules whose layers have the names that Keras gives them.

Keras keeps pictures as (rows, columns, channels) and kernels as (rows, columns, inputs, units), and turns them in every
forward pass; the recording sees what torch's functions get. A file is run where its configuration names only layers of
Keras itself that compute from their weights alone: no functions, no code, no classes of the user's own.
"""

from __future__ import annotations

import copy
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models.file_networks.parts import declare, last
from wbsite.models.formats.base import NoForwardPass
from wbsite.models.formats.tensorflow._keras import NAMES

_LISTED = """
    Activation Add Average AveragePooling1D AveragePooling2D BatchNormalization Concatenate Conv1D Conv2D
    Conv2DTranspose Cropping2D Dense DepthwiseConv2D Dot Dropout ELU EinsumDense Flatten GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization Identity
    InputLayer LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D Maximum Minimum MultiHeadAttention Multiply
    Normalization PReLU Permute ReLU Rescaling Reshape Resizing SeparableConv2D Softmax SpatialDropout2D Subtract
    UnitNormalization UpSampling2D ZeroPadding2D
"""
LAYERS = frozenset(_LISTED.split())
"""Classes of layers that a configuration may name."""

NETWORKS = frozenset({"Functional", "Sequential", "Model", "DTypePolicy"})
"""What a configuration may name besides of Keras itself."""

HELPERS = ("keras.constraints", "keras.dtype_policies", "keras.initializers", "keras.regularizers")
"""Modules of Keras, any class of which a configuration may name."""


class KerasNetwork(nn.Module):
    """A model of Keras as a module: (B, C, H, W) → what the model returns.

    Its variables are parameters and buffers under LAYER.weight, LAYER.bias and so on, with Keras's axes; a layer in a
    layer is OUTER/INNER.

    Args:
        model: a `keras.Model` on the torch backend, with one input.

    Attributes:
        input_shape: (channels, height, width), where the model says all three; else
            `input_sizes`, with None for what is free.

    Raises:
        WbsiteError: it has another backend, or several inputs.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        import keras

        if keras.backend.backend() != "torch":
            raise WbsiteError(
                f"this is a Keras model on the backend {keras.backend.backend()}.",
                "Set KERAS_BACKEND=torch before keras is imported; the forward pass is then torch's.",
            )
        inputs = getattr(model, "inputs", None) or []
        if len(inputs) > 1:
            raise WbsiteError(
                f"this Keras model has {len(inputs)} inputs; expected one picture.", "Return the part that reads it."
            )
        self._model = (model,)  # in a tuple, so that its parameters are registered under the names below alone
        layouts = {getattr(layer, "data_format", None) for layer in model._flatten_layers()}
        self.channels_last = "channels_first" not in layouts
        for place, name, value in _variables(model):
            if place not in self._modules:
                self.add_module(place, nn.Module())
            getattr(self, place).register_parameter(name, value)
        shape = tuple(inputs[0].shape[1:]) if inputs else ()
        if len(shape) == 3:
            declare(self, shape, self.channels_last)

    def forward(self, x: torch.Tensor) -> Any:
        """(B, C, H, W) → the model's output."""
        return self._model[0](last(x) if self.channels_last else x, training=False)

    def load_weights(self, path: Path) -> None:
        """Those of a `.weights.h5` or `.keras` file that Keras saved of this model.

        Raises:
            WbsiteError: the file is another network's.
        """
        try:
            self._model[0].load_weights(path)
        except Exception as error:  # Keras raises many kinds; all mean the same
            raise WbsiteError(
                f"{path} does not hold the weights of this Keras model: {str(error).splitlines()[0]}",
                "Save them with save_weights of the model that the factory makes.",
            ) from error

    def __deepcopy__(self, memo: dict[int, Any]) -> KerasNetwork:
        made = KerasNetwork(copy.deepcopy(self._model[0], memo))
        for name, parameter in self.named_parameters():
            made.get_parameter(name).requires_grad_(parameter.requires_grad)
        made.training = self.training
        return made


def is_keras(made: object) -> bool:
    """Whether an object is a model of Keras."""
    return any(base.__module__.startswith("keras.") and base.__name__ == "Model" for base in type(made).__mro__)


def _variables(layer: Any, place: str = "") -> Iterator[tuple[str, str, nn.Parameter]]:
    """(layer, name in it, value) of every variable but counters, as the reader of Keras's files calls them."""
    named = {variable.name: variable.value for variable in layer._trainable_variables + layer._non_trainable_variables}
    separable = {"depthwise_kernel", "pointwise_kernel"} <= named.keys()
    for name, value in named.items():
        part = ("/depthwise" if name == "depthwise_kernel" else "/pointwise") if separable else ""
        known = "weight" if name in ("depthwise_kernel", "pointwise_kernel") else NAMES.get(name, name)
        if value.is_floating_point():
            yield (place or layer.name) + part, known, value
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        yield from _variables(inner, f"{place}/{inner.name}".lstrip("/"))


def network(path: Path) -> KerasNetwork:
    """The network of a `.keras` file.

    Raises:
        NoForwardPass: keras is not installed or on another backend, or the configuration names what is not run.
        WbsiteError: as the constructor.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ImportError as error:
        raise NoForwardPass("pip install 'wbsite[keras]' to have its forward pass as well") from error
    if keras.backend.backend() != "torch":
        raise NoForwardPass(f"keras runs on {keras.backend.backend()} here; set KERAS_BACKEND=torch")
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    if refused := sorted(set(_refused(config))):
        raise NoForwardPass(f"its configuration names what is not run from a file: {', '.join(refused[:5])}")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds
        raise NoForwardPass(f"Keras {keras.__version__} cannot load it: {str(error).splitlines()[0]}") from error
    return KerasNetwork(model)


def _refused(entry: Any) -> Iterator[str]:
    """Classes that a configuration names and that are not known to compute from weights alone."""
    if isinstance(entry, Mapping):
        name, module = entry.get("class_name"), entry.get("module")
        if isinstance(name, str) and not _known(name, module, entry.get("registered_name")):
            yield f"{module}.{name}" if module else name
        for value in entry.values():
            yield from _refused(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _refused(value)


def _known(name: str, module: Any, registered: Any) -> bool:
    if registered not in (None, name):
        return False
    if name == "__keras_tensor__":
        return True
    if module in ("keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential"):
        return name in NETWORKS
    return (
        name in LAYERS if module == "keras.layers" else module in HELPERS and name.isidentifier() and name != "function"
    )
