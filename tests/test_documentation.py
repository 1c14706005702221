"""What README, NETWORKS and CONTRIBUTING tell their reader to write works as it stands there.

A fenced block of CONTRIBUTING names the file it is, as in ```python title="wbsite/models/zoo/stem.py", and
`scratch_package("Example: a model family")` is a copy of the package with all files below that heading.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wbsite.graph.layers import discover
from wbsite.models import load

ROOT = Path(__file__).resolve().parents[1]
CONTRIBUTING, NETWORKS = ROOT / "CONTRIBUTING.md", ROOT / "NETWORKS.md"


@dataclass(frozen=True)
class Block:
    """A fenced block of a Markdown file.

    Attributes:
        language: the first word behind the fence.
        title: the file it is, "" where it does not say.
        heading: the last heading above it.
        line: of its fence, from 1.
    """

    language: str
    title: str
    heading: str
    line: int
    text: str


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a file, in its order."""
    found: list[Block] = []
    heading, inside, begun = "", False, (0, "", "")
    text: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            if inside:
                first, language, title = begun
                found.append(Block(language, title, heading, first, "\n".join(text) + "\n"))
            else:
                title = re.search(r'title="([^"]+)"', line)
                begun = number, line.strip("`").partition(" ")[0], title[1] if title else ""
                text = []
            inside = not inside
        elif inside:
            text.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("#").strip()
    assert not inside, f"{path.name}: the fence of line {begun[0]} is not closed"
    return found


@dataclass(frozen=True)
class Package:
    """A copy of the package with more files in it.

    Attributes:
        root: folder that holds it, as a checkout does.
        environment: of its processes; speck is installed.
    """

    root: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """What `wbsite ARGUMENTS` of the copy, run in the folder that holds it, prints; it must end well."""
        path = os.pathsep.join((str(self.root), self.environment["PYTHONPATH"]))
        done = subprocess.run(
            [sys.executable, "-m", "wbsite.cli", *arguments], cwd=self.root,
            env={**self.environment, "PYTHONPATH": path}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def scratch_package(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Package]:
    """scratch_package(*headings): a copy of the package with the files that CONTRIBUTING gives below these headings.

    Each must be new: adding something is adding files.
    """

    def make(*headings: str) -> Package:
        root = tmp_path / "checkout"
        for name in ("wbsite", "content", "templates"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "mkdocs.yml", root)
        for heading in headings:
            files = [block for block in blocks(CONTRIBUTING) if block.heading == heading and block.title]
            assert files, f"no files below {heading!r}"
            for block in files:
                path = root / block.title
                assert not path.exists(), f"line {block.line}: {block.title} is there already"
                path.write_text(block.text, encoding="utf-8")
        return Package(root, environment)

    return make


def test_the_library_snippets_of_the_readme_run_one_after_another(tmp_path: Path, monkeypatch: Any) -> None:
    """With made-up activations where one stands for the reader's own."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {"activations": np.tanh(rng.normal(size=(200, 3))), "labels": rng.integers(0, 2, 200)}
    snippets = [block for block in blocks(ROOT / "README.md") if block.language == "python"]
    for block in snippets:
        # The lines of a traceback are those of the README.
        exec(compile("\n" * block.line + block.text, "README.md", "exec"), names)
    assert len(snippets) == 3
    assert names["pictures"].shape[1:] == (*names["kernels"].shape[2:], 3)
    assert names["across"].shape[:2] == names["cancels"].shape
    assert names["picture"].image.shape == (3, 32, 32)
    assert 0 <= names["i_ty"] <= 1


def test_the_study_of_the_readme_is_read(tmp_path: Path) -> None:
    from wbsite.train.study.study_file import read

    [block] = [block for block in blocks(ROOT / "README.md") if block.language == "toml" and "dataset" in block.text]
    (tmp_path / "mine.toml").write_text(block.text)
    study = read(tmp_path / "mine.toml")
    assert study.dataset == f"npz:{tmp_path / 'mine.npz'}"
    assert len(study.configurations) == 4
    assert len(study.seeds) == 10


@pytest.fixture
def stem() -> Any:
    """The network of the example of a model family, with fresh parameters."""
    [block] = [block for block in blocks(CONTRIBUTING) if block.title == "wbsite/models/zoo/stem.py"]
    names: dict[str, Any] = {}
    exec(block.text, names)
    return names["build"]()


def test_the_example_of_a_model_family_is_listed_and_its_weights_are_found(
    scratch_package: Callable[..., Package], stem: Any
) -> None:
    import torch

    package = scratch_package("Example: a model family")
    assert "stem@mine\tStem" in package.run("list", "models")
    torch.save(stem.state_dict(), package.root / "stem.pth")
    package.run("weights", "convert", "stem.pth", "--model", "stem", "--out", "weights")
    listed = package.run("list", "layers", "stem", "--weights-dir", "weights")
    assert [line.split("\t")[0] for line in listed.splitlines()] == ["input", "0", "2", "6"]


def test_the_example_of_a_weights_format_is_read(scratch_package: Callable[..., Package], stem: Any) -> None:
    from safetensors.torch import load_file

    package = scratch_package("Example: a model family", "Example: a weights format")
    lists = {name: values.tolist() for name, values in stem.state_dict().items()}
    (package.root / "stem.json").write_text(json.dumps(lists))
    package.run("weights", "convert", "stem.json", "--model", "stem", "--out", "weights")
    [path] = (package.root / "weights").iterdir()
    converted = load_file(path)
    assert {name: values.tolist() for name, values in converted.items()} == lists


def test_the_example_of_an_analysis_has_its_table_its_figure_and_its_claim(
    scratch_package: Callable[..., Package], copy_store: Callable[[Path], None], speck_weights: Path
) -> None:
    package = scratch_package("Example: an analysis with its figure and claim")
    copy_store(package.root)
    weights = ("--weights-dir", str(speck_weights))
    rows = list(csv.DictReader(io.StringIO(package.run("export", "centre", "--model", "speck", *weights))))
    assert [row["layer"] for row in rows] == ["conv1", "conv2", "conv3"]
    assert all(0 < float(row["share"]) < 1 for row in rows)
    front = "---\ntitle: Mine\ndescription: D\nauthors: [A]\norder: 1\n---\n"
    (package.root / "content" / "mine.md").write_text(front + '{{ claim("weight-at-the-centre") }}\n')
    package.run("build", "--models", "speck", *weights, "--articles", "mine", "--strict")
    site = package.root / "site"
    weights_section = (site / "models" / "speck" / "conv2" / "index.html").read_text().partition('id="weights"')[2]
    assert 'id="fig-centre"' in weights_section
    assert "too few layers to say where weight gathers" in (site / "articles" / "mine" / "index.html").read_text()
    assert "Kernels have more weight at their centre than elsewhere." in (site / "claims" / "index.html").read_text()
    package.run("check")


def test_the_table_of_a_model_in_the_readme_is_read(tmp_path: Path) -> None:
    from wbsite.core.config import load

    [block] = [block for block in blocks(ROOT / "README.md") if block.language == "toml" and "[models." in block.text]
    (tmp_path / "wbsite.toml").write_text(block.text)
    config = load({}, tmp_path / "wbsite.toml")
    assert config.models == ("mypackage.nets:make",)
    assert config.input_of("mypackage.nets:make@weights.safetensors").input == (3, 60, 160)


class Small(torch.nn.Module):
    """A network such as a reader has."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.deep = torch.nn.Conv2d(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.deep(torch.relu(self.norm(self.conv(x)))).mean((2, 3))


def keras_model() -> Any:
    keras = pytest.importorskip("keras")
    return keras.Sequential([keras.layers.Input((32, 32, 3)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(2, 3)])


def flax_params() -> Any:
    pytest.importorskip("flax")
    return {"Conv_0": {"kernel": np.ones((3, 3, 3, 4), np.float32)}}


OWN: dict[str, Callable[[], Any]] = {"net": Small, "model": keras_model, "params": flax_params}
"""What the lines of NETWORKS.md take from their reader, by name."""

WAYS = [block for block in blocks(NETWORKS) if block.language == "python"]


@pytest.mark.parametrize("way", WAYS, ids=lambda block: block.heading)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_a_network_is_brought_as_networks_md_says(way: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in re.findall(r"^import (\w+)", way.text, re.MULTILINE):
        pytest.importorskip(library)
    (command,) = (other for other in blocks(NETWORKS) if other.heading == way.heading and other.language == "sh")
    token = command.text.split()[-1]
    if token.endswith(".onnx"):
        pytest.importorskip("onnx")
    if token.endswith(".keras"):
        pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mynet.py").write_text("from test_documentation import Small as make\n")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    torch.manual_seed(0)
    exec(compile(way.text, "NETWORKS.md", "exec"), {name: own() for name, own in OWN.items() if name in way.text})
    loaded = load(token)
    found = loaded.module.layers((3, 1, 1)) if loaded.alone else discover(loaded.module, loaded.spec.input_shape)
    assert found.layers[0].kernel == (3, 3)
    assert found.layers[0].inputs == ("input",)
    assert loaded.alone == (way.heading == "JAX")
