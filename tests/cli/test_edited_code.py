"""Edited code: its numbers and pages are made again, and nothing is where only words were edited."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wbsite

INDEX, FIGURE = "ops/banding/index.py", "render/banding/banding_histogram.py"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of wbsite to edit, beside the articles and templates."""
    original = Path(wbsite.__file__).parent
    ours = shutil.ignore_patterns("__pycache__", "checkpoints")
    shutil.copytree(original, tmp_path / "copy" / "wbsite", ignore=ours)
    for name in ("content", "templates", "mkdocs.yml"):
        (tmp_path / "copy" / name).symlink_to(original.parent / name)
    return tmp_path / "copy" / "wbsite"


def test_edited_mathematics_gives_new_numbers_and_edited_words_nothing(
    rebuilt: Path, package: Path, environment: dict[str, str], speck_weights: Path
) -> None:
    variables = {"PYTHONPATH": os.pathsep.join((str(package.parent), environment["PYTHONPATH"]))}

    def run(*arguments: str) -> Any:
        """A new process: one that is forked has the unedited package."""
        command = [sys.executable, "-m", "wbsite.cli", *arguments, "--weights-dir", str(speck_weights)]
        ran = subprocess.run(
            command, cwd=rebuilt, env={**environment, **variables}, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr
        return ran

    def first_index() -> float:
        rows = csv.DictReader(io.StringIO(run("export", "banding", "--model", "speck", "--layer", "conv1").stdout))
        return float(next(rows)["index"])

    def code_of_pages() -> str:
        code = "from wbsite.render.publish import code_digest\nprint(code_digest())"
        return subprocess.check_output([sys.executable, "-c", code], env={**environment, **variables}, text=True)

    for name in (INDEX, FIGURE):
        edit(package / name, "\n\n\n", "\n\n# What follows needs some explanation.\n\n")
        edit(package / name, '"""', '"""In other words: ')
    ran = run("build", "--models", "speck")
    assert "compute" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("rendered 0 of ")
    before, pages = first_index(), code_of_pages()
    edit(package / INDEX, "index=shares.index", "index=100 * shares.index")
    edit(package / FIGURE, "BINS = np.linspace(-1, 1, 41)", "BINS = np.linspace(-1, 1, 21)")
    assert first_index() == pytest.approx(100 * before)
    assert code_of_pages() != pages
