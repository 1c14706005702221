"""Where articles, templates and the mkdocs configuration are read from."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def roots() -> list[Path]:
    """Folders that may hold content/, templates/ and mkdocs.yml, best first.

    The working folder (a checkout, or a user's own site), then the copy inside the installed
    package, or the checkout that an editable install comes from.
    """
    bundled = PACKAGE / "_bundled"
    return [Path.cwd(), bundled if bundled.is_dir() else PACKAGE.parent]


def articles() -> list[Path]:
    """The Markdown files of the first root that has any in its content folder, sorted."""
    return next((found for root in roots() if (found := sorted((root / "content").glob("*.md")))), [])


def bibliography() -> Path:
    """The works that articles may cite."""
    return next(path for root in roots() if (path := root / "content" / "refs.bib").is_file())


def glossary() -> Path:
    """The terms that articles explain."""
    return next(path for root in roots() if (path := root / "content" / "glossary.toml").is_file())


def templates() -> dict[str, Path]:
    """Everything below templates/, by path below it: a file the working folder lacks comes from the package."""
    found: dict[str, Path] = {}
    for folder in (root / "templates" for root in reversed(roots())):
        paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        found |= {path.relative_to(folder).as_posix(): path for path in paths}
    return dict(sorted(found.items()))


def has_template(name: str) -> bool:
    """Whether the working folder or the package has it."""
    return any((root / "templates" / name).is_file() for root in roots())


def mkdocs_configuration() -> Path:
    """The mkdocs.yml to copy into a folder that has none."""
    return next(path for root in roots()[1:] if (path := root / "mkdocs.yml").is_file())
