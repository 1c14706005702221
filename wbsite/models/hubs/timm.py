"""Networks of timm (PyTorch Image Models) by its names, `timm:resnet50.a1_in1k`, with its weights, input and cache.

`timm:NAME@random` is the network with fresh weights, and `timm:NAME@FILE` with those of a file. A name without a tag
has timm's default weights.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError, optional, unknown
from wbsite.core.model_input import ModelInput
from wbsite.models.base import LoadedModel

from .base import Hub, quiet

if TYPE_CHECKING:
    from torch import nn

RANDOM = "random"


def load(token: str, said: ModelInput | None) -> LoadedModel:
    """A network of timm.

    Raises:
        WbsiteError: timm is not installed; it has no such network or weights; these are neither in its cache nor can
            be downloaded; a file of weights is not this network's.
    """
    from wbsite.models.user import described, load_weights

    timm = _timm()
    target, _, source = token.partition("@")
    name = target.partition(":")[2]
    _check(timm, name)
    published = timm.is_model_pretrained(name)
    pretrained = published and not source
    build = partial(_build, timm, name, False)
    provenance: dict[str, Any] = {"library": f"timm {timm.__version__}", "source_file": None}
    if pretrained:
        net = _downloaded(timm, name)
        cfg: Any = net.pretrained_cfg
        label, note = cfg.get("tag") or "default", "timm's weights."
        provenance |= {key: str(cfg[key]) for key in ("hf_hub_id", "url", "license") if cfg.get(key)}
    else:
        net = build()
        reason = "" if published else ": timm publishes none under this name"
        label, note = RANDOM, f"Its weights are random{reason}."
    if source not in ("", RANDOM):
        provenance |= load_weights(net, target, source)
        label, note = "own", provenance["reading"] or "Weights of a file."
    return described(net, target, build, provenance, said, weights=label, note=note)


def _timm() -> Any:
    with optional("a name that begins with timm:", "timm"):
        import timm
    return timm


def _check(timm: Any, name: str) -> None:
    """Refuses a name or tag that timm does not have, with the nearest."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise unknown("network of timm", architecture, timm.list_models())
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise unknown(f"weights of timm's {architecture}", tag, tags)


def _build(timm: Any, name: str, pretrained: bool) -> nn.Module:
    """A network, its fresh parameters the same at every call."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        net: nn.Module = timm.create_model(name, pretrained=pretrained)
    return net.float()


def _downloaded(timm: Any, name: str) -> nn.Module:
    """With timm's weights, from its cache or from where it publishes them."""
    try:
        with quiet():
            return _build(timm, name, True)
    except Exception as error:  # of whatever the library downloads with, which changes from version to version
        reason = str(error).strip().partition("\n")[0]
        raise WbsiteError(
            f"the weights of timm:{name} are neither in timm's cache nor can they be downloaded: {reason}",
            f"Run it once where there is a network; or build timm:{name}@FILE with a file of weights, or"
            f" timm:{name}@{RANDOM}.",
        ) from error


HUBS = (Hub("timm", "networks of timm by its names, with its weights: timm:resnet50.a1_in1k (wbsite[timm])", load),)
