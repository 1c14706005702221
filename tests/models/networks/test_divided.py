"""The network of the branch laboratory: branches of equal size that do not see each other until they are meant to."""

from __future__ import annotations

import pytest
import torch

from wbsite.models.networks.divided import Divided

WIDTHS = (8, 12, 16)


def network(branches: int, depth: int = 2, **options: int) -> Divided:
    torch.manual_seed(0)
    return Divided(branches, WIDTHS, 2, 5, depth, **options).eval()


@pytest.mark.parametrize("branches", [1, 2, 4])
@pytest.mark.parametrize("depth", [2, 3])
def test_every_network_gives_logits_and_has_the_widths_that_were_asked_for(branches: int, depth: int) -> None:
    module = network(branches, depth)
    assert module(torch.zeros(3, 3, 32, 32)).shape == (3, 5)
    assert module.conv1.weight.shape == (8, 3, 7, 7)
    assert module.conv2.weight.shape == (12, 8 // branches, 5, 5)
    assert module.conv3.weight.shape == (16, 12 // (branches if depth == 3 else 1), 3, 3)
    assert Divided(1, WIDTHS, 4, 5, channels=1).eval()(torch.zeros(1, 1, 64, 64)).shape == (1, 5)


def reads(module: Divided, layer: str, unit: int) -> list[int]:
    """The units of conv1 that a unit's response depends on."""
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        module.get_submodule(name).register_forward_hook(lambda of, given, out, name=name: seen.update({name: out}))
        for name in ("conv1", layer)
    ]
    module(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    for hook in hooks:
        hook.remove()
    (found,) = torch.autograd.grad(seen[layer][:, unit].abs().sum(), seen["conv1"])
    return found.abs().sum((0, 2, 3)).nonzero().flatten().tolist()


@pytest.mark.parametrize("branches", [1, 2, 4])
def test_units_of_a_branch_are_read_by_their_own_branch_alone(branches: int) -> None:
    """Gradients of responses: no path leads from one branch into another before they meet."""
    module, own = network(branches, 3), 8 // branches
    for branch in range(branches):
        inside = list(range(branch * own, (branch + 1) * own))
        assert reads(module, "conv2", branch * 12 // branches) == inside
        assert reads(module, "conv2", (branch + 1) * 12 // branches - 1) == inside
        assert reads(module, "conv3", branch * 16 // branches) == inside


def test_branches_meet_in_the_third_convolution_unless_they_go_on() -> None:
    assert reads(network(2), "conv3", 0) == list(range(8))
    assert reads(network(2, 3), "conv3", 0) == list(range(4))
    assert reads(network(2, 3), "fc", 0) == list(range(8))


@pytest.mark.parametrize(
    ("branches", "depth", "said"),
    [(3, 2, "3 branches"), (0, 2, "0 branches"), (8, 2, "8 branches"), (2, 1, "depth"), (2, 4, "depth")],
)
def test_what_cannot_be_divided_is_refused(branches: int, depth: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        network(branches, depth)
    if depth == 2 and branches:
        assert network(1, depth)(torch.zeros(1, 3, 32, 32)).shape == (1, 5)
