"""Networks that take more than a picture work once it is said what, and before that the error says how."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import parse
from wbsite.graph.recording import Recorded, Replay
from wbsite.models.inputs import FoundInput, find_input

from .networks import Conditional, Plain, Scan, Siamese

SCAN = {"input": [3, 24, 40], "arguments": {"age": [4], "mask": [1, 24, 40]}}
SIAMESE = {"input": [3, 24, 40], "arguments": {"right": [3, 24, 40], "kind": 2}}
CONDITIONAL = {"arguments": {"label": {"shape": [], "dtype": "int64"}}}


def found(net: nn.Module, said: dict[str, Any]) -> FoundInput:
    return find_input(net.eval(), None, "nets:make", parse("nets:make", said))


@pytest.mark.parametrize(
    ("net", "names", "example"),
    [(Scan, "age, mask", "age = [4], mask = [4]"), (Siamese, "right, kind", "right = [4], kind = [4]")],
)
def test_without_them_the_error_names_them_and_what_to_write(net: Any, names: str, example: str) -> None:
    with pytest.raises(WbsiteError, match=f"has nothing for {names}") as raised:
        found(net(), {})
    assert '[models."nets:make"]' in raised.value.hint
    assert f"arguments = {{ {example} }}" in raised.value.hint
    assert "without the batch axis" in raised.value.hint


def test_zeros_for_a_vector_and_a_mask_by_name() -> None:
    net = Scan().eval()
    of = found(net, SCAN)
    assert of.layers.names == ("conv1", "masked", "fc"), "the names are those of the network, not of a wrapper"
    assert "is given age, zeros of 4; mask, zeros of 1×24×40." in of.note
    x = torch.rand(2, 3, 24, 40)
    expected = Scan.forward(net, x, torch.zeros(2, 4), mask=torch.zeros(2, 1, 24, 40))
    torch.testing.assert_close(net(x)["logits"], expected["logits"])


def test_the_picture_again_where_the_shape_is_the_inputs_at_any_size() -> None:
    net = Siamese().eval()
    of = found(net, SIAMESE)
    assert of.layers.named("conv1").calls == 2
    assert "is given right, the picture again; kind, 2." in of.note
    for height, width in ((24, 40), (32, 16)):
        x = torch.rand(3, 3, height, width)
        result, kind = net(x)
        torch.testing.assert_close(result, Siamese.forward(net, x, x, 2)[0])
        assert kind == 2


def test_another_type_without_axes_of_its_own() -> None:
    net = Conditional().eval()
    assert found(net, CONDITIONAL).layers.names == ("conv1", "fc")
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(net(x), Conditional.forward(net, x, torch.zeros(2, dtype=torch.int64)))


@pytest.mark.parametrize(("make", "said"), [(Scan, SCAN), (Siamese, SIAMESE), (Conditional, CONDITIONAL)])
def test_a_recording_repeats_them_for_a_batch_of_any_size(make: Any, said: dict[str, Any]) -> None:
    net = make().eval()
    tape = Recorded.of(net, found(net, said).layers.input_shape).tape
    value = tape.outputs["fc"]
    x = torch.rand(3, *tape.shapes[0][1:])
    with torch.no_grad():
        seen: list[torch.Tensor] = []
        handle = net.fc.register_forward_hook(lambda _m, _i, output: seen.append(output))
        net(x)
        handle.remove()
        torch.testing.assert_close(tape.program([value])(x)[value], seen[0])


@pytest.mark.parametrize(("make", "said"), [(Siamese, SIAMESE), (Conditional, CONDITIONAL)])
def test_a_recording_in_place_of_the_network_returns_what_that_does(make: Any, said: dict[str, Any]) -> None:
    net = make().eval()
    replay = Replay(Recorded.of(net, found(net, said).layers.input_shape))
    x = torch.rand(2, 3, 24, 40) if make is Siamese else torch.rand(2, 3, 32, 32)
    result = net(x)
    torch.testing.assert_close(replay(x), result[0] if isinstance(result, tuple) else result)


def test_a_copy_and_a_call_with_everything_work_as_they_did() -> None:
    net = Scan().eval()
    found(net, SCAN)
    x, age, mask = torch.rand(1, 3, 24, 40), torch.ones(1, 4), torch.ones(1, 1, 24, 40)
    torch.testing.assert_close(net(x, age, mask=mask)["logits"], Scan.forward(net, x, age, mask=mask)["logits"])
    torch.testing.assert_close(copy.deepcopy(net)(x)["logits"], net(x)["logits"])


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ({"ages": [4], "mask": [1, 24, 40]}, "unknown argument of the forward pass of nets:make 'ages'", "'age'"),
        ({"age": [4]}, "has nothing for mask", "mask = [4]"),
        ({"age": [4], "mask": {"shape": [1, 24, 40], "dtype": "flaot32"}}, "type of the argument mask", "'float32'"),
        ({"age": [5], "mask": [1, 24, 40]}, "fails on an input of shape", ""),
    ],
)
def test_wrong_ones_are_named(said: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(WbsiteError, match=message) as raised:
        found(Scan(), {"input": [3, 24, 40], "arguments": said})
    assert hint in raised.value.hint


def test_optional_parameters_need_not_be_said() -> None:
    class Optional(Plain):
        def forward(self, x: torch.Tensor, scale: float = 1.0, *rest: Any, **options: Any) -> torch.Tensor:
            return super().forward(x * scale)

    assert found(Optional(), {}).layers.input_shape == (3, 32, 32)
    assert found(Optional(), {"arguments": {"scale": 0.5, "anything": "else"}}).layers.input_shape == (3, 32, 32)
