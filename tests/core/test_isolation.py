"""Code of the user's runs as in a fresh Python, and wbsite goes on as if it had never run."""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.isolation import forward_passes, isolated
from wbsite.graph.recording import Recorded, record
from wbsite.graph.tape import INPUT

SHAPE = (3, 16, 16)


def state() -> dict[str, Any]:
    """What a process has of its own, as comparable values."""
    return {
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "benchmark": torch.backends.cudnn.benchmark,
        "onednn": torch.backends.mkldnn.enabled,
        "anomaly": torch.is_anomaly_enabled(),
        "filters": list(warnings.filters),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "errors": np.geterr(),
        "folder": os.getcwd(),
        "arguments": list(sys.argv),
        "output": sys.stdout,
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),
        "random": random.getstate(),
    }


RUDENESS: dict[str, Callable[[], object]] = {
    "gradients": lambda: torch.set_grad_enabled(False),
    "dtype": lambda: torch.set_default_dtype(torch.float64),
    "device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "precision": lambda: torch.set_float32_matmul_precision("medium"),
    "benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "onednn": lambda: setattr(torch.backends.mkldnn, "enabled", False),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True),
    "filters": lambda: warnings.simplefilter("error"),
    "logging": lambda: (logging.root.setLevel(1), logging.root.addHandler(logging.NullHandler()), logging.disable(50)),
    "errors": lambda: np.seterr(all="raise"),
    "folder": lambda: os.chdir("/"),
    "arguments": lambda: sys.argv.append("--rude"),
    "torch": lambda: torch.manual_seed(5),
    "numpy": lambda: np.random.seed(5),
    "random": lambda: random.seed(5),
    "output": lambda: print("here I am"),
}


@pytest.mark.parametrize("kind", RUDENESS)
def test_afterwards_all_is_as_before(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = state()
    with isolated():
        RUDENESS[kind]()
    assert state() == before

    def fails() -> None:
        with isolated():
            RUDENESS[kind]()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert state() == before
    out, err = capsys.readouterr()
    assert not out
    assert err.count("here I am") == 2 * (kind == "output")


def test_inside_torch_is_as_it_starts() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        with torch.inference_mode(), isolated():
            x = torch.ones(2, requires_grad=True)
            (x * x).sum().backward()
            assert (x.dtype, x.device.type, x.grad.tolist()) == (torch.float32, "cpu", [2, 2])
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


def test_ending_python_is_an_error_like_another() -> None:
    with pytest.raises(RuntimeError, match=r"sys\.exit\(3\)"), isolated():
        sys.exit(3)
    net = network(lambda net, x: sys.exit("no GPU"))
    with pytest.raises(WbsiteError, match="no GPU"):
        record(net, SHAPE)


class Net(nn.Module):
    """A convolution and whatever a test does with it."""

    input_shape = SHAPE

    def __init__(self, code: Callable[[Net, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.register_buffer("count", torch.zeros(1))
        self.seen, self.code = 0, code

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.code(self, x)


def network(code: Callable[[Net, torch.Tensor], Any]) -> Net:
    torch.manual_seed(0)
    return Net(code)


@pytest.mark.parametrize("kind", RUDENESS)
def test_forward_passes_leave_the_process_as_it_was(kind: str) -> None:
    def rude(net: Net, x: torch.Tensor) -> torch.Tensor:
        y = net.conv(x)
        RUDENESS[kind]()
        return y

    before = state() if kind != "output" else {}
    tape = Recorded.of(network(rude)).tape
    assert tape.uses["conv"][0].inputs == {"input"}
    assert before == (state() if before else {})


def counting(net: Net, x: torch.Tensor) -> torch.Tensor:
    net.seen += 1
    net.count += x.shape[0]
    net.last = x
    net.norm.training = True
    return net.norm(net.conv(x))


def replacing(net: Net, x: torch.Tensor) -> torch.Tensor:
    net.count = net.count + x.mean()
    return net.conv(x)


@pytest.mark.parametrize("code", [counting, replacing])
def test_forward_passes_leave_the_network_as_it_was(code: Callable[[Net, torch.Tensor], torch.Tensor]) -> None:
    net = network(code).train()
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    tape = Recorded.of(net).tape
    tape.program([tape.value("")])(torch.rand(2, *SHAPE))
    with forward_passes(net):
        net(torch.rand(2, *SHAPE))
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    assert (net.seen, net.training, net.norm.training, hasattr(net, "last")) == (0, True, True, False)
    assert Recorded.of(net).tape is tape  # nothing has changed, so nothing is recorded anew


def noisy(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.conv(x + torch.randn(x.shape[1:]))


def numpys(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.conv(x * np.random.rand() + random.random())


@pytest.mark.parametrize("code", [noisy, numpys])
def test_random_numbers_are_the_same_at_every_recording(code: Callable[[Net, torch.Tensor], torch.Tensor]) -> None:
    net, x = network(code), torch.rand(1, *SHAPE)
    outputs = []
    for seed in (1, 2):
        for generator in (torch.manual_seed, np.random.seed, random.seed):
            generator(seed)
        tape = record(net, SHAPE)
        outputs.append(tape.program([tape.value("")])(x)[tape.value("")])
        with forward_passes(net):
            outputs.append(net(x))
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def inference(net: Net, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return net.norm(net.conv(x))


def without_gradients(net: Net, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        x = x[:, :, 1:, 1:]
        x *= 2
        return net.norm(net.conv(x))


@pytest.mark.parametrize("code", [inference, without_gradients])
def test_gradients_pass_where_the_network_turns_them_off(code: Callable[[Net, torch.Tensor], torch.Tensor]) -> None:
    net = network(code).eval()
    tape = Recorded.of(net).tape
    x = torch.rand(2, *SHAPE, requires_grad=True)
    output = tape.program([tape.value("")])(x)[tape.value("")]
    assert torch.equal(output, net(x.detach().clone()))
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert gradient.abs().sum() > 0
    assert torch.inference_mode.__enter__.__module__ == "torch.autograd.grad_mode"


def test_a_write_into_a_view_is_no_constant_without_gradients() -> None:
    def code(net: Net, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            y = net.conv(x)
            y[:, :2].mul_(3)
            return y + 0

    net = network(code)
    tape = Recorded.of(net).tape
    assert any(INPUT in call.inputs for call in tape.path(INPUT, tape.value("")))
    with pytest.raises(WbsiteError, match="cannot be repeated"):
        tape.program([tape.value("")])(torch.rand(1, *SHAPE))


def test_a_compiled_forward_pass_is_recorded_as_written(tmp_path: Path) -> None:
    net = network(lambda net, x: net.norm(net.conv(x)).relu()).eval()
    net.compile(backend=lambda *_: pytest.fail("was compiled"))
    tape = Recorded.of(net).tape
    assert [call.operation for call in tape.calls] == ["conv2d", "batch_norm", "relu"]


def test_autocast_is_repeated() -> None:
    def code(net: Net, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = net.conv(x)
        return net.norm(y.float())

    net, x = network(code).eval(), torch.rand(2, *SHAPE)
    tape = Recorded.of(net).tape
    values = tape.program([tape.value("conv"), tape.value("")])(x)
    assert values[tape.value("conv")].dtype == torch.bfloat16
    assert torch.equal(values[tape.value("")], net(x))
