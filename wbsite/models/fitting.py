"""Which of a file's tensors are a network's parameters, under whatever names training left them.

Checkpoints wrap weights in dictionaries (`state_dict`, `model`, `ema` …) and put prefixes before names (`module.`,
`_orig_mod.`, `backbone.` …), also within them. Nothing is taken off because it is known: what makes names and shapes
fit decides, and names that fit as they are stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import torch

from wbsite.core.errors import WbsiteError

AVERAGED = ("ema", "swa", "average", "averaged", "avg", "teacher", "polyak", "shadow")
"""Words in the place or prefix of weights that are averages over training steps, which are taken where there are both.
The teacher of self-distillation (DINO) is such an average of the student."""

WRAPPED = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"})
"""Parts of names that a wrapper around a module puts between others."""

COUNTERS = frozenset({"total_ops", "total_params", "n_averaged", "num_batches_tracked", "decay", "num_updates"})
"""Last parts of names under which counters and profilers keep a number."""

_SHOWN = 10
"""Differences that a message lists."""

_PREFIXES = 4
"""Prefixes of a table that are tried in full, those that fit the most names."""

Tables = Mapping[str, Mapping[str, torch.Tensor]]
"""Place in a file → name → tensor."""


@dataclass(frozen=True)
class Fit:
    """Tensors of one place in a file under a network's names.

    Attributes:
        place: keys that lead to them, "" for the file's own dictionary.
        taken_off, put_on: prefix of the file's names that the network's lack, and the reverse.
        inner: whether parts of names that wrappers put between others were left out.
        state: the network's name → tensor, for those that fit in name and shape.
        others: further names under the prefix → their shapes.
    """

    place: str
    taken_off: str
    put_on: str
    inner: bool
    state: dict[str, torch.Tensor]
    others: Mapping[str, tuple[int, ...]]

    @property
    def shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names that do not fit, with their shapes, in the file's order, but for counters."""
        return [item for item in self.others.items() if item[0].rpartition(".")[2] not in COUNTERS]

    @property
    def averaged(self) -> bool:
        words = re.split(r"[^a-z]+", f"{self.place}.{self.taken_off}".lower())
        return not set(AVERAGED).isdisjoint(words)

    @property
    def changed(self) -> int:
        """How much was done to the names."""
        return bool(self.taken_off) + bool(self.put_on) + self.inner

    @property
    def named(self) -> str:
        """The place and the prefix, as one would choose them after a #."""
        return ".".join(filter(None, (self.place, self.taken_off.rstrip("."))))


@dataclass(frozen=True)
class Fitted:
    """The weights that were found for a network.

    Attributes:
        state: its name → tensor.
        reading: how they were found, in a sentence or two; "" where the file's names are the network's.
    """

    state: dict[str, torch.Tensor]
    reading: str


def fitted(
    parameters: Mapping[str, torch.Tensor],
    groups: Sequence[Sequence[str]],
    tables: Tables,
    path: Path,
    network: str,
    chosen: str = "",
) -> Fitted:
    """Finds a network's parameters in a file.

    Args:
        parameters: the network's floating-point state.
        groups: its names, those together that share memory: one of them is enough.
        tables: of the file.
        path, network: for messages.
        chosen: the place, or the prefix, that the user names; "" for any.

    Raises:
        WbsiteError: nothing fits, with what comes closest; or there is no such place.
    """
    candidates = [fit for place, table in tables.items() for fit in _fits(parameters, place, table)]
    if chosen == ".":
        candidates = [fit for fit in candidates if not fit.named]
    elif chosen:
        candidates = [fit for fit in candidates if fit.named == chosen or fit.place == chosen]
        if not candidates:
            places = [place for place in tables if place]
            raise WbsiteError(
                f"{path} holds no weights under {chosen!r}.",
                f"It holds weights under {', '.join(places)}: write {path.name}#{places[0]}, for one."
                if places
                else f"Its weights lie in no place of their own: leave #{chosen} out.",
            )
    complete = [fit for fit in candidates if not _missing(fit, groups) and not _foreign(fit, parameters)]
    if not complete:
        raise _nothing_fits(candidates, parameters, groups, path, network)
    best = min(complete, key=lambda fit: (not fit.averaged, fit.changed, len(fit.others)))
    return Fitted(best.state, " ".join(_reading(best, complete, path)))


def _fits(parameters: Mapping[str, torch.Tensor], place: str, table: Mapping[str, torch.Tensor]) -> Iterator[Fit]:
    """What can be made of one table: as it is, under its likeliest prefixes, and without wrappers' parts of names."""
    yield _fit(parameters, place, table, "", "", inner=False)
    shorter = {name: ".".join(part for part in name.split(".") if part not in WRAPPED) for name in table}
    variants = [(dict(table), False)]
    if len(set(shorter.values())) == len(shorter) and any(old != new for old, new in shorter.items()):
        variants.append(({shorter[name]: tensor for name, tensor in table.items()}, True))
        yield _fit(parameters, place, variants[1][0], "", "", inner=True)
    for names, inner in variants:
        for taken_off, put_on in _prefixes(parameters, names):
            yield _fit(parameters, place, names, taken_off, put_on, inner)


def _prefixes(parameters: Mapping[str, torch.Tensor], table: Mapping[str, torch.Tensor]) -> list[tuple[str, str]]:
    """(taken off, put on) that make the most names and shapes those of the network."""
    counts: Counter[tuple[str, str]] = Counter()
    ends: dict[str, list[str]] = {}
    for name in parameters:
        for prefix, end in _ends(name):
            if prefix:
                ends.setdefault(end, []).append(prefix)
    for name, tensor in table.items():
        for prefix, end in _ends(name):
            if prefix and end in parameters and parameters[end].shape == tensor.shape:
                counts[prefix, ""] += 1
        for prefix in ends.get(name, ()):
            if parameters[prefix + name].shape == tensor.shape:
                counts["", prefix] += 1
    return [pair for pair, _ in counts.most_common(_PREFIXES)]


def _ends(name: str) -> Iterator[tuple[str, str]]:
    """("a.", "b.weight"), … for "a.b.weight"."""
    at = -1
    while True:
        yield name[: at + 1], name[at + 1 :]
        at = name.find(".", at + 1)
        if at < 0:
            return


def _fit(
    parameters: Mapping[str, torch.Tensor], place: str, table: Mapping[str, torch.Tensor],
    taken_off: str, put_on: str, inner: bool,
) -> Fit:  # fmt: skip
    named = {
        put_on + name.removeprefix(taken_off): tensor for name, tensor in table.items() if name.startswith(taken_off)
    }
    state = {name: named[name] for name in parameters if name in named and named[name].shape == parameters[name].shape}
    others = {name: tuple(tensor.shape) for name, tensor in named.items() if name not in state}
    return Fit(place, taken_off, put_on, inner, state, others)


def _missing(fit: Fit, groups: Sequence[Sequence[str]]) -> list[str]:
    """The network's parameters that were not found under any of their names, each by its first."""
    return [names[0] for names in groups if fit.state.keys().isdisjoint(names)]


def _foreign(fit: Fit, parameters: Mapping[str, torch.Tensor]) -> list[str]:
    """Further tensors that belong to parts the network has: then it is another network that the file is of.

    Parts of it that the network lacks, as a head that was cut off, are none of it; but numbered parts that go on are.
    """
    parts = {name.partition(".")[0] for name in parameters}
    return [
        name
        for name in fit.others
        if name.rpartition(".")[2] not in COUNTERS
        and (name.partition(".")[0] in parts or name.partition(".")[0].isdigit() or "." not in name)
    ]


def _reading(best: Fit, complete: Sequence[Fit], path: Path) -> Iterator[str]:
    """How the weights were found."""
    others = list(dict.fromkeys(fit.named for fit in complete if fit.named and fit.named != best.named))
    if best.named or best.put_on or best.inner:
        where = f" under {best.place}" if best.place else ""
        changes = [
            f"without {best.taken_off}" if best.taken_off else "",
            f"with {best.put_on} before them" if best.put_on else "",
            "without what wrappers put between" if best.inner else "",
        ]
        names = " and ".join(filter(None, changes))
        yield f"Weights of {path.name}{where}{', names ' + names if names else ''}."
        if best.averaged and any(not fit.averaged for fit in complete):
            raw = next(fit for fit in complete if not fit.averaged)
            yield f"They are averages over training steps; those of the last step are {path.name}#{raw.named or '.'}."
        elif others and not best.averaged:
            yield f"It holds others that fit, under {', '.join(others[:3])}."
    unused = [name for name in best.others if name.rpartition(".")[2] not in COUNTERS]
    if unused:
        first = ", ".join(unused[:3])
        more = ", …" if len(unused) > 3 else ""
        yield f"{len(unused)} of its tensors belong to no part of this network ({first}{more})."


def _nothing_fits(
    candidates: Sequence[Fit],
    parameters: Mapping[str, torch.Tensor],
    groups: Sequence[Sequence[str]],
    path: Path,
    network: str,
) -> WbsiteError:
    """What comes closest, with its differences."""
    closest = max(candidates, key=lambda fit: (len(fit.state), -len(fit.others), -fit.changed))
    lines = list(_differences(closest, parameters, groups))
    table = "".join(f"\n  {line}" for line in lines[:_SHOWN])
    more = f"\n  and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    place = f" under {closest.named}" if closest.named else ""
    put_on = f", names with {closest.put_on} before them" if closest.put_on else ""
    hint = (
        f"Name the file of this network, or let the function make the one that was saved; `wbsite weights show {path}`"
        " lists what it holds."
    )
    if not closest.state and [shape for _, shape in closest.shapes] == [tuple(v.shape) for v in parameters.values()]:
        summary = f"{path} has the shapes of {network}, one after the other, but all names differ"
        hint = "Rename the network's parts, or the file's, so that they agree."
    elif not closest.state:
        summary = f"{path} holds weights of another network than {network}: no parameter in it belongs there"
    elif not _missing(closest, groups):
        summary = (
            f"{path} holds the weights of a larger network than {network}: all of its parameters are there"
            f"{place}{put_on}, and others of the same parts"
        )
    else:
        summary = (
            f"{path} does not hold the weights of {network}: of its {len(parameters)} parameters {len(closest.state)}"
            f" are there{f' ({place.strip()})' if place else ''}{put_on}"
        )
    return WbsiteError(f"{summary}. What differs:{table}{more}", hint)


def _differences(
    closest: Fit, parameters: Mapping[str, torch.Tensor], groups: Sequence[Sequence[str]]
) -> Iterator[str]:
    """A line a difference: first what is there in another shape, then by turns what only one of both has."""
    missing = _missing(closest, groups)
    shapes = {name: tuple(parameters[name].shape) for name in missing}
    for name in missing:
        if name in closest.others:
            yield f"{name}: {shapes[name]} in the network, {closest.others[name]} in the file"
    ours = [f"{name}: {shapes[name]} in the network, not in the file" for name in missing if name not in closest.others]
    foreign = _foreign(closest, parameters) if closest.state else list(closest.others)
    theirs = [
        f"{name}: not in the network, {closest.others[name]} in the file" for name in foreign if name not in missing
    ]
    for pair in zip_longest(ours, theirs):
        yield from filter(None, pair)
