"""Flax's axes, collections and number types: read wrongly, they would show kernels that no network has."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .checks import assert_state
from .writers.flax_msgpack import CONV, DENSE, EXPECTED, GENERATOR, VECTOR, extension, network, write


def test_variables_have_torch_s_names_and_axes_in_the_file_s_order(tmp_path: Path) -> None:
    contents = read(write(tmp_path, network()))
    assert_state(contents.state, EXPECTED)
    assert (contents.format, contents.types, contents.bgr) == ("Flax msgpack", "float32", False)


def test_one_permutation_serves_plain_grouped_and_depthwise_kernels(tmp_path: Path) -> None:
    """Compared with sums over windows, written out with Flax's axes."""
    image = GENERATOR.normal(size=(6, 5, 4)).astype(np.float32)
    for groups in (1, 2, 4):
        kernel = GENERATOR.normal(size=(3, 2, 4 // groups, 8)).astype(np.float32)
        weight = read(write(tmp_path, {"conv": {"kernel": kernel}})).state["conv.weight"]
        output = F.conv2d(torch.from_numpy(image.transpose(2, 0, 1))[None], weight, groups=groups)[0].numpy()
        for unit in range(8):
            group = unit // (8 // groups)
            channels = image[:, :, group * (4 // groups) : (group + 1) * (4 // groups)]
            plain = [[(channels[y : y + 3, x : x + 2] * kernel[..., unit]).sum() for x in range(4)] for y in range(4)]
            np.testing.assert_allclose(output[unit], plain, atol=1e-5)


def test_attention_joins_its_heads(tmp_path: Path) -> None:
    query, out = GENERATOR.normal(size=(6, 3, 4)), GENERATOR.normal(size=(3, 4, 6))
    attention = {name: {"kernel": query + i, "bias": query[0]} for i, name in enumerate(("query", "key", "value"))}
    temporal = GENERATOR.normal(size=(3, 4, 6)).astype(np.float32)
    tree = {"attention": {**attention, "out": {"kernel": out}}, "temporal": {"kernel": temporal}}
    state = read(write(tmp_path, tree)).state
    np.testing.assert_array_equal(state["attention.key.weight"], (query + 1).reshape(6, 12).T.astype(np.float32))
    np.testing.assert_array_equal(state["attention.key.bias"], query[0].ravel().astype(np.float32))
    np.testing.assert_array_equal(state["attention.out.weight"], out.reshape(12, 6).T.astype(np.float32))
    np.testing.assert_array_equal(state["temporal.weight"], temporal.transpose(2, 1, 0))


def test_arrays_in_pieces_are_joined(tmp_path: Path) -> None:
    for index in (lambda items: {str(i): item for i, item in enumerate(items)}, list):
        flat = CONV.ravel()
        pieces = {
            "__msgpack_chunked_array__": True,
            "shape": index(CONV.shape),
            "chunks": index([flat[:50], flat[50:100], flat[100:]]),
        }
        tree = {"params": {"conv": {"kernel": pieces}}}
        assert_state(read(write(tmp_path, tree)).state, {"conv.weight": EXPECTED["stem.conv.weight"]})


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float64", "float8_e4m3fn", "float8_e5m2"])
def test_every_float_type_is_read_as_the_numbers_it_stands_for(tmp_path: Path, kind: str) -> None:
    values = torch.from_numpy(CONV).to(getattr(torch, kind))
    array = values.view({1: torch.uint8, 2: torch.int16, 8: torch.int64}[values.itemsize]).numpy()
    path = tmp_path / "net.msgpack"
    path.write_bytes(msgpack.packb({"params": {"conv": {"kernel": extension(array, kind)}}}))
    contents = read(path)
    assert torch.equal(contents.state["conv.weight"], values.float().permute(3, 2, 0, 1))
    assert contents.types == kind


def test_the_optimizer_and_counters_are_left_out_and_averages_taken(tmp_path: Path) -> None:
    params = network()["params"]
    state = {
        "step": np.int32(3),
        "params": params,
        "opt_state": {"0": {"count": np.array(3), "mu": {"params": params}, "nu": params}},
        "batch_stats": network()["batch_stats"],
        "rng": np.array([1, 2], np.uint32),
    }
    assert_state(read(write(tmp_path, state)).state, EXPECTED)
    state["ema_params"] = {"head": {"kernel": DENSE * 2}}
    contents = read(write(tmp_path, state))
    assert_state(contents.state, {**EXPECTED, "head.weight": 2 * DENSE.T})
    assert contents.format == "Flax msgpack, averaged weights (ema_params)"
    old = {"optimizer": {"target": network(), "state": {"param_states": params, "step": 3}}}
    assert_state(read(write(tmp_path, old)).state, EXPECTED)


def test_flat_shards_and_nnx_states_have_the_same_names(tmp_path: Path) -> None:
    shard = {"params/stem/conv/kernel": CONV, "batch_stats/norm/mean": VECTOR}
    assert list(read(write(tmp_path, shard)).state) == ["stem.conv.weight", "norm.running_mean"]
    nnx = {"norm": {"scale": {"value": VECTOR}, "mean": VECTOR}, "count": np.array(1)}
    assert list(read(write(tmp_path, nnx)).state) == ["norm.weight", "norm.running_mean"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"params": {"conv": {"kernel": np.ones((1, 1, 2, 2), np.int8)}}}, "its scale is not in the file"),
        ({"step": np.zeros(3, np.int32)}, "holds no arrays of weights under names"),
        ({"a": {"kernel": msgpack.ExtType(1, msgpack.packb(([1 << 39], "float32", b"")))}}, "has 0 bytes"),
        ({"a": msgpack.ExtType(1, msgpack.packb(([-1], "float32", b"")))}, "shape is no list of lengths"),
        ({"a": msgpack.ExtType(1, b"\x90" * 9)}, "extra data"),
        (functools.reduce(lambda tree, _: {"a": tree}, range(400), {"b": VECTOR}), "nested more than 100 deep"),
        ({"/" * 200: {"b": VECTOR}}, "nested more than 100 deep"),
        ({"a": {"__msgpack_chunked_array__": True, "shape": [2]}, "b": VECTOR}, "in pieces lacks them"),
    ],
)
def test_what_is_not_weights_is_refused(tmp_path: Path, tree: dict[str, Any], message: str) -> None:
    path = write(tmp_path, tree)
    with pytest.raises(WbsiteError, match=message) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xa1a" + b"\xdd\x00\x10\x00\x00" * 400,  # lists of a million, each within the other
        b"\x81\xa1a" * 100_000,
        b"\x81\xa1a" + b"\xdc\x3f\xff" + b"\xdc\x3f\xff".join([b"\x80" * 0x3FFF] * 200),
        b"\x81\xa1a\xc9\x7f\xff\xff\xff\x01",
    ],
)
def test_what_would_take_memory_without_end_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "net.msgpack"
    path.write_bytes(data)
    with pytest.raises(WbsiteError, match="is truncated or is not a Flax checkpoint"):
        read(path)


def test_without_msgpack_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, network())
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(WbsiteError, match="msgpack is not installed") as caught:
        read(path)
    assert "wbsite[formats]" in caught.value.hint


def test_a_network_computes_in_torch_what_it_computes_in_flax(tmp_path: Path) -> None:
    """Transposed convolutions of both kinds keep the name that Flax gives them, which tells that they are such."""
    pytest.importorskip("flax")
    import flax.linen as nn
    import flax.serialization
    import jax

    class Net(nn.Module):
        @nn.compact
        def __call__(self, images: Any) -> Any:
            images = nn.Conv(8, (3, 5), padding="VALID", name="conv")(images)
            images = nn.BatchNorm(use_running_average=True, name="norm")(images)
            images = nn.Conv(8, (3, 3), feature_group_count=8, padding="VALID", name="depthwise")(images)
            images = nn.ConvTranspose(6, (3, 2), strides=(2, 2), padding="VALID")(images)
            images = nn.ConvTranspose(5, (2, 3), padding="VALID", transpose_kernel=True)(images)
            tokens = images.reshape(len(images), -1, 5)
            tokens = nn.MultiHeadDotProductAttention(num_heads=3, qkv_features=12, name="attention")(tokens, tokens)
            return nn.Dense(5, name="head")(tokens)

    generator = np.random.default_rng(1)
    images = generator.normal(size=(2, 9, 10, 3)).astype(np.float32)
    variables = Net().init(jax.random.PRNGKey(0), images)
    variables = jax.tree_util.tree_map(lambda array: array + generator.uniform(0, 0.3, array.shape), variables)
    path = tmp_path / "net.msgpack"
    path.write_bytes(flax.serialization.to_bytes(variables))
    state = read(path).state
    outputs = F.conv2d(torch.from_numpy(images).permute(0, 3, 1, 2), state["conv.weight"], state["conv.bias"])
    norm = [state[f"norm.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    outputs = F.batch_norm(outputs, *norm)
    outputs = F.conv2d(outputs, state["depthwise.weight"], state["depthwise.bias"], groups=8)
    for name, stride in (("ConvTranspose_0", 2), ("ConvTranspose_1", 1)):
        outputs = F.conv_transpose2d(outputs, state[f"{name}.weight"], state[f"{name}.bias"], stride=stride)
    outputs = outputs.flatten(2).transpose(1, 2)
    query, key, value = (
        F.linear(outputs, state[f"attention.{part}.weight"], state[f"attention.{part}.bias"])
        .unflatten(2, (3, 4))
        .transpose(1, 2)
        for part in ("query", "key", "value")
    )
    outputs = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    outputs = F.linear(outputs, state["attention.out.weight"], state["attention.out.bias"])
    outputs = F.linear(outputs, state["head.weight"], state["head.bias"])
    np.testing.assert_allclose(outputs.numpy(), Net().apply(variables, images), rtol=1e-3, atol=1e-4)
