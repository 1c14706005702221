"""Networks and requests that pictures and expanded weights cannot serve: one message each, nothing else lost."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.featurevis import Settings, Target, visualize
from wbsite.graph.channel_map import ChannelMap
from wbsite.graph.dominators import routes
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.models.base import Preprocess
from wbsite.ops.expanded.gradient_bounds import gradient_bounds
from wbsite.ops.expanded.smoothness import unit_balance
from wbsite.ops.expanded.weights import expanded_weights, path_products
from wbsite.render.expanded.connection_grid import _picked

CPU = torch.device("cpu")
BETWEEN: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "plain": lambda x: x,
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "softmax": lambda x: x.softmax(1),
    "comparison": lambda x: (x > 0).float(),
    "numpy": lambda x: torch.from_numpy(x.detach().numpy()),
    "first of the batch": lambda x: x[0][None],
    "one by one": lambda x: torch.cat([one[None] for one in x.unbind(0)]),
    "unbatched": lambda x: x[0],
    "without gradients": torch.no_grad()(lambda x: x * 1),
}


class Net(nn.Module):
    """Four convolutions, with something between the second and the third."""

    input_shape = (3, 16, 16)

    def __init__(self, between: str = "plain", channels: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = (channels, 6, 6, 8, 8)
        self.input_shape = (channels, 16, 16)
        self.c1, self.c2, self.c3, self.c4 = (nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.side = nn.Conv2d(channels, 8, 3, padding=1)
        self.between = between
        self.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        side = self.side(x)
        x = F.relu(self.c2(F.relu(self.c1(x))))
        x = BETWEEN[self.between](x)
        return F.relu(self.c4(F.relu(self.c3(x)))) + side


def network(module: nn.Module) -> Any:
    """A module as `wbsite.models.load` would give it."""
    shape = module.input_shape
    preprocess = Preprocess(crop=shape[1:], mean=(0.5,) * shape[0], std=(0.5,) * shape[0])
    return SimpleNamespace(module=module, spec=SimpleNamespace(title="Net", input_shape=shape, preprocess=preprocess))


def pictures(module: nn.Module, *targets: Target) -> list[Any]:
    return list(visualize(network(module), targets, Settings(size=16, steps=6), CPU))


def said(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(WbsiteError) as error:
        function(*args, **kwargs)
    assert error.value.hint
    return f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize("ask", [expanded_weights, path_products, gradient_bounds])
def test_layers_and_units_that_do_not_exist_are_named(ask: Callable[..., Any]) -> None:
    recorded = Recorded.of(Net())
    assert "Did you mean 'c3'" in said(ask, recorded, "c1", "c33")
    assert "Known: c1, c2" in said(ask, recorded, "nonsense", "c3")
    assert "None is no name" in said(ask, recorded, None, "c3")
    assert "c3 has no unit 99. Its units are 0 to 7." in said(ask, recorded, "c1", "c3", [99])
    for units in ("abc", 3, [1.5], ["1"]):
        assert "c3" in said(ask, recorded, "c1", "c3", units)
    assert "other way round: expand from c1 to c3" in said(ask, recorded, "c3", "c1")
    assert "no path from c1 to side" in said(ask, recorded, "c1", "side")


def test_no_units_give_no_weights() -> None:
    assert expanded_weights(Net(), "c1", "c3", []).shape == (0, 6, 5, 5)
    assert gradient_bounds(Net(), "c1", "c3", channels=[]).upper.shape == (8, 0, 5, 5)
    assert "Known: average, gates" in said(path_products, Net(), "c1", "c3", pools="nonsense")


@pytest.mark.parametrize("ask", [expanded_weights, path_products, gradient_bounds])
def test_an_operation_without_a_linear_form_is_named(ask: Callable[..., Any]) -> None:
    assert "softmax in the network has no linear form" in said(ask, Net("softmax"), "c1", "c3")


@pytest.mark.parametrize("ask", [expanded_weights, path_products, gradient_bounds])
def test_weights_too_large_for_their_numbers_are_an_error(ask: Callable[..., Any]) -> None:
    module = Net()
    for parameter in module.parameters():
        parameter.mul_(1e20)
    assert "not finite" in said(ask, module, "c1", "c4")


@pytest.mark.parametrize("between", ["detach", "data", "without gradients"])
def test_gradients_cut_off_for_training_do_not_cut_off_pictures(between: str) -> None:
    plain = pictures(Net(), Target("c4", 0))[0]
    cut = pictures(Net(between), Target("c4", 0))[0]
    assert not plain.dead
    assert torch.equal(cut.image, plain.image)
    assert torch.equal(expanded_weights(Net(between), "c1", "c4"), expanded_weights(Net(), "c1", "c4"))


def test_a_unit_behind_a_comparison_is_dead() -> None:
    module = Net("comparison")
    assert [picture.dead for picture in pictures(module, Target("c1", 0), Target("c4", 0))] == [False, True]


def test_dead_units_are_marked_beside_living_ones() -> None:
    module = Net()
    module.c3.weight[2] = 0
    found = pictures(module, *(Target("c3", unit) for unit in range(4)))
    assert {picture.target.channel: picture.dead for picture in found} == {0: False, 1: False, 2: True, 3: False}


def test_what_leaves_torch_is_not_called_unknown_and_loses_nothing_before_it() -> None:
    module = Net("numpy")
    recorded, layers = Recorded.of(module), discover(module, module.input_shape)
    assert "c3 cannot be followed back to the network's input" in said(expanded_weights, recorded, "c1", "c3")
    assert not pictures(module, Target("c2", 0))[0].dead
    wires = ChannelMap(recorded, layers.names)
    assert [span.layers for span in wires.inputs["c2"]] == [("c1",)]
    assert [(span.layers, span.units) for span in wires.inputs["c3"]] == [((), 6)]
    assert wires.kernels("c3").shape == (8, 6, 3, 3)
    assert wires.bottleneck("c3") is None
    assert "c3" not in routes(recorded, ["c2", "c3"], layers.names)


@pytest.mark.parametrize("between", ["first of the batch", "one by one"])
def test_networks_that_take_the_batch_apart_are_shown_one_picture_after_another(between: str) -> None:
    assert all(picture.agrees for picture in pictures(Net(between), Target("c4", 0), Target("c4", 1)))


def test_a_layer_without_units_says_so() -> None:
    assert "c3 gives values of shape (8, 16, 16), so it has no units" in said(
        expanded_weights, Net("unbatched"), "c1", "c3"
    )


class Sequence(nn.Module):
    """Between its convolutions, positions are read as a sequence."""

    input_shape = (3, 16, 16)

    def __init__(self, kind: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.c1, self.c2 = nn.Conv2d(3, 8, 4, stride=4), nn.Conv2d(8, 4, 3)
        kinds = {"lstm": nn.LSTM, "gru": nn.GRU}
        self.inner = (
            kinds[kind](8, 8, batch_first=True) if kind in kinds else nn.MultiheadAttention(8, 2, batch_first=True)
        )
        self.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.c1(x)
        t = x.flatten(2).transpose(1, 2)
        if isinstance(self.inner, nn.MultiheadAttention):
            t = self.inner(t, t, t, need_weights=False)[0]
        else:
            t = self.inner(t)[0]
        return self.c2(t.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("kind", ["attention", "lstm", "gru"])
def test_attention_and_recurrence_are_replayed_for_whole_batches(kind: str) -> None:
    module = Sequence(kind).eval()
    x = torch.randn(3, 3, 16, 16)
    tape = Recorded.of(module).tape
    value = tape.value("c2")
    torch.testing.assert_close(tape.program([value])(x)[value], module(x))
    assert not pictures(module, Target("c2", 0))[0].dead
    assert "has no linear form" in said(expanded_weights, module, "c1", "c2")


@pytest.mark.filterwarnings("ignore")
def test_scripted_parts_are_known_to_feed_but_not_repeated() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = nn.Sequential(nn.Conv2d(3, 4, 3), torch.jit.script(nn.Sequential(nn.ReLU())), nn.Conv2d(4, 4, 3))
    module.input_shape = (3, 8, 8)
    assert expanded_weights(module, "input", "0").shape == (4, 3, 3, 3)
    assert "code that cannot be recorded in the network has no linear form" in said(expanded_weights, module, "0", "2")
    (picture,) = pictures(module, Target("2", 0))
    assert picture.agrees and not picture.dead  # by the network's own code


def test_inputs_that_are_no_pictures_have_weights_but_no_pictures() -> None:
    module = Net(channels=2)
    assert expanded_weights(module, "input", "c2").shape == (6, 2, 5, 5)
    assert "2 channels, which are neither grey (1) nor red, green and blue (3)" in said(
        pictures, module, Target("c2", 0)
    )
    assert pictures(Net(channels=1), Target("c2", 0))[0].image.shape == (1, 16, 16)
    assert "wbsite.models.load" in said(lambda: list(visualize(Net(), [Target("c1", 0)], Settings(), CPU)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "3"},
        {"channel": 1.5},
        {"channel": True},
        {"direction": [1.0] * 6},
        {"direction": torch.ones(6)},
        {"direction": "abcdef"},
        {"channel": 0, "position": "middle"},
        {"channel": 0, "position": (1, 2, 3)},
        {"channel": 0, "side": "sideways"},
    ],
)
def test_targets_that_make_no_sense_are_refused_at_once(wrong: dict[str, Any]) -> None:
    assert said(Target, "c1", **wrong)


def test_sizes_are_whole_numbers_and_small_networks_have_small_pictures() -> None:
    assert "size 16.5 is no whole number" in said(Settings, size=16.5)
    assert "steps True is no whole number" in said(Settings, steps=True)
    found = list(visualize(network(Net()), [Target("c1", 0)], Settings(size=7, steps=6), CPU))
    assert found[0].image.shape == (3, 7, 7)
    assert bool(torch.isfinite(found[0].image).all())


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_the_balance_of_signs_is_that_of_weights_of_any_size(scale: float) -> None:
    maps = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(unit_balance(maps * scale), unit_balance(maps))
    assert bool(unit_balance(torch.zeros(1, 3, 5, 5)).isnan())


def test_a_grid_of_no_units_is_refused() -> None:
    examples: Any = SimpleNamespace()
    assert "names no units" in said(_picked, examples, "source", " , ", [])


NETS = """
from torch import nn

def two():
    net = nn.Sequential(nn.Conv2d(2, 6, 5, padding=2), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1))
    net.input_shape = (2, 16, 16)
    return net
"""


def test_where_pictures_fail_the_rest_of_the_page_stands_and_says_why(
    process: Callable[..., Any], copy_store: Callable[[Path], None], tmp_path: Path
) -> None:
    copy_store(tmp_path)
    (tmp_path / "two_nets.py").write_text(NETS)
    ran = process(tmp_path, "build", "--models", "two_nets:two", "--articles", "weight-banding", "--profile", "full")
    assert ran.status in (0, 3), ran.err
    assert "Traceback" not in ran.err
    folder = tmp_path / "site" / "models" / "two_nets-two" / "2"
    page = (folder / "index.html").read_text()
    assert "No pictures, because photographs have 3 channels, or 1 in grey; the network takes 2." in page
    panels = json.loads((folder / "panels-0.json").read_text())
    assert len(panels["units"]) == 6
    assert panels["units"][0]["picture"] is None
    assert panels["units"][0]["input"]["connections"]
