"""The order in which a network's input is looked for, and the sentence on how it was found.

Shape: what the user says (`wbsite.toml`, `--input`); what the network or its factory says (`declared.py`); a guess
from its layers and classes (`guess.py`). Normalisation: what the user says; none, where the network is seen to
normalise pixels itself (`probe.py`); what the network or its factory says; what is usual, which is said to be assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.isolation import forward_passes
from wbsite.core.model_input import ModelInput
from wbsite.graph.layers import Layers, discover
from wbsite.models.base import CIFAR10, Preprocess
from wbsite.models.photograph import shown_the_photograph

from . import arguments, guess, probe
from .declared import statements
from .statement import SMALL, NoInput, Shape, Statement, in_words, numbers, preprocess

_ORDER_UNSAID = (
    " Its channels are taken for red, green and blue: the file does not say. If they are blue, green and red, as in"
    ' PaddlePaddle\'s networks, write channels = "BGR" in its table of wbsite.toml.'
)
"""Of a network in a file that does not say in which order it reads colours."""


@dataclass(frozen=True)
class FoundInput:
    """A network's input.

    Attributes:
        preprocess: of pictures.
        layers: of the network, on that input.
        note: sentences on how it was found.
        assumed: whether any of it is a guess, which the user should know of.
        turned: whether the network puts its three channels into the opposite order before the first convolution.
    """

    preprocess: Preprocess
    layers: Layers
    note: str
    assumed: bool = False
    turned: bool = False


def _others(net: nn.Module) -> str:
    """The convolutions of other dimensions that a network has, in words."""
    kinds = {"one": nn.Conv1d, "three": nn.Conv3d}
    counts = {name: sum(isinstance(module, kind) for module in net.modules()) for name, kind in kinds.items()}
    words = [f"{count} {name}-dimensional" for name, count in counts.items() if count]
    return f", but {' and '.join(words)}" if words else ""


def find_input(net: nn.Module, factory: object, target: str, said: ModelInput | None = None) -> FoundInput:
    """The network's input, its layers on that input, and how it was found.

    From then on, arguments that the user names are given with every picture, and recordings are of a photograph as the
    network's preprocessing makes it.

    Args:
        factory: what made the network, which may say something as well.
        target: the network's name in messages.
        said: what the user says.

    Raises:
        WbsiteError: there are no convolutions, or none that the forward pass reaches; the input that the user or
            the network says is malformed.
        NoInput: the forward pass fails on the input that they say, or on every shape; it needs arguments of which
            nothing is said.
    """
    said = said or ModelInput()
    convs = [(name, module) for name, module in net.named_modules() if isinstance(module, nn.Conv2d)]
    if not any(parameter.ndim == 4 for parameter in net.parameters()):
        raise WbsiteError(
            f"{target} has no two-dimensional convolutions{_others(net)}; wbsite reads networks that have.",
            "Name a factory whose network has torch.nn.Conv2d layers.",
        )
    if convs and not convs[0][0]:
        raise WbsiteError(
            f"{target} is a bare convolution, which has no name.", "Wrap it: torch.nn.Sequential(convolution)."
        )
    hook = arguments.give(net, said.arguments, target)
    channels = list(dict.fromkeys([*(conv.in_channels for _, conv in convs[:1]), 3, 1]))
    try:
        declared = list(statements(net, factory, channels[0]))
    except WbsiteError as error:
        raise WbsiteError(f"{target}: {error.message}", error.hint) from error
    user = Statement.of_user(said)
    shape, how, blind = _shape(net, target, user, declared, channels)
    if hook is not None:
        hook.shape = shape
    read = probe.reading(net, shape)
    normalisation, normalised, assumed = _normalisation(user, declared, read, shape)
    colors = next((part for part in (user, *declared) if part.colors), normalisation)
    resizing = next((part for part in declared if part.resize and part.shape == shape), Statement(""))
    note = f"Input of {in_words(shape)}, {how} {normalised}"
    if colors.colors == "BGR":
        source = "as given" if colors is user else f"from {colors.source}"
        note += f" Its channels are blue, green and red, {source}."
    unsaid = shape[0] == 3 and not colors.colors and getattr(net, "input_space", "") is None
    if unsaid:
        note += _ORDER_UNSAID
    turned = read is not None and read.order == (2, 1, 0)
    if turned:
        note += " The network turns their order round before its first convolution."
    if hook is not None:
        note += f" {hook.in_words()}"
    preprocessing = preprocess(shape, normalisation, resizing, colors)
    shown_the_photograph(net, preprocessing)
    try:
        layers = discover(net, shape)
    except WbsiteError as error:
        raise NoInput(error.message, error.hint) from error
    if not layers.convs:
        raise WbsiteError(
            f"the forward pass of {target} reaches none of its {len(convs)} convolutions.",
            "Name a factory whose network calls them in evaluation mode.",
        )
    return FoundInput(preprocessing, layers, note, blind or assumed or unsaid, turned)


def _shape(
    net: nn.Module, target: str, user: Statement, declared: list[Statement], channels: list[int]
) -> tuple[Shape, str, bool]:
    """The shape, the rest of the sentence on how it was found, and whether it is a guess."""
    if user.shape is not None:
        return user.shape, "as given.", False
    for statement in declared:
        # An `input_shape` is meant for us: if the network fails on it, that is said. Others may be those of a template.
        if statement.shape and (statement.source == "its input_shape" or _passes(net, statement.shape)):
            return statement.shape, f"from {statement.source}.", False
    try:
        guessed = guess.guess(net, channels, getattr(net, "input_sizes", guess.FREE))
    except WbsiteError as error:
        raise NoInput(f"{target}: {error.message}", _hint(net, target, channels[0])) from error
    write = f"write input = [{guessed.shape[0]}, HEIGHT, WIDTH] in its table of wbsite.toml, or give --input"
    return guessed.shape, f"guessed: {guessed.reason}. If that is wrong, {write}.", True


def _passes(net: nn.Module, shape: Shape) -> bool:
    try:
        probe.run(net, shape)
    except Exception:  # whatever the network says of a size that it does not take; the next rule is asked
        return False
    return True


def _hint(net: nn.Module, target: str, channels: int) -> str:
    """What to do about a network that fails on every single picture."""
    try:
        with forward_passes(net), torch.no_grad():
            net([torch.rand(channels, guess.USUAL, guess.USUAL)])
    except Exception:  # nor does it take a list of them
        return (
            f'Say what it takes: input = [3, HEIGHT, WIDTH] under [models."{target}"] in wbsite.toml, --input'
            f" 3,HEIGHT,WIDTH, or an attribute input_shape; other arguments there with {arguments.EXAMPLE}."
        )
    return (
        "It takes a list of pictures. Name a factory that wraps it in a module whose forward(self, x) returns"
        " self.net(list(x))."
    )


def _normalisation(
    user: Statement, declared: list[Statement], read: probe.Reading | None, shape: Shape
) -> tuple[Statement, str, bool]:
    """What pictures are normalised by, the sentence on it, and whether it is assumed."""
    channels = shape[0]
    if user.mean is not None:
        return user, _normalised(user, "as given"), False
    if read is not None and (scale := _own_range(read)):
        none = Statement("", mean=(0.0,) * channels, std=(1.0,) * channels, scale=scale)
        own = f"its first layers subtract {numbers(read.mean)} and divide by {numbers(read.std)}"
        return none, f"Pictures lie in 0…{scale:g} and are not normalised, since {own}.", False
    for statement in (part.for_channels(channels) for part in declared):
        if statement.mean is not None and len(statement.mean) == channels:
            return statement, _normalised(statement, f"from {statement.source}"), False
    if channels != 3:
        half = Statement("", mean=(0.5,) * channels, std=(0.5,) * channels)
        return half, "Pictures are assumed to lie in -1…1: nothing says how they are normalised.", True
    small = max(shape[1:]) < SMALL
    usual, data = (CIFAR10, "CIFAR-10") if small else (Preprocess(guess.USUAL), "ImageNet")
    assumed = Statement("", mean=usual.mean, std=usual.std)
    return assumed, f"Pictures are assumed to be normalised as for {data}: nothing says how they are.", True


def _normalised(statement: Statement, source: str) -> str:
    assert statement.mean is not None
    assert statement.std is not None
    return (
        f"Pictures in 0…{statement.scale:g} are normalised by mean {numbers(statement.mean)} and standard deviation"
        f" {numbers(statement.std)}, {source}."
    )


def _own_range(read: probe.Reading) -> float:
    """Largest value of pixels that a network brings to around 0 itself; 0 where what it does is no normalisation.

    Torchvision's GoogLeNet, for one, turns one normalisation into another: its mean is that of normalised pixels.
    """
    mean, std = sum(read.mean) / len(read.mean), sum(read.std) / len(read.std)
    if 0.05 < mean < 0.95 and std <= 1 + probe.SIMILAR:
        return 1.0
    return 255.0 if 12 < mean < 243 or (abs(mean) < 1 and 100 < std < 300) else 0.0


def said_of(preprocessing: Preprocess, said: ModelInput, target: str) -> tuple[Preprocess, str]:
    """A known network's preprocessing with what the user says instead, and a sentence on it."""
    user = Statement.of_user(said).for_channels(said.input[0] if said.input else len(preprocessing.mean))
    shape = said.input or (len(preprocessing.mean), preprocessing.height, preprocessing.width)
    if user.mean is None:
        mean, std, scale = preprocessing.mean, preprocessing.std, preprocessing.scale
        user = replace(user, mean=mean, std=std, scale=scale).for_channels(shape[0])
    if user.mean is None or len(user.mean) != shape[0]:
        raise WbsiteError(
            f"{target} takes {len(preprocessing.mean)} channels; mean and std of {shape[0]} are not known.",
            f'Give them with the input, under [models."{target}"] in wbsite.toml.',
        )
    kept = Statement("", colors=preprocessing.colors, interpolation=preprocessing.interpolation)
    if said.input is None or said.input[1:] == (preprocessing.height, preprocessing.width):
        kept = replace(kept, resize=preprocessing.resize)
    made = preprocess(shape, user, kept, user if user.colors else kept)
    sentences = [
        f"Input of {in_words(shape)}, as given." if said.input else "",
        _normalised(user, "as given") if said.mean or said.std or said.range else "",
        f"Its channels are in the order {made.colors}, as given." if said.channels else "",
    ]
    return made, " ".join(filter(None, sentences))
