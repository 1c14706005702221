"""Where articles, templates and the mkdocs configuration are read from."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def roots() -> list[Path]:
    """Folders that may hold content/, templates/ and mkdocs.yml, best first.

    The working folder (a checkout, or a user's own site), the copy inside the installed package,
    the checkout an editable install comes from.
    """
    return [Path.cwd(), PACKAGE / "_bundled", PACKAGE.parent]


def folder(name: str) -> Path:
    """`content` or `templates`: the first root that has it."""
    return next(path for root in roots() if (path := root / name).is_dir())


def files(name: str) -> list[Path]:
    """All files below `content` or `templates`, sorted."""
    return sorted(path for path in folder(name).rglob("*") if path.is_file() and not path.name.startswith("."))


def mkdocs_configuration() -> Path:
    """The mkdocs.yml to copy into a folder that has none."""
    return next(path for root in roots()[1:] if (path := root / "mkdocs.yml").is_file())
