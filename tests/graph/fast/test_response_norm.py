"""Local response normalisation in closed form is torch's, in every layout of memory, with its gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from wbsite.graph.fast.response_norm import local_response_norm
from wbsite.graph.recording import record

LAYOUTS = {
    "channels first": lambda x: x.contiguous(),
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "part of a map": lambda x: F.pad(x, (1, 2, 1, 0)).contiguous(memory_format=torch.channels_last)[..., 1:, 1:-2],
    "turned": lambda x: x.transpose(2, 3),
}


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


@pytest.mark.parametrize("shape", [(3, 200, 30, 31), (2, 5, 1, 1), (1, 9, 4, 1), (0, 3, 2, 2)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_memory_gives_the_same(layout: str, shape: tuple[int, ...]) -> None:
    x = LAYOUTS[layout](torch.randn(shape, generator=torch.Generator().manual_seed(1))).detach()
    expected = F.local_response_norm(x, 5, 0.3) if len(x) else x
    torch.testing.assert_close(local_response_norm(x, 5, 0.3), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(local_response_norm(x.requires_grad_(), 5, 0.3), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(2, 6, 9), (1, 6, 3, 4, 2)])
def test_what_is_no_map_is_left_to_torch(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(local_response_norm(x, 3), F.local_response_norm(x, 3))


def test_programs_use_it_and_the_tape_stays_as_recorded() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 6, 3), torch.nn.LocalResponseNorm(5, alpha=0.5))
    tape = record(net, (3, 8, 8))
    recorded = next(call for call in tape.calls if call.operation == "local_response_norm")
    program = tape.program([recorded.outputs[0]])
    assert recorded.function is F.local_response_norm
    assert program.calls[-1].function is local_response_norm
    assert program.calls[-1] is tape.program([recorded.outputs[0]]).calls[-1], "what is made of a call is found again"
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(program(x)[recorded.outputs[0]], net(x), atol=1e-5, rtol=1e-4)
