"""Networks of a site by how their branches meet, and the one of each kind that the article shows."""

from __future__ import annotations

from collections.abc import Sequence

from wbsite.results.site import Gap, Model, Site

from .branches import Branches, Kind
from .connectivity import Connectivity
from .enrichment import Enrichment


def with_branches(site: Site, *kinds: Kind) -> list[Model]:
    """Networks with a group of branches that meet in one of these ways, or in any."""
    models = []
    for model in site.working:
        branches = model.result(Branches)
        if branches is not None and (set(branches.kinds) & set(kinds) if kinds else branches.groups):
            models.append(model)
    return models


def with_connections(site: Site) -> list[Model]:
    """Networks whose first convolution is fit for an analysis of what reads it."""
    return [model for model in site.working if (result := model.result(Connectivity)) and result.fit]


def first_group(model: Model) -> str:
    """Name of the first group of branches of a network that has some."""
    branches = model.result(Branches)
    assert branches is not None
    return branches.groups[0].group


def concatenated(site: Site) -> Model | Gap:
    """A network whose branches are concatenated."""
    reason = "no network of this site joins branches side by side"
    return _example(with_branches(site, "concat"), reason, "inceptionv1", "inceptionv1_32")


def towers(site: Site) -> Model | Gap:
    """A network whose first layer is in towers."""
    reason = "none of the networks of this site has a first layer in towers, as AlexNet does"
    models = [m for m in with_branches(site, "towers") if (b := m.result(Branches)) and b.kinds[0] == "towers"]
    return _example(models, reason, "alexnet", "alexnet_32")


def residual(site: Site) -> Model | Gap:
    """A network with residual blocks whose units were tested."""
    reason = "the networks of this site have no residual blocks. `wbsite build --models resnet50` adds one that does"
    models = [model for model in with_branches(site, "residual") if model.result(Enrichment)]
    return _example(models, reason, "resnet152", "resnet50")


def branched(site: Site) -> Model | Gap:
    """A network with branches: concatenated ones before towers before others."""
    for example in (concatenated, towers):
        if isinstance(model := example(site), Model):
            return model
    return _example(with_branches(site), "no network of this site has branches")


def connected(site: Site) -> Model | Gap:
    """A network whose first convolution is fit for an analysis of what reads it."""
    reason = "the first two convolutions of no network of this site are fit for it"
    return _example(with_connections(site), reason, "inceptionv1", "simplified_32")


def _example(models: Sequence[Model], reason: str, *preferred: str) -> Model | Gap:
    """The first of the networks, those of a preferred name before others; where there are none, the reason."""
    named = [model for name in preferred for model in models if model.architecture.name == name]
    return next(iter([*named, *models]), Gap(reason, failed=False))
