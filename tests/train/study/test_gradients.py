"""The backward pass that is written out must be autograd's: every trained network of a study depends on it."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from wbsite.ops.information.activations import ACTIVATIONS
from wbsite.train.study.gradients import Gradients
from wbsite.train.study.stacked import EPSILON, Architecture

FUNCTIONS = {
    "tanh": torch.tanh,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.2),
    "hard_sigmoid": lambda x: (0.2 * x + 0.5).clamp(0, 1),
    "linear": lambda x: x,
}
"""PyTorch's own, where `functional` has none of the name."""


def autograd(
    shape: Architecture, row: torch.Tensor, name: str, inputs: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Gradient (P,) of one network's mean cross-entropy; inputs (batch, features), labels (batch,)."""
    row = row.clone().requires_grad_()
    views = shape.views(row[None, None])
    values = inputs
    for layer in range(len(shape.units)):
        part = {key.partition(".")[2]: view[0, 0] for key, view in views.items() if key.startswith(f"{layer}.")}
        values = functional.linear(values, part["weight"], part["bias"][:, 0])
        if layer < len(shape.widths):
            if shape.batch_norm:
                scale, shift = part["scale"][:, 0], part["shift"][:, 0]
                values = functional.batch_norm(values, None, None, scale, shift, training=True, eps=EPSILON)
            values = FUNCTIONS.get(name, getattr(functional, name, None))(values)
    (gradient,) = torch.autograd.grad(functional.cross_entropy(values, labels), row)
    return gradient


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_are_autograds_for_batches_of_any_size(name: str, batch_norm: bool) -> None:
    shape, chance = Architecture(5, (4, 3), 3, batch_norm), torch.Generator().manual_seed(0)
    names = ("relu", name, name) if name != "relu" else ("relu", "relu", "tanh")
    rows = torch.randn(2, 3, shape.size, generator=chance)
    gradients = Gradients(shape, names, 2, torch.device("cpu"))
    for batch in (32, 7, 32):
        samples = torch.randn(2, 5, batch, generator=chance)
        labels = torch.randint(3, (2, batch), generator=chance)
        targets = functional.one_hot(labels).float().transpose(1, 2)[:, None]
        found = gradients(rows.clone(), samples, targets)
        for seed in range(2):
            for place, each in enumerate(names):
                expected = autograd(shape, rows[seed, place], each, samples[seed].T, labels[seed])
                torch.testing.assert_close(found[seed, place], expected, rtol=1e-3, atol=2e-5)


def test_only_running_statistics_are_changed() -> None:
    shape, chance = Architecture(5, (4,), 2, batch_norm=True), torch.Generator().manual_seed(0)
    rows = torch.randn(1, 1, shape.size, generator=chance)
    before, samples = rows.clone(), torch.randn(1, 5, 16, generator=chance)
    targets = functional.one_hot(torch.arange(16)[None] % 2).float().transpose(1, 2)[:, None]
    found = Gradients(shape, ("tanh",), 1, torch.device("cpu"))(rows, samples, targets)
    for name, view in shape.views(rows).items():
        running = name.endswith((".mean", ".variance"))
        assert torch.equal(view, shape.views(before)[name]) != running
        assert not (running and shape.views(found)[name].any())
