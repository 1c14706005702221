"""What README and CONTRIBUTING tell their reader to write works as it stands there.

A fenced block of CONTRIBUTING that is a file of the package names it, and `scratch_package` puts it where it belongs:

    ```python title="wbsite/ops/banding/contrast.py"
    …
    ```

    def test_the_example_of_an_analysis(scratch_package, tmp_path):
        package = scratch_package("An analysis")        # the blocks below that heading, and no others
        ran = package.run("list", "analyses")           # `wbsite list analyses` of the copy
        assert "contrast\t" in ran.out
"""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parents[1]


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
        written: the files that were added, relative to `root`.
    """

    root: Path
    written: tuple[Path, ...]

    def run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `wbsite ARGUMENTS` of the copy in a folder, by default the one that holds it."""
        path = os.pathsep.join((str(self.root), os.environ["PYTHONPATH"]))
        return subprocess.run(
            [sys.executable, "-m", "wbsite.cli", *arguments], cwd=folder or self.root,
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip


@pytest.fixture
def scratch_package(tmp_path: Path) -> Callable[..., Package]:
    """scratch_package(heading): a copy of the package with the files that CONTRIBUTING gives below a heading.

    Each must be new: an example that changes a file which is there already would break the promise that adding
    something is adding files.
    """

    def make(heading: str, document: Path = ROOT / "CONTRIBUTING.md") -> Package:
        root = tmp_path / "checkout"
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("wbsite", "content", "templates"):
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        shutil.copy(ROOT / "mkdocs.yml", root)
        files = [block for block in blocks(document) if block.heading == heading and block.title]
        assert files, f"{document.name} has no files below {heading!r}"
        for block in files:
            path = root / block.title
            assert not path.exists(), f"{document.name}:{block.line}: {block.title} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        return Package(root, tuple(Path(block.title) for block in files))

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

    [block] = [block for block in blocks(ROOT / "README.md") if block.language == "toml"]
    (tmp_path / "mine.toml").write_text(block.text)
    study = read(tmp_path / "mine.toml")
    assert study.dataset == f"npz:{tmp_path / 'mine.npz'}"
    assert len(study.configurations) == 4
    assert len(study.seeds) == 10


def test_files_of_an_example_become_a_package_of_its_own(
    scratch_package: Callable[..., Package], tmp_path: Path
) -> None:
    """What the tests of CONTRIBUTING's examples are made with."""
    document = tmp_path / "document.md"
    document.write_text(
        '# Title\n```sh\nwbsite build\n```\n## Another\n```python title="wbsite/other.py"\n1 / 0\n```\n'
        '## A data set\n```python title="wbsite/datasets/dots.py"\n'
        "from .base import DatasetSpec\n\nDATASETS = (DatasetSpec('dots', 'made of dots', samples=print),)\n```\n"
    )
    package = scratch_package("A data set", document)
    assert package.written == (Path("wbsite/datasets/dots.py"),)
    assert not (package.root / "wbsite" / "other.py").exists()
    ran = package.run("list", "datasets")
    assert ran.returncode == 0, ran.stderr
    assert "dots\tmade of dots" in ran.stdout
