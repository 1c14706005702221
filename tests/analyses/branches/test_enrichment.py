"""What lies in which branch, on a network whose units are named by hand, and on networks in which nothing does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.branches import branches, enrichment, tuning
from wbsite.core.filing.documents import canonical
from wbsite.core.store import Entry, Store
from wbsite.graph.layers import Layers, discover
from wbsite.models import formats
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.ops.branches.group_tests import GroupUnits, category_tests, index_tests
from wbsite.ops.branches.unit_groups import Source, UnitGroup, source_tests
from wbsite.ops.tuning.categories import FILTER_CATEGORIES, filter_categories
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.ops.tuning.indices import INDICES
from wbsite.results.base import Result
from wbsite.results.branches.enrichment import Enrichment
from wbsite.results.branches.tuning import Tuning
from wbsite.stats.enrichment import enrichment_p_value, false_discovery
from wbsite.stats.roc_auc import roc_auc
from wbsite.stats.single_case import single_case_p


class Parted(nn.Module):
    """Two towers, a place where three paths meet, and a stage of three residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 12, 3, padding=1, groups=2)
        self.small, self.other, self.wide = (nn.Conv2d(12, n, k, padding=k // 2) for n, k in ((6, 1), (4, 1), (8, 3)))
        self.inside = nn.ModuleList(nn.Conv2d(18, 8, 3, padding=1) for _ in range(3))
        self.out = nn.ModuleList(nn.Conv2d(8, 18, 3, padding=1) for _ in range(3))
        self.fc = nn.Linear(18, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv2(self.conv1(x).relu()).relu()
        x = torch.cat([self.small(x), self.other(x), self.wide(x)], 1).relu()
        for inside, out in zip(self.inside, self.out, strict=True):
            x = (x + out(inside(x).relu())).relu()
        return self.fc(x.mean((2, 3)))


def network(seed: int = 0) -> tuple[LoadedModel, Layers]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = Parted().eval().requires_grad_(False)
    spec = ModelSpec("parted", "made", "Parted", Parted, Preprocess(crop=16))
    return LoadedModel(module, spec, ""), discover(module, spec.input_shape)


def stored(result: Result, name: str) -> Entry:
    return Store(f"memory://enrichment-{name}").put(name.replace(" ", "-"), result.contents(), {})


def units_of(layers: Mapping[str, int], rng: np.random.Generator) -> pd.DataFrame:
    """A made-up table of tuning: every index a random number."""
    found = [
        pd.DataFrame({"layer": layer, "unit": range(units), "dead": False, **{n: rng.random(units) for n in INDICES}})
        for layer, units in layers.items()
    ]
    columns = list(Tuning.fields["rows"].columns)
    return pd.concat(found, ignore_index=True).reindex(columns=columns, fill_value=1.0)


def made_tuning(rows: pd.DataFrame, members: pd.DataFrame) -> Tuning:
    return Tuning(
        indices={}, categories={}, layers=[], omitted=[], dead_below=0.01, rows=rows, members=members, stimuli={}
    )


LAYERS = {"conv1": 16, "conv2": 12, "small": 6, "other": 4, "wide": 8, "inside.0": 8, "inside.1": 8, "inside.2": 8}
QUICK = {**enrichment.ANALYSES[0].params["quick"], "permutations": 300, "copies": 3}


def run(rows: pd.DataFrame, named: pd.DataFrame, yours: pd.DataFrame | None = None, **params: Any) -> Enrichment:
    model, layers = network()
    cpu = torch.device("cpu")
    needs = {"branches": stored(branches.run(Context(model, layers, None, cpu, {}, {})), "branches")}
    needs["tuning"] = stored(made_tuning(rows, named), "tuning")
    none = pd.DataFrame({"layer": [], "unit": np.array([], int), "category": []})
    given = none if yours is None else yours
    return enrichment.run(
        Context(model, layers, None, cpu, {**QUICK, **params}, needs, inputs={"categories": lambda: given})
    )


@pytest.fixture(scope="module")
def named_by_hand() -> Enrichment:
    rows = units_of(LAYERS, np.random.default_rng(0))
    rows.loc[(rows["layer"] == "wide") & (rows["unit"] == 7), "dead"] = True
    rows.loc[rows["layer"] == "wide", "curve"] += 2.0
    rows.loc[rows["layer"] == "inside.1", list(INDICES)] += 2.0
    named = pd.DataFrame(
        {"layer": ["wide"] * 8 + ["small"] * 2, "unit": [*range(8), 0, 1], "category": ["curve"] * 8 + ["corner"] * 2}
    )
    yours = pd.DataFrame({"layer": ["wide", "wide", "fc"], "unit": [7, 6, 0], "category": ["odd", "odd", "class"]})
    return run(rows, named, yours)


def row_of(table: pd.DataFrame, **place: str) -> dict[str, Any]:
    found = table[np.logical_and.reduce([table[name] == value for name, value in place.items()])]
    assert len(found) == 1, found
    return found.iloc[0].to_dict()


def test_units_are_counted_as_they_were_named(named_by_hand: Enrichment) -> None:
    rows = named_by_hand.rows
    group = rows.loc[rows["kind"] == "concat", "group"].iloc[0]
    row = row_of(rows, group=group, branch="wide", category="curve", source="stimuli")
    counted = {"layer_units": 17, "branch_units": 7, "in_layer": 7, "in_branch": 7}  # the dead unit is not counted
    assert {name: row[name] for name in counted} == counted
    assert row["p"] == pytest.approx(enrichment_p_value(7, 7, 7, 17))
    assert row["same_kernel"] == "no other branch has 3×3 kernels"
    corner = row_of(rows, group=group, branch="small", category="corner")
    assert (corner["same_kernel"], corner["same_kernel_p"]) == ("other", enrichment_p_value(2, 2, 6, 10))
    mine = row_of(rows, group=group, branch="wide", category="odd", source="yours")
    assert (mine["layer_units"], mine["in_branch"]) == (18, 2), "a label does not need a response"
    assert "class" not in set(rows["category"]), "a layer in no branch is not asked about"
    np.testing.assert_allclose(rows["q"], false_discovery(rows["p"].to_numpy()))


def test_an_index_is_compared_inside_and_outside(named_by_hand: Enrichment) -> None:
    effects = named_by_hand.effects
    row = row_of(effects, branch="wide", index="curve")
    assert row["auc"] == row["high"] == 1.0
    assert (row["units_in"], row["units_out"]) == (7, 10)
    assert row["median_in"] > 2 > row["median_out"]
    assert np.isnan(row["same_kernel_auc"])
    assert "relative_frequency" not in set(effects["index"]), "in a group it is the frequency once more"


def test_first_layers_are_tested_by_their_weights_too(named_by_hand: Enrichment) -> None:
    rows = named_by_hand.effects
    chroma = row_of(rows, group="conv1", branch="tower 1", index="chroma", source="weights")
    tuning_of = FilterTuning.of(network()[0].module.get_submodule("conv1").weight)  # type: ignore[arg-type]
    values = tuning_of.chroma.numpy()
    assert chroma["auc"] == roc_auc(values[:8], values[8:]).auc
    assert chroma["median_in"] == np.median(values[:8])
    assert set(rows.loc[rows["source"] == "weights", "group"]) == {"conv1"}


def test_the_block_that_differs_is_named(named_by_hand: Enrichment) -> None:
    stages = named_by_hand.blocks.set_index("branch")
    assert len(stages) == 3
    assert stages["q"].idxmin() == stages["statistic"].idxmax() == stages.index[1]
    assert stages["q"].min() < 0.05
    (about,) = named_by_hand.stages
    assert about.share > 2 * about.by_chance
    assert about.with_depth < 0.5, "the middle block does not go with depth"


def test_values_are_json_and_say_how_much_was_tested(named_by_hand: Enrichment) -> None:
    canonical(named_by_hand.contents().values)
    assert named_by_hand.tests.rows == len(named_by_hand.rows)
    assert named_by_hand.sources == {"stimuli": 69, "weights": 16, "yours": 18}
    assert (named_by_hand.permutations, named_by_hand.untrained.copies) == (300, 3)


def test_untrained_copies_stand_beside_what_stimuli_show() -> None:
    """Measured as the network is: with its own weights as the copy's they would be the same numbers."""
    model, layers = network()
    cpu = torch.device("cpu")
    needs = {"branches": stored(branches.run(Context(model, layers, None, cpu, {}, {})), "of copies")}
    given = tuning.run(Context(model, layers, None, cpu, {"most": {}}, needs))
    found = run(given.rows, given.members)
    effects = found.effects
    measured = effects["group"].isin(found.untrained.groups) & (effects["source"] == "stimuli")
    assert set(found.untrained.groups) == {
        "conv2",
        effects.loc[effects["kind"] == "concat", "group"].iloc[0],
    }
    assert effects.loc[measured & effects["auc"].notna(), "untrained_auc"].notna().mean() > 0.8
    assert effects.loc[~measured, ["untrained_auc", "untrained_p"]].isna().all().all()
    assert found.untrained.effects.tests > 0
    again = enrichment._measured(model, ["conv2"], Context(model, layers, None, cpu, {}, {}))
    shown = given.rows.query("layer == 'conv2' and not dead")
    for name in ("colour", "frequency", "orientation_selectivity"):
        np.testing.assert_allclose(again.units[name], shown[name], rtol=1e-5)


def test_towers_of_the_published_alexnet_part_in_colour(shared_data: Callable[[str], Path]) -> None:
    weight = formats.read(shared_data("weights/alexnet_groups2_int8.npz")).state["conv1.weight"]
    found = FilterTuning.of(weight)
    columns = {name: getattr(found, name).numpy() for name in (*enrichment.FILTER_INDICES, "dead")}
    units = pd.DataFrame({"layer": "conv1", "unit": range(96), **columns})
    places = units[["layer", "unit"]].assign(branch=np.repeat([0, 1], 48))
    towers = UnitGroup("conv1", "towers", ("tower 1", "tower 2"), (11, 11), places)
    source = Source("weights", units[~units["dead"]], enrichment.FILTER_INDICES, filter_categories(units))
    tables = source_tests(towers, source, 200, 0)
    chroma = row_of(tables["effects"], branch="tower 1", index="chroma")
    assert (chroma["median_in"], chroma["median_out"]) == pytest.approx((0.917, 0.029), abs=5e-4)
    assert (chroma["units_in"], chroma["units_out"]) == (48, 48)
    assert 0.75 < chroma["low"] < 0.88 < chroma["auc"] < 0.9 < chroma["high"]
    assert chroma["p"] < 1e-9
    colour = row_of(tables["rows"], branch="tower 1", category="colour")
    assert (colour["in_branch"], colour["in_layer"]) == (31, 35)


def test_a_network_without_branches_has_empty_tables() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv2(self.conv1(x).relu())

    module = Plain().eval()
    model = LoadedModel(module, ModelSpec("plain", "", "Plain", Plain, Preprocess(crop=16)), "")
    context = Context(model, discover(module, (3, 16, 16)), None, torch.device("cpu"), {}, {})
    needs = {"branches": stored(branches.run(context), "plain")}
    none = pd.DataFrame({"layer": [], "unit": np.array([], int), "category": []})
    found = enrichment.run(
        Context(model, context.layers, None, context.device, QUICK, needs, inputs={"categories": lambda: none})
    )
    canonical(found.contents().values)
    assert found.rows.empty
    assert found.effects.empty
    assert found.blocks.empty


def random_layers(draws: int, units: int) -> list[pd.DataFrame]:
    """First layers of random smooth filters, from colour to black and white: so many of 1500, at random."""
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    weight = nn.functional.avg_pool2d(torch.randn(1500, 3, 7, 7, generator=generator), 3, stride=1, padding=1)
    colour = torch.rand(1500, 1, 1, 1, generator=generator)
    found = FilterTuning.of(colour * weight + (1 - colour) * weight.mean(1, keepdim=True))
    columns = {name: getattr(found, name).numpy() for name in (*enrichment.FILTER_INDICES, "dead")}
    table = pd.DataFrame(columns)
    chosen = [table.iloc[rng.choice(1500, units, replace=False)] for _ in range(draws)]
    return [of.assign(layer="conv1", unit=range(units)).reset_index(drop=True) for of in chosen]


def test_two_hundred_random_first_layers_show_no_more_than_chance() -> None:
    """Where units are exchangeable, the tests err as often as they say, or less."""
    towers = GroupUnits(("tower 1", "tower 2"), (7, 7), np.repeat([0, 1], 24))
    p, effects, layers_with_q = [], [], 0
    for table in random_layers(200, 48):
        named = filter_categories(table)
        of = [named.loc[named["category"] == name, "unit"] for name in FILTER_CATEGORIES]
        rows = category_tests(towers, list(FILTER_CATEGORIES), np.array([table["unit"].isin(u) for u in of]).T, 20, 0)
        p += [row["p"] for row in rows]
        layers_with_q += bool(min(false_discovery(np.array([row["p"] for row in rows]))) <= 0.05)
        indices = table[list(enrichment.FILTER_INDICES)].to_numpy()
        effects += [row["p"] for row in index_tests(towers, enrichment.FILTER_INDICES, indices)][::2]
    assert len(p) > 1200, "most categories have units in most draws"
    assert np.mean(np.array(p) <= 0.05) <= 0.05
    assert layers_with_q / 200 <= 0.05
    assert np.mean(np.array(effects) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / len(effects))


def test_untrained_copies_make_up_for_what_units_of_a_branch_share() -> None:
    """Where they read the same units of another layer, they resemble each other in random networks too."""
    areas = []
    for seed in range(24):
        model, layers = network(seed)
        source = enrichment._measured(model, ["conv2"], Context(model, layers, None, torch.device("cpu"), {}, {}))
        inside = source.units["unit"] < 6
        found = [roc_auc(source.units.loc[inside, n], source.units.loc[~inside, n]) for n in ("colour", "frequency")]
        areas.append([one.auc for one in found])
    values = np.array(areas)
    against = [single_case_p(values[i], values[[(i + j) % 24 for j in range(1, 6)]]) for i in range(24)]
    assert np.nanmean(np.array(against) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 48)
