"""Whether a few strong inputs reproduce a unit."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, Claim
from wbsite.claims.effect import Effect
from wbsite.claims.verdicts import description, optional
from wbsite.results.expanded.long_tail import LongTail, TailSummary
from wbsite.results.site import Model, Site

from ._network import by_network, example_result


@dataclass(frozen=True)
class Tail:
    """What units of a network need.

    Attributes:
        model: the network.
        level: R² at which a unit counts as reproduced.
        norm: inputs kept by the norm of their kernel.
        random: inputs kept at random.
    """

    model: Model
    level: float
    norm: TailSummary
    random: TailSummary


def tail(model: Model, long_tail: LongTail) -> Tail | None:
    """None where no convolution has more than a few inputs."""
    summary = long_tail.summary
    return Tail(model, long_tail.level, summary["norm"], summary["random"]) if summary else None


def networks(site: Site) -> list[Tail] | None:
    """Every network with convolutions of more than a few inputs."""
    results = [tail(model, long_tail) for model, long_tail in by_network(site, LongTail)]
    return [result for result in results if result is not None] or None


def evidence(site: Site) -> Tail | None:
    """The example network."""
    pair = example_result(site, LongTail)
    return tail(*pair) if pair else None


def remaining(e: Tail) -> Effect:
    """R² with a few inputs, against that at which a unit counts as reproduced."""
    norm = e.norm
    return Effect(f"R² with the {norm.few} strongest inputs", norm.few_r2, null=e.level, count=norm.layers, of="layers")


CLAIMS = (
    description(
        "inputs-needed-by-network",
        "How many of its inputs a unit needs, network by network.",
        networks,
        "| network | inputs the median unit needs | share of its inputs | share if chosen at random |"
        " $R^2$ with the {{ e[0].norm.few }} strongest |\n|---|---|---|---|---|\n"
        "{% for n in e %}| [{{ n.model.title }}]({{ link(n.model) }}) | {{ n.norm.inputs | fixed(0) }}"
        " | {{ n.norm.share | percent }} | {{ n.random.share | percent }} | {{ n.norm.few_r2 | fixed }} |\n{% endfor %}",
    ),
    optional(
        Claim(
            name="long-tail",
            statement="A few inputs do not reproduce a unit.",
            source="",
            rule="R² on photographs of the median unit of the median convolution with its eight strongest inputs; holds where"
            " it is below 0.9, at which a unit counts as reproduced.",
            evidence=evidence,
            verdict=lambda e: HOLDS if e.norm.few_r2 < e.level else FAILS,
            effect=remaining,
            wording={
                HOLDS: "A few inputs do not reproduce a unit of {{ e.model.title }}: its"
                " {{ e.norm.few }} strongest reach an $R^2$ of {{ e.norm.few_r2 | fixed }}.",
                FAILS: "A few inputs reproduce a unit of {{ e.model.title }}: its {{ e.norm.few }} strongest reach"
                " an $R^2$ of {{ e.norm.few_r2 | fixed }}.",
            },
            brief={
                HOLDS: "A few strong inputs say what a unit is mostly about and do not reproduce what it answers.",
                FAILS: "A few strong inputs reproduce what a unit answers.",
            },
        )
    ),
)
