"""The generated folder is a site for Zensical too, which has no plugins of mkdocs and no Python in its templates."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from faults import pages

pytestmark = pytest.mark.skipif(find_spec("zensical") is None, reason="zensical is not installed")


def test_zensical_makes_the_same_pages_of_the_folder(built: Path, tmp_path: Path) -> None:
    for name in ("docs", "theme"):
        shutil.copytree(built / "build" / name, tmp_path / "build" / name)
    for name in ("build/mkdocs.yml", "mkdocs.yml"):
        shutil.copy(built / name, tmp_path / name)
    command = [str(Path(sys.executable).with_name("zensical")), "build"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert pages(tmp_path / "site") == pages(built / "site")
    for name in pages(built / "site"):
        assert (tmp_path / "site" / name).read_text(encoding="utf-8").count("<figure") == (
            built / "site" / name
        ).read_text(encoding="utf-8").count("<figure")
    data = [path.relative_to(built / "site") for path in (built / "site" / "models").rglob("*.json")]
    assert data
    assert all((tmp_path / "site" / path).is_file() for path in data)
