"""A wrong map or layer here lets the banding experiments compare architectures that differ in more than a pooling."""

from __future__ import annotations

import pytest
import torch

import wbsite.models
from wbsite.analyses.network.architecture import head
from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import discover
from wbsite.models.networks.reduced import REDUCED, imagenet_variant

PLANAR = {"vgg19": 16, "resnet50": 17, "inceptionv1": 20}
LAST = {
    "vgg19": {"conv5_3": (48, 48, 3, 3), "conv5_4": (48, 48, 3, 3)},
    "resnet50": {"layer4.1.conv2": (32, 32, 3, 3), "layer4.2.conv2": (32, 32, 3, 3)},
    "inceptionv1": {"mixed5b_3x3": (32, 32, 3, 3), "mixed5b_5x5": (32, 32, 5, 5)},
}
READ = {
    "vgg19": {True: ("classifier.0", 48 * 16), False: ("classifier.0", 48 * 64)},
    "resnet50": {True: ("fc", 128), False: ("fc", 128 * 64)},
    "inceptionv1": {
        True: ("softmax2_pre_activation_matmul", 96),
        False: ("softmax2_pre_activation_matmul", 96 * 64),
    },
}
VARIANTS = [(name, size, pooled) for name in REDUCED for size in (32, 64) for pooled in (True, False)]


@pytest.mark.parametrize(("name", "size", "pooled"), VARIANTS)
def test_all_layers_are_found_and_the_last_planar_ones_see_8_by_8_positions(name, size, pooled):
    net = REDUCED[name](10, size, pooled)
    found = discover(net, (3, size, size))
    planar = [layer for layer in found.convs if layer.planar]
    assert (len(planar), found.skipped, found.notes) == (PLANAR[name], (), ())
    assert {layer.name: layer.weight_shape for layer in planar[-2:]} == LAST[name]
    assert {layer.output_shape[1:] for layer in planar[-2:]} == {(8, 8)}
    first = next(layer for layer in found.layers if layer.kind == "linear")
    assert (first.name, first.in_channels) == READ[name][pooled]
    assert found.layers[-1].output_shape == (10,)


@pytest.mark.parametrize(("name", "size", "pooled"), VARIANTS)
def test_page_says_how_the_head_reads(name, size, pooled):
    read = head(discover(REDUCED[name](10, size, pooled), (3, size, size)))
    assert read.kind == ("pooled" if pooled and name != "vgg19" else "positions")
    if name == "vgg19":
        assert read.positions == (16 if pooled else 64)


@pytest.mark.parametrize(("name", "size", "pooled"), VARIANTS)
def test_every_weight_learns(name, size, pooled):
    torch.manual_seed(0)
    net = REDUCED[name](5, size, pooled).train()
    logits = net(torch.randn(4, 3, size, size))
    assert logits.shape == (4, 5)
    torch.nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    still = [key for key, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


@pytest.mark.parametrize("name", ["vgg19", "resnet50"])
def test_only_the_head_differs_without_pooling(name):
    with_pool, without = (REDUCED[name](10, 32, pooled).state_dict() for pooled in (True, False))
    first = READ[name][True][0] + ".weight"
    assert [key for key in with_pool if with_pool[key].shape != without[key].shape] == [first]
    assert with_pool.keys() == without.keys()


def test_positions_are_read_by_channel_row_and_column():
    """The variance of the head's weights by row and column is taken of this order."""
    net = REDUCED["inceptionv1"](1, 32, False).eval()
    seen = {}
    net.dropout.register_forward_hook(lambda _, args, out: seen.update(x=args[0]))
    net.mixed5b_1x1_norm.register_forward_hook(lambda _, args, out: seen.update(map=out))
    net(torch.randn(2, 3, 32, 32).to(memory_format=torch.channels_last))
    assert torch.equal(seen["x"].reshape(2, 96, 8, 8)[:, :16], torch.relu(seen["map"]))


def test_other_sizes_are_refused():
    with pytest.raises(WbsiteError, match="32 or 64"):
        REDUCED["resnet50"](10, 48)


@pytest.mark.parametrize(
    ("name", "layer", "pooled_inputs", "inputs"),
    [
        ("vgg19", "classifier.0", 512 * 49, 512 * 196),
        ("resnet50", "fc", 2048, 2048 * 49),
        ("inceptionv1", "softmax2_pre_activation_matmul", 1024, 1024 * 49),
    ],
)
def test_full_networks_read_positions_too(name, layer, pooled_inputs, inputs):
    with torch.device("meta"):  # no memory: the largest holds 1.6 GB in one layer
        kept, bare = imagenet_variant(name, True), imagenet_variant(name, False)
    assert discover(kept, (3, 224, 224)).named(layer).in_channels == pooled_inputs
    found = discover(bare, (3, 224, 224))
    assert (found.named(layer).in_channels, found.layers[-1].output_shape) == (inputs, (1000,))
    assert found.notes == ()


def test_unknown_full_network_is_told():
    with pytest.raises(WbsiteError, match="unknown network 'resnet'"):
        imagenet_variant("resnet", True)


def test_bundled_inception_is_as_before():
    net = wbsite.models.load("inceptionv1_32").module
    assert net.layout.side == 1
    assert net.softmax2_pre_activation_matmul.in_features == 384
    x = torch.randn(2, 3, 32, 32)
    seen = {}
    net.dropout.register_forward_hook(lambda _, args, out: seen.update(x=args[0]))
    assert net(x).shape == (2, 10)
    assert seen["x"].shape == (2, 384)
