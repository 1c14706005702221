"""Whether the networks of a site have branches, and a first layer in towers."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, NOTHING, Claim
from wbsite.results.branches._examples import branched, towers
from wbsite.results.site import Gap, Model, Site


def exists(model: Model | None) -> str:
    """Whether there is one."""
    return FAILS if model is None else HOLDS


def with_branches(site: Site) -> Model | None:
    """A network with branches."""
    model = branched(site)
    return None if isinstance(model, Gap) else model


def with_towers(site: Site) -> Model | None:
    """A network whose first layer is in towers."""
    model = towers(site)
    return None if isinstance(model, Gap) else model


CLAIMS = (
    Claim(
        name="networks-have-branches",
        statement="Networks of this site have branches.",
        source="",
        rule="holds where parallel paths were found in the recorded forward pass of a network",
        evidence=with_branches,
        verdict=exists,
        wording={
            HOLDS: 'wbsite finds branches by recording a forward pass, and {{ ref("branch-diagram") }} was drawn from such a recording.',
            FAILS: "",
        },
        meaning={FAILS: (NOTHING, "it has no branches")},
    ),
    Claim(
        name="first-layer-in-towers",
        statement="A network of this site has a first layer in towers, as AlexNet does.",
        source="",
        rule="holds where the first group of branches of a network is of layers that are read by separate groups",
        evidence=with_towers,
        verdict=exists,
        wording={
            HOLDS: '{{ ref("first-layer-towers") }} shows the first layer of {{ e.title }}, tower by tower.',
            FAILS: "",
        },
        meaning={FAILS: (NOTHING, "its first layer is not in towers")},
    ),
)
