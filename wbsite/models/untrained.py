"""Copies of a network with weights as before training: how its architecture alone responds to the same stimuli."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from wbsite.core.errors import WbsiteError

from .base import LoadedModel

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def untrained(model: LoadedModel, seed: int) -> LoadedModel:
    """The network with random weights, in evaluation mode.

    Weights of convolutions and fully connected layers are normal with variance 2 / (inputs of a unit) and biases 0 (He
    et al. 2015), which keeps the size of activations from layer to layer; normalisations start as in a new module:
    mean 0, variance 1, scale 1. Other parameters stay as they are.

    Raises:
        WbsiteError: the module cannot be copied.
    """
    try:
        module = copy.deepcopy(model.module)
    except Exception as error:  # whatever a user's module holds
        raise WbsiteError(
            f"{model.spec.title} cannot be copied ({error}).", "Make its module such that copy.deepcopy takes it."
        ) from error
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, (_ConvNd, nn.Linear)):
                weight = torch.empty(part.weight.shape)
                nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
                part.weight.copy_(weight)
                if part.bias is not None:
                    part.bias.zero_()
            elif isinstance(part, NORMS):
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.reset_running_stats()
                for name, value in (("weight", 1.0), ("bias", 0.0)):
                    if (parameter := getattr(part, name, None)) is not None:
                        parameter.fill_(value)
    return replace(model, module=module, missing=())
