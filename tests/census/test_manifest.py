"""Manifests: every fact is there and of its kind, or it is said which is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wbsite.census.manifest import FOLDER, chosen, networks, read
from wbsite.core.errors import WbsiteError


def test_a_manifest(manifest: Callable[..., Path]) -> None:
    network = read(manifest())
    assert (network.name, network.files, network.input) == ("small", ("small_net/net.pt2",), (3, 12, 20))
    assert network.of == "small-net 1.2 (pypi)"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"licence": None}, "licence: Field required"),
        ({"licence": ""}, "licence: "),
        ({"weight": 3}, "weight: Extra inputs"),
        ({"pooled": "all"}, "pooled: Input should be 'none', 'both', 'height' or 'width'"),
        ({"input": [3, 12]}, "input.2: Field required"),
        ({"input": [3, 12, 0]}, "input.2: "),
        ({"sha256": "abc"}, "sha256.0: "),
        ({"file": ["a", "b"]}, "2 files and 1 digests"),
        ({"derived": "yes"}, "derived: "),
        ({"bytes": 0}, "bytes: "),
        ({"name": "other"}, "multiple values for keyword argument 'name'"),
        ({"task": "faces"}, "Move it to the folder faces"),
    ],
)
def test_a_wrong_fact_is_named(manifest: Callable[..., Path], changed: dict[str, object], said: str) -> None:
    path = manifest()
    text = path.read_text()
    path = manifest(**{key: value for key, value in changed.items() if key not in ("task", "name")})
    if "task" in changed:
        path.write_text(text.replace('"text"', '"faces"'))
    if "name" in changed:
        path.write_text(text + 'name = "other"\n')
    with pytest.raises(WbsiteError) as error:
        read(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_names_tell_networks_apart(manifest: Callable[..., Path], tmp_path: Path) -> None:
    manifest("one"), manifest("two")
    folder = tmp_path / "manifests"
    assert [network.name for network in networks(folder)] == ["one", "two"]
    assert [network.name for network in chosen(["two"], folder)] == ["two"]
    with pytest.raises(WbsiteError, match="three"):
        chosen(["three"], folder)
    (folder / "text" / "bad.toml").write_text("title = ")
    with pytest.raises(WbsiteError, match="is not a manifest"):
        networks(folder)
    with pytest.raises(WbsiteError, match="has no manifest"):
        networks(tmp_path / "nowhere")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no manifest comes with wbsite")
def test_the_manifests_that_come_with_wbsite_are_whole() -> None:
    found = networks()
    trainings: dict[tuple[str, ...], set[str]] = {}
    for network in found:
        trainings.setdefault(network.digests, set()).add(network.training)
    assert all(len(words) == 1 for words in trainings.values()), "one file, two trainings"
    assert len({(n.registry, n.package, n.files) for n in found}) == len(found), (
        "two manifests name one file of a package"
    )
    assert all(network.data_source for network in found if network.data != "not declared")
