"""The network that the article on weights takes its examples from."""

from __future__ import annotations

from wbsite.results.site import Gap, Model, Site

from .examples import Examples

PREFERRED = ("inceptionv1", "inceptionv1_32")
"""Architectures that come before others: the article is about the first of them."""


def example_network(site: Site) -> Model | Gap:
    """The first network whose units were looked for, those of a preferred architecture before others; or why none."""
    models = [model for model in site.working if model.result(Examples) is not None]
    preferred = [model for model in models if model.architecture.name in PREFERRED]
    reason = "units to show were not looked for in any network of this site"
    return next(iter([*preferred, *models]), Gap(reason, failed=False))
