"""Pictures of units: of the right thing, each on its own, never an endless loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.featurevis import Picture, Settings, Target, photograph_responses, variants, visualize
from wbsite.featurevis import parallel as parallel
from wbsite.featurevis.gradient_ascent import gradient_ascent
from wbsite.featurevis.image_model import image_model
from wbsite.graph.recording import record
from wbsite.models.base import LoadedModel

QUICK = {"size": 24, "steps": 12, "precision": "float32"}


def pictures(model: LoadedModel, targets: Sequence[Target], **settings: Any) -> dict[Target, Picture]:
    made = visualize(model, targets, Settings(**{**QUICK, **settings}), torch.device("cpu"))
    return {picture.target: picture for picture in made}


@pytest.fixture(autouse=True)
def one_lane() -> Iterator[None]:
    """One batch at a time, however many cores there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def edges(loaded: Callable[..., LoadedModel]) -> LoadedModel:
    """Unit 0 looks for a bright left and dark right half, unit 1 for the reverse; unit 2 is dead, layer 2 NaN."""
    conv, broken = nn.Conv2d(3, 3, 8, bias=False), nn.Conv2d(3, 2, 1)
    conv.weight.data.zero_()
    conv.weight.data[0, :, :, :4], conv.weight.data[0, :, :, 4:] = 1, -1
    conv.weight.data[1] = -conv.weight.data[0]
    broken.weight.data.fill_(torch.nan)
    return loaded(nn.Sequential(conv, nn.ReLU(), broken))


@pytest.mark.parametrize("form", ["fourier", "pixels", "maco"])
def test_a_known_optimum_is_found(edges: LoadedModel, form: str) -> None:
    targets = [Target("0", 0, position="centre"), Target("0", 1)]
    rate = 0.2 if form == "pixels" else 0.1
    made = pictures(edges, targets, steps=80, parameterisation=form, learning_rate=rate, focus=2.0, jitter=0.02)
    best = 3 * 64 * 0.5 / 0.25  # every pixel half the range from grey, on the right side
    for picture in made.values():
        assert not picture.dead
        assert picture.activation > (0.4 if form == "maco" else 0.75) * best  # maco may not leave natural contrast
    image = made[targets[0]].image  # the centre of the 17 × 17 positions sees columns 8 to 16
    assert image[:, 9:15, 8:12].mean() > image[:, 9:15, 12:16].mean() + 0.2


def test_a_negative_is_the_reverse_edge(edges: LoadedModel) -> None:
    negative = Target("0", 0, sign=-1)
    (made,) = pictures(edges, [negative], steps=40).values()
    shown = edges.module[0]((made.image[None] - 0.45) / 0.25)
    assert made.activation == pytest.approx((-shown[0, 0]).max().item(), rel=1e-4)
    assert shown[0, 1].max() > 100


def test_the_activation_is_the_strongest_pre_activation_of_the_network_itself(small: LoadedModel) -> None:
    target = Target("left", 3)
    (made,) = pictures(small, [target], precision="bfloat16").values()
    tape = record(small.module, (3, 24, 24))
    value = tape.pre_activation("left")
    shown = tape.program([value])((made.image[None] - 0.45) / 0.25)[value][0, 3]
    assert made.activation == pytest.approx(shown.max().item(), rel=1e-3, abs=1e-4)


def test_a_picture_does_not_depend_on_its_company(small: LoadedModel) -> None:
    """Or a resumed run, with other batches, would draw other pictures."""
    wanted = Target("left", 1)
    alone = pictures(small, [wanted])[wanted]
    others = [Target("first", c) for c in range(5)] + [Target("fc", c) for c in range(5)]
    together = pictures(small, [*others, wanted])[wanted]
    torch.testing.assert_close(together.image, alone.image, atol=2e-3, rtol=0)
    assert together.activation == pytest.approx(alone.activation, rel=1e-2)


def test_the_same_is_drawn_every_time_and_something_else_from_another_seed(small: LoadedModel) -> None:
    target = Target("deep", 1)
    first, second, other = (pictures(small, [target], seed=seed)[target].image for seed in (0, 0, 1))
    assert torch.equal(first, second)
    assert (first - other).abs().mean() > 1e-3


def test_targets_of_many_layers_share_a_batch_and_each_comes_once(small: LoadedModel) -> None:
    targets = [Target(layer, c) for layer in ("fc", "deep", "first", "left") for c in range(3)]
    made = list(visualize(small, targets, Settings(**QUICK), torch.device("cpu")))
    assert {picture.target for picture in made} == set(targets)
    assert [picture.target.layer for picture in made[:3]] == ["first"] * 3, "shallow layers first"
    assert not any(picture.dead for picture in made)


def test_pictures_come_as_they_are_done(small: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []
    monkeypatch.setattr(parallel, "gradient_ascent", lambda *args: batches.append(args[1]) or gradient_ascent(*args))

    class Counted(Progress):
        done = 0

        def advance(self, amount: int = 1, note: str = "") -> None:
            self.done += amount

    progress = Counted()
    targets = [Target("first", c) for c in range(4)]
    coming = visualize(small, targets, Settings(**QUICK, batch=2), torch.device("cpu"), progress)
    assert not batches
    next(coming)
    assert (len(batches), progress.done) == (1, 1)
    assert len(list(coming)) == 3
    assert (len(batches), progress.done) == (2, 4)


def test_with_more_cores_batches_are_worked_on_in_parallel(small: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = [Target("left", c) for c in range(5)]
    alone = pictures(small, targets)
    sizes = []
    monkeypatch.setattr(parallel, "gradient_ascent", lambda *args: sizes.append(len(args[1])) or gradient_ascent(*args))
    torch.set_num_threads(2)
    together = pictures(small, targets)
    assert sorted(sizes) == [2, 3]
    assert torch.get_num_threads() == 2
    for target in targets:
        torch.testing.assert_close(together[target].image, alone[target].image, atol=2e-3, rtol=0)


def test_an_error_in_one_batch_ends_the_others_at_once(small: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or an interrupted run would go on for a minute."""
    ended, begun = [], Event()

    def failing(
        model: Any, targets: Sequence[Target], attempts: Any, settings: Settings, cancelled: Event
    ) -> list[Picture]:
        if targets[0].channel == 0:
            begun.wait(20)
            raise ValueError("by mistake")
        begun.set()
        ended.append(cancelled.wait(20))
        return []

    monkeypatch.setattr(parallel, "gradient_ascent", failing)
    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="by mistake"):
        pictures(small, [Target("left", c) for c in range(4)])
    assert ended == [True]


def test_a_dead_unit_ends_marked_dead_and_spoils_nothing(edges: LoadedModel) -> None:
    targets = [*(Target("0", c) for c in range(3)), Target("2", 1)]
    made = pictures(edges, targets, reseeds=2)
    assert [made[target].dead for target in targets] == [False, False, True, True]
    assert [made[target].reseeded for target in targets] == [0, 0, 2, 2]
    assert all(torch.isfinite(picture.image).all() for picture in made.values())


def test_a_dead_start_is_replaced(loaded: Callable[..., LoadedModel]) -> None:
    """Behind a rectifier that most starts leave shut, there is a gradient from some starts only."""
    gate, read = nn.Conv2d(3, 6, 24), nn.Conv2d(6, 6, 1, bias=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        gate.weight.data.normal_()
    gate.bias.data.fill_(-0.1)
    read.weight.data = torch.eye(6)[:, :, None, None]
    model = loaded(nn.Sequential(gate, nn.ReLU(), read), mean=(0.5,) * 3)
    made = pictures(model, [Target("2", c) for c in range(6)], reseeds=20, jitter=0, scale=0, rotate=0)
    assert not any(picture.dead for picture in made.values())
    assert any(picture.reseeded for picture in made.values())


def test_what_does_not_fit_into_memory_is_halved(small: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def scarce(model: Any, targets: Sequence[Target], *rest: Any) -> list[Picture]:
        sizes.append(len(targets))
        if len(targets) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return gradient_ascent(model, targets, *rest)

    monkeypatch.setattr(parallel, "gradient_ascent", scarce)
    targets = [Target("first", c) for c in range(7)]
    assert set(pictures(small, targets)) == set(targets)
    assert sizes[0] == 7
    assert max(sizes[2:]) <= 2


def test_what_does_not_fit_alone_is_one_message(small: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: Any) -> list[Picture]:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(parallel, "gradient_ascent", none)
    with pytest.raises(WbsiteError, match="not enough memory for 1 picture"):
        pictures(small, [Target("first", 0), Target("left", 0)])


def test_variants_are_driven_apart(small: LoadedModel, cpu: torch.device) -> None:
    def alikeness(diversity: float) -> float:
        made = pictures(small, variants(Target("left", 1), 3), steps=40, diversity=diversity)
        seen = image_model(small, list(made), Settings(**QUICK), cpu)
        from wbsite.featurevis.objectives import readouts

        (read,) = readouts(seen.tape, list(made), cpu)
        shown = torch.stack([picture.image for picture in made.values()])
        return float(read.repulsion(seen.program([read])(seen.network_input(shown - 0.5))).mean())

    assert alikeness(2.0) < alikeness(0.0) - 0.02


def test_grey_networks_get_grey_pictures(small: LoadedModel, loaded: Callable[..., LoadedModel]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = loaded(type(small.module)(1), mean=(0.5,), std=(0.2,))
    (made,) = pictures(model, [Target("left", 0)]).values()
    assert made.image.shape == (1, 24, 24)
    assert not made.dead


def test_the_input_range_is_the_networks_own(loaded: Callable[..., LoadedModel]) -> None:
    """The same network with inputs from −123 to 132 instead of −2 to 2 has the same pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        one, other = nn.Conv2d(3, 4, 5), nn.Conv2d(3, 4, 5)
    other.weight.data = one.weight.data / (255 * 0.25)
    other.bias.data = one.bias.data
    target = Target("0", 1)
    small_range = pictures(loaded(nn.Sequential(one)), [target])[target]
    caffe = loaded(nn.Sequential(other), scale=255.0, mean=(0.45 * 255,) * 3, std=(1.0,) * 3)
    torch.testing.assert_close(pictures(caffe, [target])[target].image, small_range.image, atol=1e-3, rtol=0)


def test_a_network_that_reads_blue_first_is_shown_blue_first(loaded: Callable[..., LoadedModel]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        one, other = nn.Conv2d(3, 4, 5), nn.Conv2d(3, 4, 5)
    other.weight.data, other.bias.data = one.weight.data.flip(1), one.bias.data
    target, mean, std = Target("0", 1), (0.5, 0.45, 0.4), (0.3, 0.25, 0.2)
    expected = pictures(loaded(nn.Sequential(one), mean=mean, std=std), [target])[target]
    blue_first = loaded(nn.Sequential(other), mean=mean[::-1], std=std[::-1])
    preprocess = replace(blue_first.spec.preprocess, colors="BGR")
    found = pictures(replace(blue_first, spec=replace(blue_first.spec, preprocess=preprocess)), [target])[target]
    torch.testing.assert_close(found.image, expected.image, atol=1e-3, rtol=0)


def test_a_network_of_fixed_size_sees_small_pictures_as_they_are_below_its_end(small: LoadedModel, cpu) -> None:
    settings = Settings(**{**QUICK, "size": 16})
    assert image_model(small, [Target("deep", 0)], settings, cpu).shape == (16, 16)
    assert image_model(small, [Target("deep", 0), Target("fc", 0)], settings, cpu).shape == (24, 24)
    made = pictures(small, [Target("fc", 0)], size=16)
    assert made[Target("fc", 0)].image.shape == (3, 16, 16)


def test_operations_that_bfloat16_lacks_are_done_in_float32(loaded: Callable[..., LoadedModel], cpu) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(nn.functional.avg_pool3d(x[:, None], (1, 3, 3))[:, 0])

    model, target = loaded(Odd()), Target("conv", 0)
    assert image_model(model, [target], Settings(**{**QUICK, "precision": "bfloat16"}), cpu).dtype == torch.float32


def test_the_response_to_photographs_is_measured_as_that_to_pictures(small: LoadedModel, cpu: torch.device) -> None:
    targets = [Target("left", 2), Target("fc", 1), Target("left", 0, position="centre")]
    made = pictures(small, targets)
    shown = torch.stack([(made[target].image - 0.45) / 0.25 for target in targets])
    found = photograph_responses(small, targets, shown, cpu)
    assert found.shape == (3, 3)
    expected = torch.tensor([made[target].activation for target in targets])
    torch.testing.assert_close(found.diagonal(), expected, atol=1e-4, rtol=1e-4)


def test_an_input_with_two_channels_is_refused(loaded: Callable[..., LoadedModel]) -> None:
    model = loaded(nn.Sequential(nn.Conv2d(2, 3, 3)), mean=(0.5, 0.5), std=(1.0, 1.0))
    with pytest.raises(WbsiteError, match="2 channels, which are neither grey"):
        visualize(model, [Target("0", 0)], Settings(**QUICK), torch.device("cpu"))


def test_an_unknown_unit_is_refused_before_anything_is_computed(small: LoadedModel) -> None:
    with pytest.raises(WbsiteError, match="left has no unit 99"):
        visualize(small, [Target("first", 0), Target("left", 99)], Settings(**QUICK), torch.device("cpu"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"parameterisation": "fourrier"}, "Did you mean 'fourier'"),
        ({"precision": "half"}, "unknown precision 'half'"),
        ({"steps": 0}, "steps 0 is too small"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
        ({"margin": 0.5}, "leaves nothing"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(WbsiteError, match=said):
        Settings(**wrong)
