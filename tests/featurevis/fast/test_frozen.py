"""Pictures are of the network as it is: what makes it faster must not make it another."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional as F

from wbsite.featurevis.fast.frozen import frozen
from wbsite.featurevis.fast.response_norm import local_response_norm
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


@pytest.mark.parametrize("beta", [0.5, 0.6, 0.75])
@pytest.mark.parametrize("size", [1, 4, 5])
def test_response_normalisation_in_closed_form_is_torchs(size: int, beta: float) -> None:
    x = torch.randn(2, 7, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(size)).requires_grad_()
    given = {"size": size, "alpha": 0.3, "beta": beta, "k": 1.5}
    theirs, ours = F.local_response_norm(x, **given), local_response_norm(x, **given)
    torch.testing.assert_close(ours, theirs)
    weight = torch.randn(theirs.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    expected, found = (torch.autograd.grad((y * weight).sum(), x)[0] for y in (theirs, ours))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("size", [4, 5])
def test_response_normalisation_in_bfloat16_is_that_of_float32(size: int) -> None:
    x = torch.randn(2, 7, 3, 4, generator=torch.Generator().manual_seed(size)).requires_grad_()
    found = []
    for y in (x, x.bfloat16()):
        normed = local_response_norm(y, size, 0.3, 0.75, 1.5)
        found.append((normed.float(), *torch.autograd.grad(normed.float().square().sum(), x)))
    for exact, rough in zip(*found, strict=True):
        torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.05)
