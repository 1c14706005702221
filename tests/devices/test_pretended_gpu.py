"""The pretended GPU refuses what CUDA refuses and allows what it allows, or tests in its name would say nothing."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from .pretended_gpu import pretended_gpu

GPU = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def refused() -> Iterator[list[str]]:
    with pretended_gpu() as refused:
        yield refused


def there(*shape: int) -> torch.Tensor:
    """On the GPU."""
    return torch.rand(*shape, device="cuda")


def made_by_default() -> torch.Tensor:
    with torch.device("cuda"):
        return torch.ones(3)


class Doubled(torch.autograd.Function):
    """With a way back that makes a tensor where it should not."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * torch.full(gradient.shape, 2.0)


MIXED: dict[str, Callable[[], Any]] = {
    "sum": lambda: there(3) + torch.ones(3),
    "sum with a number on the GPU": lambda: torch.ones(3) + there(1)[0],
    "in place": lambda: there(3).mul_(torch.ones(3)),
    "in place on the CPU": lambda: torch.ones(3).add_(there(3)),
    "in place on a number on the CPU": lambda: torch.zeros(()).add_(there(3).sum()),
    "into out=": lambda: torch.mul(there(3), 2, out=torch.empty(3)),
    "comparison": lambda: there(3) > torch.ones(3),
    "where": lambda: torch.where(there(3) > 0.5, there(3), torch.zeros(3)),
    "where, by a mask on the CPU": lambda: torch.where(torch.ones(3, dtype=torch.bool), there(3), 0.0),
    "matrix product": lambda: there(3, 4) @ torch.ones(4, 2),
    "einsum": lambda: torch.einsum("ij,jk->ik", there(3, 4), torch.ones(4, 2)),
    "cat": lambda: torch.cat([there(3), torch.ones(3)]),
    "stack of numbers": lambda: torch.stack([there(1)[0], torch.ones(())]),
    "values put at indices": lambda: there(3).index_put_((torch.tensor([0, 1]),), torch.ones(2)),
    "values set at indices": lambda: there(3).__setitem__([0, 1], torch.ones(2)),
    "indices on the GPU into the CPU": lambda: torch.ones(3)[torch.tensor([0], device="cuda")],
    "index_select": lambda: there(3).index_select(0, torch.tensor([0])),
    "gather": lambda: there(3).gather(0, torch.tensor([0])),
    "scatter": lambda: torch.zeros(3).scatter_(0, torch.tensor([0], device="cuda"), 1.0),
    "take_along_dim": lambda: torch.take_along_dim(there(3), torch.tensor([0])),
    "bucketize": lambda: torch.bucketize(there(3), torch.tensor([0.5])),
    "quantile": lambda: there(3).quantile(torch.tensor([0.5])),
    "convolution": lambda: F.conv2d(there(1, 3, 8, 8), torch.ones(2, 3, 3, 3)),
    "module on the CPU": lambda: nn.Conv2d(3, 2, 3)(there(1, 3, 8, 8)),
    "input on the CPU": lambda: nn.Conv2d(3, 2, 3).to("cuda")(torch.ones(1, 3, 8, 8)),
    "labels on the CPU": lambda: F.cross_entropy(there(2, 3), torch.tensor([0, 1])),
    "in inference mode": lambda: torch.inference_mode()(lambda: F.linear(there(2, 3), torch.ones(4, 3)))(),
    "in a gradient of one's own": lambda: Doubled.apply(there(3).requires_grad_()).sum().backward(),
    "gradient from another device": lambda: setattr(there(3), "grad", torch.ones(3)),
    "tensor of numbers": lambda: there(3) * torch.tensor([1.0, 2.0, 3.0]),
    "from NumPy": lambda: there(3) * torch.from_numpy(np.ones(3)),
    "arange": lambda: there(3) * torch.arange(3),
    "zeros": lambda: there(3) + torch.zeros(3),
    "like one on the CPU": lambda: there(3) + torch.zeros_like(torch.ones(3)),
    "told to be on the CPU": lambda: there(3) + torch.zeros_like(there(3), device="cpu"),
    "copy on the CPU": lambda: there(3) + there(3).cpu(),
    "equal": lambda: torch.equal(there(3), torch.ones(3)),
    "generator of the CPU": lambda: torch.rand(3, generator=torch.Generator(), device="cuda"),
    "generator of the CPU, in place": lambda: there(3).uniform_(generator=torch.Generator()),
    "generator of the GPU": lambda: torch.rand(3, generator=torch.Generator("cuda")),
    "optimiser's state on the CPU": lambda: torch._foreach_add_([there(3), there(3)], [there(3), torch.ones(3)]),
}


@pytest.mark.parametrize("mixed", MIXED.values(), ids=MIXED)
def test_tensors_on_two_devices_are_refused(mixed: Callable[[], Any], refused: list[str]) -> None:
    with pytest.raises(RuntimeError, match="device"):
        mixed()
    assert len(refused) == 1


LEFT: dict[str, Callable[[], Any]] = {
    "numpy": lambda: there(3).numpy(),
    "a view": lambda: there(3)[1:].numpy(),
    "detached": lambda: there(3).requires_grad_().detach().numpy(),
    "asarray": lambda: np.asarray(there(3)),
    "concatenate": lambda: np.concatenate([np.ones(3), there(3)]),
    "pickle": lambda: pickle.dumps(there(3)),
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_the_memory_of_a_gpu_is_no_array(left: Callable[[], Any], refused: list[str]) -> None:
    with pytest.raises(TypeError, match="cuda:0"):
        left()
    assert len(refused) == 1


ON_GPU: dict[str, Callable[[], torch.Tensor]] = {
    "moved": lambda: torch.ones(3).to("cuda"),
    "moved and cast": lambda: torch.ones(3).to("cuda", torch.float64),
    "moved to another's": lambda: torch.ones(3).to(there(1)),
    "moved by cuda()": lambda: torch.ones(3).cuda(),
    "made": lambda: torch.arange(3, device="cuda"),
    "made by default": made_by_default,
    "made of numbers": lambda: torch.tensor([1.0], device=torch.device("cuda")),
    "taken from NumPy": lambda: torch.as_tensor(np.ones(3), device="cuda"),
    "new": lambda: there(3).new_zeros(2),
    "like": lambda: torch.ones_like(there(3)),
    "view": lambda: there(4).view(2, 2)[0],
    "sum with a number on the CPU": lambda: there(3) + torch.ones(()),
    "number on the CPU by a number on the GPU": lambda: torch.ones(()) * there(1)[0],
    "where with a number on the CPU": lambda: torch.where(there(3) > 0.5, there(3), torch.zeros(())),
    "clamped by a number on the CPU": lambda: there(3).clamp(max=torch.ones(())),
    "filled with a number on the CPU": lambda: there(3).fill_(torch.ones(())),
    "masked with a number on the CPU": lambda: there(3).masked_fill(there(3) > 0.5, torch.zeros(())),
    "indexed by indices on the CPU": lambda: there(3)[torch.tensor([0, 1])],
    "indexed by a mask on the CPU": lambda: there(3)[torch.tensor([True, False, True])],
    "indexed by NumPy": lambda: there(3)[np.array([0, 1])],
    "one-hot": lambda: F.one_hot(torch.tensor([0, 1], device="cuda"), 3),
    "pooled": lambda: F.adaptive_avg_pool2d(there(1, 2, 4, 4), 2),
    "enlarged": lambda: F.interpolate(there(1, 2, 4, 4), size=8, mode="bilinear"),
    "drawn": lambda: torch.rand(3, generator=torch.Generator("cuda").manual_seed(0), device="cuda"),
    "copied": lambda: copy.deepcopy(there(3)),
    "module": lambda: nn.Linear(3, 2).to("cuda")(there(2, 3)),
    "copied module": lambda: copy.deepcopy(nn.Linear(3, 2).to("cuda")).weight,
    "fully smoothed loss": lambda: F.cross_entropy(there(2, 3), torch.tensor([0, 1]).cuda(), label_smoothing=0.1),
    "square root of a matrix": lambda: torch.linalg.eigh(there(3, 3))[0],
    "in inference mode": lambda: torch.inference_mode()(lambda: F.linear(there(2, 3), there(4, 3)))(),
}


@pytest.mark.parametrize("made", [make for name, make in ON_GPU.items()], ids=ON_GPU)
def test_what_cuda_allows_lies_on_the_gpu(made: Callable[[], torch.Tensor], refused: list[str]) -> None:
    tensor = made()
    assert (tensor.device, tensor.is_cuda, tensor.is_cpu, tensor.get_device()) == (GPU, True, False, 0)
    assert not refused


ON_CPU: dict[str, Callable[[], torch.Tensor]] = {
    "made": lambda: torch.ones(3),
    "moved back": lambda: there(3).cpu(),
    "moved back by name": lambda: there(3).to("cpu"),
    "moved back by another": lambda: there(3).to(torch.ones(1)),
    "written to": lambda: torch.zeros(3).copy_(there(3)),
    "set": lambda: (x := torch.zeros(3)).__setitem__(slice(0, 2), there(2)) or x,
    "made of numbers on the GPU": lambda: torch.tensor([x for x in there(3)]),  # noqa: C416
    "of a list": lambda: torch.tensor(there(3).tolist()),
    "told to be on the CPU": lambda: torch.zeros_like(there(3), device="cpu"),
}


@pytest.mark.parametrize("made", ON_CPU.values(), ids=ON_CPU)
def test_what_is_brought_back_lies_on_the_cpu(made: Callable[[], torch.Tensor], refused: list[str]) -> None:
    tensor = made()
    assert (tensor.device.type, tensor.is_cuda, tensor.is_cpu, tensor.get_device()) == ("cpu", False, True, -1)
    np.asarray(tensor)
    assert not refused


def test_a_tensor_that_lies_there_is_not_copied() -> None:
    x = there(3)
    assert x.to("cuda") is x
    assert x.to(torch.float32) is x
    assert torch.as_tensor(x, device="cuda") is x
    y = x.cpu()
    assert y.data_ptr() != x.data_ptr()
    assert y.cpu() is y


def test_a_copy_is_no_view() -> None:
    x = torch.zeros(3)
    x.to("cuda").add_(1)
    assert not x.any()


def test_a_gradient_lies_where_its_tensor_does() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.to("cuda").square()
    weight = torch.ones(3, device="cuda", requires_grad=True)
    (y * weight).sum().cpu().backward()
    assert x.grad is not None and weight.grad is not None
    assert (x.grad.device.type, weight.grad.device.type) == ("cpu", "cuda")
    assert x.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_network_is_trained_there_as_on_the_cpu(kind: Callable[..., torch.optim.Optimizer]) -> None:
    def trained(device: str) -> nn.Module:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        x, labels = torch.rand(6, 3, 8, 8), torch.arange(6) % 2
        net(x)
        net.to(device)
        optimiser = kind(net.parameters(), lr=0.01)
        for _ in range(3):
            loss = F.cross_entropy(net(x.to(device)), labels.to(device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return net

    on_gpu = trained("cuda")
    for ours, theirs in zip(on_gpu.parameters(), trained("cpu").parameters(), strict=True):
        assert ours.device == GPU
        assert torch.allclose(ours.cpu(), theirs)


def test_a_file_of_its_tensors_is_read_without_it() -> None:
    buffer = io.BytesIO()
    torch.save({"weight": there(3)}, buffer)
    buffer.seek(0)
    assert torch.load(buffer, map_location="cpu")["weight"].device.type == "cpu"


def test_shapes_alone_are_on_no_device() -> None:
    with torch.device("meta"):
        net = nn.Linear(3, 2)
    assert net.weight.device.type == "meta"
    assert net(torch.ones(1, 3, device="meta")).device.type == "meta"
    assert torch.ones(3).to("meta").device.type == "meta"


def test_afterwards_there_is_none() -> None:
    with pretended_gpu():
        assert torch.cuda.is_available()
    torch.ones(3) + torch.rand(3)
