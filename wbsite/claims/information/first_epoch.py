"""How much hidden layers lose in the first epoch, and how much after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read, table
from .squeezed import BITS


class Layer(NamedTuple):
    """A hidden layer that compresses by `BITS` or more: I(X;T), means over the runs that lived.

    Attributes:
        title: of the network.
        held: whether its weights are under a limit.
        layer: its name.
        before: of the untrained network.
        first: after the first recorded epoch.
        last: at the end.
    """

    title: str
    held: bool
    layer: str
    before: float
    first: float
    last: float

    @property
    def at_once(self) -> bool:
        """Whether it loses `BITS` or more in the first epoch."""
        return self.before - self.first >= BITS

    @property
    def later(self) -> bool:
        """Whether it loses `BITS` or more after it."""
        return self.first - self.last >= BITS


@dataclass(frozen=True)
class Squeeze:
    """The layers of a study that lose much.

    Attributes:
        layers: by network, in the order of depth.
        epoch: the first that was recorded after the untrained network.
    """

    layers: list[Layer]
    epoch: int

    @property
    def at_once(self) -> int:
        """How many lose `BITS` or more in the first epoch."""
        return sum(each.at_once for each in self.layers)

    @property
    def squeezed(self) -> bool:
        """Whether one of these is under a limit on its weights."""
        return any(each.at_once and each.held for each in self.layers)

    @property
    def later(self) -> int:
        """How many lose `BITS` or more after it."""
        return sum(each.later for each in self.layers)


def evidence(site: Site) -> Squeeze | Gap:
    """By the study's first estimator."""
    results = read(site, Trajectories, InformationPlane)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    losing = plane.compression[(plane.compression["estimator"] == plane.default) & (plane.compression["mean"] >= BITS)]
    rows = plane.rows[(plane.rows["estimator"] == plane.default) & plane.rows["epoch"].isin(trajectories.epochs)]
    means = rows[trajectories.lived(rows)].groupby(["configuration", "layer", "epoch"])["i_xt"].mean()
    moments = [trajectories.epochs[0], trajectories.epochs[1], trajectories.epochs[-1]]
    held = {each.name: each.max_norm is not None for each in trajectories.configurations}
    layers = [
        Layer(trajectories.titles[name], held[name], layer, *(float(means[name, layer, epoch]) for epoch in moments))
        for name, layer in zip(losing["configuration"], losing["layer"], strict=True)
        if layer != "output"
    ]
    return Squeeze(layers, moments[1])


COUNTS = (
    "In the first epoch alone, {{ e.at_once }} of them {{ 'loses' if e.at_once == 1 else 'lose' }} a bit or more;"
    " {{ e.later }} {{ 'ends' if e.later == 1 else 'end' }} a bit or more below where that epoch left"
    " {{ 'it' if e.later == 1 else 'them' }}. Some recover in between and lose again."
)

CLAIMS = (
    replace(
        description(
            "first-epoch",
            "How many layers lose much in the first epoch, and how many after it.",
            evidence,
            lambda e: "at once" if e.at_once else "later" if e.later else "none",
            {"at once": COUNTS, "later": COUNTS, "none": ""},
        ),
        brief={
            "at once": "{{ 'a limit on weights can squeeze a layer within the first epoch' if e.squeezed }}",
            "later": "",
            "none": "",
        },
    ),
    description(
        "first-epoch-by-layer",
        "What layers that lose much tell of the input before training, after its first epoch, and at its end.",
        evidence,
        lambda e: "listed" if e.layers else "none",
        {
            "listed": table(
                "I(X;T) of the hidden layers that lose a bit or more, in bits, means over runs. The largest value, from which"
                " losses are counted, may lie in between.",
                ("Network", "Layer", "Before training", "After epoch {{ e.epoch }}", "At the end"),
                "e.layers",
                ("{{ n.layer }}", "{{ n.before | fixed }}", "{{ n.first | fixed }}", "{{ n.last | fixed }}"),
            ),
            "none": "",
        },
    ),
)
