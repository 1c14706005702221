"""What tests of several formats ask of the tensors that were read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def assert_state(state: Mapping[str, torch.Tensor], expected: Mapping[str, Any]) -> None:
    """The same names in the same order, with the same numbers to the last bit, as contiguous tensors of float32."""
    assert list(state) == list(expected)
    for name, array in expected.items():
        assert state[name].dtype == torch.float32
        assert state[name].is_contiguous()
        np.testing.assert_array_equal(state[name].numpy(), array, err_msg=name)
