"""A recorded network on the device that computes, while the loaded model stays where it is."""

from __future__ import annotations

import copy
from typing import Any

import torch

from .recording import Recorded, record


def placed(model: Any, device: torch.device) -> Recorded:
    """Records a LoadedModel; where it lies on another device, a copy of it.

    Raises:
        WbsiteError: the forward pass fails on the input size the model names.
    """
    module, shape = model.module, tuple(model.spec.input_shape)
    here = all(parameter.device.type == device.type for parameter in module.parameters())
    module = module if here else copy.deepcopy(module).to(device)
    return Recorded(module, record(module, shape), shape)
