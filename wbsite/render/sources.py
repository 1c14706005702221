"""Where articles, templates and the mkdocs configuration are read from, and where pages are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

PAGES = Path("build") / "docs"
"""Where pages are written, for mkdocs to read."""


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


def all_articles() -> list[Path]:
    """The Markdown files of all content folders, sorted by name; of one name, that of the first root."""
    found = {path.name: path for root in reversed(roots()) for path in (root / "content").glob("*.md")}
    return [found[name] for name in sorted(found)]


def bibliographies() -> list[Path]:
    """The works that articles may cite: the package's, then the working folder's own, of which one replaces another of
    its key."""
    return _added("refs.bib")


def glossaries() -> list[Path]:
    """The terms that articles explain: the package's, then the working folder's own."""
    return _added("glossary.toml")


def _added(name: str) -> list[Path]:
    paths = (root / "content" / name for root in reversed(roots()))
    return list(dict.fromkeys(path for path in paths if path.is_file()))


def texts(paths: Iterable[Path]) -> list[str]:
    """What files say, each text once."""
    return list(dict.fromkeys(path.read_text(encoding="utf-8") for path in paths))


def templates() -> dict[str, Path]:
    """Everything below templates/, by path below it: a file the working folder lacks comes from the package."""
    found: dict[str, Path] = {}
    for folder in (root / "templates" for root in reversed(roots())):
        paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        found |= {path.relative_to(folder).as_posix(): path for path in paths}
    return dict(sorted(found.items()))


def styles() -> bytes:
    """All style sheets as one: wbsite.css, then the others by name."""
    found = {name: path for name, path in templates().items() if name.startswith("assets/css/")}
    return b"\n".join(
        found[name].read_bytes() for name in sorted(found, key=lambda n: (n != "assets/css/wbsite.css", n))
    )


def scripts() -> bytes:
    """All scripts as one, by name, but one that sets `window.wbNAME` before those that read it."""
    found = [path.read_text(encoding="utf-8") for name, path in templates().items() if name.startswith("assets/js/")]
    setters = {name: i for i, text in enumerate(found) for name in re.findall(r"\bwindow\.(wb\w+) = ", text)}
    uses = {
        i: {setters[name] for name in re.findall(r"\bwindow\.(wb\w+)", text) if setters.get(name, i) != i}
        for i, text in enumerate(found)
    }
    return "\n".join(found[i] for i in TopologicalSorter(uses).static_order()).encode()


def has_template(name: str) -> bool:
    """Whether the working folder or the package has it."""
    return any((root / "templates" / name).is_file() for root in roots())


def mkdocs_configuration() -> Path:
    """The mkdocs.yml to copy into a folder that has none."""
    return next(path for root in roots()[1:] if (path := root / "mkdocs.yml").is_file())
