"""Claims about the networks of a site: for every outcome of made-up results, the verdict and the article's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wbsite.claims.banding import depth, heads, networks
from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.core import registry
from wbsite.render.page import Writing
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.network.architecture import Architecture, Head, LayerInfo
from wbsite.results.network.nmf import Nmf
from wbsite.results.site import Gap, Site

BANDED, UPRIGHT, UNSAFE, PLAIN = (0.7, 0.6, 0.8), (-0.7, -0.8, -0.6), (0.6, 0.5, 0.7), (0.1, 0.0, 0.2)


def architecture(name: str, head: Any, layers: tuple[str, ...]) -> Architecture:
    """What the architecture's result says of a network with these convolutions."""
    shape: dict[str, Any] = {
        "kind": "conv", "order": 0, "inputs": (), "in_channels": 3, "out_channels": 2, "kernel": (3, 3),
        "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1, "bias": False, "parameters": 54,
        "output_shape": (2, 8, 8), "calls": 1, "weight_shape": (2, 3, 3, 3), "reads": (), "planar": True,
        "spatial": True, "block": "", "first_unit": 0, "has_weights": True,
    }  # fmt: skip
    return Architecture(
        name=name, weights="made up", title=name, reference="", note="", source=None, digest="00", missing=[],
        provenance={}, input_shape=(3, 8, 8), parameters=54, parameters_held=54,
        layers=[LayerInfo(name=layer, **shape) for layer in layers], skipped=[], notes=[],
        head=Head(kind=head, layer="fc", positions=16),
    )  # fmt: skip


def index(mean: float, low: float | None, high: float | None) -> Index:
    return Index(
        row_share=0.3 + mean / 2, column_share=0.3 - mean / 2, index=mean, low=low, high=high, null_row_share=0.25,
        null_column_share=0.25, index_null=0.0, index_adjusted=mean, adjusted_low=low, adjusted_high=high,
        axis_preference_p=0.01, units=2, shaped=2, not_defined="", verdict="none", article_verdict="none",
    )  # fmt: skip


def no_index(reason: str) -> Index:
    """Of a layer whose kernels have no shape."""
    given = {"null_row_share": 0.25, "null_column_share": 0.25, "index_null": 0.0, "units": 2, "shaped": 0}
    words = {"verdict": "undefined", "article_verdict": "undefined", "not_defined": reason}
    return Index(**{**dict.fromkeys(Index.model_fields), **given, **words})


def banding_of(weights: Index, pictures: Index) -> Banding:
    per_unit = np.zeros(2)
    return Banding(
        index=weights.index, weights=weights, nmf=pictures, resamples=10, article_threshold=0.55,
        article_layers=18, intermediate=(0.3, 0.6), weights_per_unit=per_unit, nmf_per_unit=per_unit,
        norm=np.ones(2, np.float32), rows=Banding.frame("rows", []),
    )  # fmt: skip


def banding(
    pictures: tuple[float, float | None, float | None], weights: tuple[float, float, float] = (0.2, 0.1, 0.3)
) -> Banding:
    return banding_of(index(*weights), index(*pictures))


def nmf() -> Nmf:
    pictures, errors = np.zeros((2, 3, 3, 3), np.float32), np.zeros(2, np.float32)
    return Nmf(
        error=0.1, joint_error=0.2, components=3, per_unit=pictures, joint=pictures, per_unit_error=errors,
        joint_error_per_unit=errors, order=np.arange(2), rows=Nmf.frame("rows", []),
    )  # fmt: skip


def network(
    pictures: tuple[float, float | None, float | None], head: str = "pooled", name: str = "net",
    layers: tuple[str, ...] = ("conv",), measured: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Results of a network, all of whose measured layers have that H on pictures; on weights H rises by 0.1 a layer.

    Args:
        measured: layers that have weights; all if left out.
    """
    there = layers[:measured]
    return {
        "architecture": {"": architecture(name, head, layers)},
        "banding": {layer: banding(pictures, (i / 10, 0.0, 1.0)) for i, layer in enumerate(there)},
        "nmf": {layer: nmf() for layer in there},
    }


def undefined(reason: str, *layers: str) -> dict[str, Any]:
    """Results of a network in whose last layer banding is not defined."""
    results = network(PLAIN, layers=layers)
    results["banding"][layers[-1]] = banding_of(no_index(reason), no_index(reason))
    return results


def falling(*layers: str) -> dict[str, Any]:
    """Results of a network in which H falls from layer to layer."""
    results = network(PLAIN, layers=layers)
    results["banding"] = dict(zip(layers, reversed(results["banding"].values()), strict=True))
    return results


INCEPTION = ("conv1", "mixed3a_3x3", "mixed5b_3x3")

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("article-threshold", {"a": network(PLAIN)}, "described", "Over the 18 layers published there, $|H| > 0.55$"),
    ("networks-side-by-side", {"a": network(PLAIN)}, "described", '<td><a href="../../models/a/conv/">conv</a></td>'),
    ("networks-side-by-side", {"a": network(PLAIN, "positions")}, "described", "<td>fully connected over 16 positions"),
    (
        "networks-side-by-side",
        {"a": undefined("only the middle tap is non-zero", "conv")},
        "described",
        "a has no index in its last convolution with rows and columns, `conv`: only the middle tap is non-zero.",
    ),
    ("networks-side-by-side", {"a": network(PLAIN, "unknown")}, "described", "<td>not known</td>"),
    (
        "last-layers-are-banded",
        {"a": network(BANDED), "b": network(BANDED)},
        HOLDS,
        "By that measure, a and b are clearly banded.",
    ),
    (
        "last-layers-are-banded",
        {"a": network(BANDED), "b": network(UPRIGHT), "c": network(UNSAFE), "d": network(PLAIN)},
        "some",
        "By that measure, a is clearly banded; b is clearly banded vertically; c is too close to the threshold to"
        " call; d is not banded.",
    ),
    (
        "last-layers-are-banded",
        {"a": network((0.7, None, None)), "b": network(BANDED)},
        "some",
        "b is clearly banded; a is without an interval, since fewer than two different units vary over space.",
    ),
    (
        "last-layers-are-banded",
        {"a": network(UNSAFE), "b": network(PLAIN)},
        UNDECIDED,
        "a is too close to the threshold to call; b",
    ),
    ("last-layers-are-banded", {"a": network((0.7, None, None))}, UNDECIDED, "a is without an interval"),
    ("last-layers-are-banded", {"a": network(PLAIN)}, FAILS, "By that measure, a is not banded."),
    ("small-networks", {"a": network(PLAIN, name="alexnet_32")}, "described", 'The networks called "32 px"'),
    ("pooled-networks-are-banded", {"a": network(BANDED)}, HOLDS, "a pools position away"),
    ("pooled-networks-are-banded", {"a": network(BANDED), "b": network(BANDED)}, HOLDS, "All of them are banded here"),
    (
        "pooled-networks-are-banded",
        {"a": network(BANDED), "b": network(PLAIN)},
        "some",
        "Of these, a is clearly banded",
    ),
    ("pooled-networks-are-banded", {"a": network(PLAIN, "convolutional")}, FAILS, "It is not clearly banded here. One"),
    ("pooled-networks-are-banded", {"a": network(UNSAFE), "b": network(PLAIN)}, UNDECIDED, "None of them is clearly"),
    ("networks-that-read-positions-are-not-banded", {"a": network(PLAIN, "positions")}, HOLDS, "found for AlexNet."),
    (
        "networks-that-read-positions-are-not-banded",
        {"a": network(UNSAFE, "positions")},
        UNDECIDED,
        "found for AlexNet.",
    ),
    (
        "networks-that-read-positions-are-not-banded",
        {"a": network(BANDED, "positions"), "b": network(PLAIN, "positions"), "c": network(BANDED)},
        FAILS,
        "In a and b the first fully connected layer reads a map of positions, as in the original AlexNet.\na is banded"
        " all the same.",
    ),
    ("vgg19-counts-as-pooled", {"a": network(PLAIN, "positions", "vgg19")}, "reported", "not settled here"),
    (
        "banding-through-depth",
        {"a": network(PLAIN, layers=("one", "two")), "b": network(PLAIN, layers=("x", "y", "z"), measured=2)},
        "described",
        "In a and b it is strongest in the very last layer. ",
    ),
    (
        "banding-through-depth",
        {"b": network(PLAIN, layers=("x", "y", "z"), measured=2)},
        "described",
        "The later convolutions of b are missing from its weights file.",
    ),
    (
        "banding-through-depth",
        {"a": falling("one", "two")},
        "described",
        "In a it is strongest before the end (in [`one`](../../models/a/one/index.md)).",
    ),
    (
        "inceptionv1-through-depth",
        {"a": network(PLAIN, name="inceptionv1", layers=INCEPTION)},
        "described",
        "$R$ goes from 0.35 to 0.40 and $C$ from 0.25 to 0.20.",
    ),
]
"""Claim, networks of the site, verdict, words that the article must have then."""

CLAIMS = [claim for module in (depth, heads, networks) for claim in module.CLAIMS]
SILENT = {
    "small-networks": "pooled",
    "pooled-networks-are-banded": "positions",
    "networks-that-read-positions-are-not-banded": "pooled",
    "vgg19-counts-as-pooled": "positions",
    "banding-through-depth": "pooled",
    "inceptionv1-through-depth": "pooled",
}
"""Claim → head of a network of one layer, of which it has nothing to say."""


@pytest.mark.parametrize(("name", "models", "verdict", "words"), CASES)
def test_a_claim_comes_out_as_the_networks_are(
    made_site: Callable[..., Site], name: str, models: dict[str, Any], verdict: str, words: str
) -> None:
    site = made_site(models=models)
    decided = registry.named("claims", name, "claim").decide(site)
    assert not isinstance(decided, Gap)
    assert decided[0] == verdict
    assert words in Writing(site, "articles/a").claim(name)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_outcome_is_tested(claim: Claim) -> None:
    assert {verdict for name, _, verdict, _ in CASES if name == claim.name} == set(claim.wording) - {NOTHING}


@pytest.mark.parametrize(("name", "head"), SILENT.items())
def test_networks_of_another_kind_are_not_written_about(made_site: Callable[..., Site], name: str, head: str) -> None:
    site = made_site(models={"a": network(BANDED, head)})
    assert registry.named("claims", name, "claim").decide(site) == (NOTHING, None)
    assert Writing(site, "articles/a").claim(name) == ""


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_without_pictures_nothing_is_decided(made_site: Callable[..., Site], claim: Claim) -> None:
    """The table of networks then leaves a card, once for all."""
    text = Writing(made_site(), "articles/a").claim(claim.name)
    assert ("wb-gap" in text) == (claim.name == "networks-side-by-side")
    assert text == "" or "no network on this site" in text


def test_a_figure_of_each_inceptionv1_is_part_of_its_paragraph(made_site: Callable[..., Site]) -> None:
    models = {name: network(PLAIN, name="inceptionv1", layers=INCEPTION) for name in ("a", "b")}
    writing = Writing(made_site(models=models), "articles/a")
    text = writing.claim("inceptionv1-through-depth")
    assert text.count("InceptionV1 is the network") == 2
    assert {"banding-a", "banding-b"} <= writing.numbers.keys() | writing.gaps
