"""A recording that is another network's than it is taken for gives wrong wiring, weights and pictures unsaid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.agreement import agreement
from wbsite.graph.recording import Recorded, forward_pass
from wbsite.ops.expanded.weights import expanded_weights

SHAPE = (3, 16, 16)
Forward = Callable[["Net", torch.Tensor], torch.Tensor]


class Net(nn.Module):
    """Two convolutions and a classifier, with a forward pass of the test's own."""

    input_shape = SHAPE

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1), nn.Linear(6, 2)
        self.norm, self.own = nn.BatchNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)
        self.register_buffer("calls", torch.zeros(1))
        self.forward_of = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_of(self, x)

    def ending(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.b(x.relu()).relu().mean((2, 3)))


def plain(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.norm(net.a(x)))


def rescaled(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x / (x.abs().max().item() + 1e-8)))


def through_numpy(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x - torch.from_numpy(x.cpu().numpy().mean(keepdims=True))))


def branching(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x if x.mean() > 0 else x.flip(3)))


def early(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = net.a(x)
    return net.fc(x.mean((2, 3)).repeat(1, 2)[:, :6]) if float(x.std()) < 0.5 else net.ending(x)


def own_statistics(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.own(net.a(x)))


def always_training(net: Net, x: torch.Tensor) -> torch.Tensor:
    net.norm.train()
    return net.ending(net.norm(net.a(x)))


def centred_on_the_batch(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x - x.mean(0, keepdim=True) / 2))


def first_picture(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x[0][None]))


def dropping(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(F.dropout(net.a(x), 0.5, training=True))


def noisy(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x) + torch.randn(1, 4, 1, 1))


def padded(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Half of the shortcut is zeros for one picture."""
    x = net.a(x)
    return net.ending(torch.cat((x[:, :2], torch.zeros(x.size(0), 2, *x.shape[2:])), 1) + x)


def with_coordinates(net: Net, x: torch.Tensor) -> torch.Tensor:
    rows = torch.linspace(-1, 1, x.shape[2])[None, None, :, None].expand(x.size(0), 1, *x.shape[2:])
    return net.ending(net.a(torch.cat((x[:, :2], rows), 1)))


def written_over(net: Net, x: torch.Tensor) -> torch.Tensor:
    larger = torch.zeros(x.size(0), 3, 20, 20)
    larger[:, :, 2:18, 2:18] = x
    return net.ending(net.a(larger))


def patches(net: Net, x: torch.Tensor) -> torch.Tensor:
    """The batch is part of a product of sizes, as in MobileViT."""
    x = net.a(x)
    count, channels, height, width = x.shape
    parts = x.reshape(count * channels * (height // 2), 2, width // 2, 2).transpose(1, 2)
    rolled = parts.reshape(count, channels, -1, 4).roll(1, 2)
    whole = rolled.reshape(count * channels * (height // 2), width // 2, 2, 2).transpose(1, 2)
    return net.ending(whole.reshape(count, channels, height, width))


@pytest.fixture
def pictures() -> torch.Tensor:
    """A dark, a light and a strong one."""
    noise = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(1))
    return noise * torch.tensor([0.5, 0.5, 2.0]).reshape(3, 1, 1, 1) + torch.tensor([-1.0, 1.0, 0]).reshape(3, 1, 1, 1)


@pytest.fixture
def made() -> Callable[[Forward], Net]:
    def make(forward: Forward) -> Net:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = Net(forward).eval().requires_grad_(False)
            net.norm.running_mean.normal_()
            return net

    return make


@pytest.mark.parametrize("forward", [plain, padded, with_coordinates, written_over, patches])
def test_what_batches_of_one_compute_is_replayed_on_batches(
    made: Callable[[Forward], Net], pictures: torch.Tensor, forward: Forward
) -> None:
    net = made(forward)
    recorded = Recorded.of(net)
    found = agreement(recorded, pictures)
    read = {recorded.tape.value(name) for name in ("a", "b", "fc")}
    assert not found.batched & read
    assert not found.alone
    assert found.sentences == ()
    value = recorded.tape.value("")
    own = torch.cat([net(x) for x in pictures.split(1)])
    torch.testing.assert_close(recorded.tape.program([value])(pictures)[value], own, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (rescaled, "item() in its own code) and computes with them as with constants. From div"),
        (through_numpy, "numpy() in its own code) and computes"),
        (branching, "bool() in its own code) and takes another way"),
        (early, "float() in its own code) and takes another way"),
    ],
)
def test_numbers_of_the_picture_are_noticed_where_they_matter(
    made: Callable[[Forward], Net], pictures: torch.Tensor, forward: Forward, said: str
) -> None:
    recorded = Recorded.of(made(forward))
    found = agreement(recorded, pictures)
    assert recorded.tape.value("") in found.alone
    assert said in " ".join(found.sentences)


def test_numbers_that_change_nothing_are_not_spoken_of(made: Callable[[Forward], Net], pictures: torch.Tensor) -> None:
    def checked(net: Net, x: torch.Tensor) -> torch.Tensor:
        if not bool(torch.isfinite(x).all()) or x.sum().item() != x.sum().item():
            raise ValueError("no picture")
        return net.ending(net.a(x))

    recorded = Recorded.of(made(checked))
    assert [departure.name for departure in recorded.tape.departures] == ["__bool__", "item", "item"]
    assert agreement(recorded, pictures).sentences == ()


def test_what_lies_before_the_departure_is_replayed(made: Callable[[Forward], Net], pictures: torch.Tensor) -> None:
    recorded = Recorded.of(made(early))
    found = agreement(recorded, pictures)
    assert recorded.tape.value("a") not in found.batched
    assert recorded.tape.value("fc") in found.batched


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (own_statistics, "Batch norm (own) takes its statistics from the batch"),
        (always_training, "Batch norm (norm) takes its statistics from the batch"),
        (centred_on_the_batch, "depends on those beside it in the batch, from sub in its own code"),
        (first_picture, "keeps one picture of a batch"),
    ],
)
def test_pictures_that_depend_on_their_neighbours_are_said_and_replayed_alone(
    made: Callable[[Forward], Net], pictures: torch.Tensor, forward: Forward, said: str
) -> None:
    net = made(forward)
    recorded = Recorded.of(net)
    found = agreement(recorded, pictures)
    assert said in " ".join(found.sentences)
    value = recorded.tape.value("")
    assert value not in found.alone
    for x in pictures.split(1):
        own = forward_pass(net, x, keep=True).tensors[value]
        torch.testing.assert_close(recorded.tape.program([value])(x)[value], own, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("forward", "said"), [(dropping, "from dropout in"), (noisy, "from add in")])
def test_randomness_is_noticed(
    made: Callable[[Forward], Net], pictures: torch.Tensor, forward: Forward, said: str
) -> None:
    (sentence,) = agreement(Recorded.of(made(forward)), pictures).sentences
    assert "Two runs on the same picture differ" in sentence
    assert said in sentence


@pytest.mark.parametrize("forward", [own_statistics, always_training])
def test_the_batchs_own_statistics_have_no_linear_form(made: Callable[[Forward], Net], forward: Forward) -> None:
    with pytest.raises(
        WbsiteError, match=r"batch_norm with the batch's own statistics in (own|norm) has no linear form"
    ):
        expanded_weights(made(forward), "input", "b", [0])


def test_buffers_that_the_forward_pass_changes_are_as_before(
    made: Callable[[Forward], Net], pictures: torch.Tensor
) -> None:
    def counting(net: Net, x: torch.Tensor) -> torch.Tensor:
        net.calls += 1
        return always_training(net, x)

    net = made(counting)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    recorded = Recorded.of(net)
    value = recorded.tape.value("")
    recorded.tape.program([value])(pictures)
    agreement(recorded, pictures)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not net.norm.training


def test_values_keep_their_numbers_when_the_network_writes_over_them() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x)
            parts = y.view(1, -1)
            parts.mul_(2)
            y += 1
            return F.relu(y, inplace=True)

    net, x = InPlace().eval(), torch.randn(1, 3, 8, 8)
    kept = forward_pass(net, x, keep=True)
    torch.testing.assert_close(kept.tensors[kept.tape.value("a")], net.a(x))
    assert (kept.tensors[kept.tape.value("")] >= 0).all()


@pytest.mark.parametrize("forward", [plain, rescaled, through_numpy, branching, own_statistics, noisy, padded])
def test_large_networks_are_compared_one_picture_after_another(
    made: Callable[[Forward], Net], pictures: torch.Tensor, forward: Forward, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded.of(made(forward))
    usual = agreement(recorded, pictures)
    monkeypatch.setattr("wbsite.graph.agreement._MEMORY", 0)
    large = agreement(recorded, pictures)
    assert large.alone == usual.alone
    assert large.batched == frozenset(recorded.tape.makers)  # no batch is tried
    assert large.sentences[:1] == usual.sentences[:1]


@pytest.mark.parametrize("one_by_one", [False, True])
def test_behind_an_overflow_there_is_nothing_to_compare(one_by_one: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if one_by_one:
        monkeypatch.setattr("wbsite.graph.agreement._MEMORY", 0)
    net = Net(plain).eval()
    with torch.no_grad():
        net.a.weight *= 1e20
        net.b.weight *= 1e20
    recorded = Recorded.of(net, SHAPE)
    found = agreement(recorded, torch.randn(3, *SHAPE))
    assert len(found.sentences) == 1
    assert found.sentences[0].startswith("From conv2d in b on its activations are no finite numbers")
    assert not found.alone, "what is no number is taken for another number"
