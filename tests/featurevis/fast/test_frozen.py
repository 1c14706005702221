"""Pictures are of the network as it is: what makes it faster must not make it another."""

from __future__ import annotations

import copy

import torch

from wbsite.featurevis.fast.frozen import frozen
from wbsite.graph.recording import record
from wbsite.models.base import LoadedModel


def test_folded_and_frozen_it_computes_the_same(small: LoadedModel, cpu: torch.device) -> None:
    before = copy.deepcopy(small.module.state_dict())
    tape = record(small.module, (3, 24, 24))
    values = [tape.pre_activation("left"), tape.value("fc")]
    program = tape.program(values)
    fast = frozen(program, cpu, torch.float32, False, {})
    assert "batch_norm" in {call.operation for call in program.calls}
    assert "batch_norm" not in {call.operation for call in fast.calls}
    x = torch.randn(3, 3, 24, 24)
    slow, quick = program(x), fast(x)
    for value in values:
        torch.testing.assert_close(quick[value], slow[value], atol=1e-5, rtol=1e-4)
    assert all(torch.equal(before[name], tensor) for name, tensor in small.module.state_dict().items())


def test_a_norm_whose_convolution_is_itself_wanted_stays(small: LoadedModel, cpu: torch.device) -> None:
    tape = record(small.module, (3, 24, 24))
    values = [tape.value("left"), tape.pre_activation("left")]
    assert values[0] != values[1]
    x = torch.randn(2, 3, 24, 24)
    slow, quick = tape.program(values)(x), frozen(tape.program(values), cpu, torch.float32, False, {})(x)
    for value in values:
        torch.testing.assert_close(quick[value], slow[value], atol=1e-5, rtol=1e-4)
