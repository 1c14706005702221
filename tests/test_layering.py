"""Imports point down only: rendering runs where torch is not installed, and help comes at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import wbsite

PACKAGE = Path(wbsite.__file__).parent
EVERYWHERE = {"", "config", "errors", "naming", "registry", "store", "device", "progress"}
MAY_USE = {
    "ops": set(),
    "datasets": {"ops"},
    "models": {"ops"},
    "featurevis": {"ops"},
    "analyses": {"train", "models", "datasets", "featurevis", "ops"},
    "train": {"models", "datasets", "featurevis", "ops"},
    "run": {"analyses", "train", "models", "datasets", "featurevis", "ops"},
    "render": set(),
    "build": {"run", "render"},
    "cli": {"run", "render", "build", "train", "cli_weights"},
    "cli_weights": {"models"},
}
LIGHT = ("cli", "cli_weights", "config", "errors", "naming", "registry", "store", "progress", "device")
HEAVY = {"torch", "torchvision", "pandas", "altair", "sklearn", "scipy", "numpy"}


def modules() -> Iterator[Path]:
    yield from (path for path in sorted(PACKAGE.rglob("*.py")) if "_bundled" not in path.parts)


def part(path: Path) -> str:
    """The first name below wbsite: a subpackage or a module."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def is_typing_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported(path: Path, everywhere: bool) -> Iterator[str]:
    """Absolute names of what a module imports; without `everywhere`, only when it is itself imported."""
    package = ("wbsite", *path.relative_to(PACKAGE).parent.parts)
    waiting: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            found = ".".join((*base, *([node.module] if node.module else [])))
            yield found
            if found.startswith("wbsite"):
                yield from (f"{found}.{name.name}" for name in node.names)
        elif everywhere or not (is_typing_only(node) or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
            waiting += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", [pytest.param(p, id=p.relative_to(PACKAGE).as_posix()) for p in modules()])
def test_a_module_uses_only_what_lies_below_it(path: Path) -> None:
    own = part(path)
    if own in EVERYWHERE:
        allowed = EVERYWHERE
    else:
        assert own in MAY_USE, f"say in this test what {own} may use"
        allowed = EVERYWHERE | MAY_USE[own] | {own}
    for name in imported(path, everywhere=True):
        if name == "wbsite" or not name.startswith("wbsite."):
            continue
        target = name.split(".")[1]
        if (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").is_file():
            assert target in allowed, f"imports {name}"


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in modules() if part(p) == "render"])
def test_nothing_that_renders_imports_torch(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path, everywhere=True)} & {"torch", "torchvision"}


@pytest.mark.parametrize("name", LIGHT)
def test_what_every_command_loads_is_light(name: str) -> None:
    assert not {found.split(".")[0] for found in imported(PACKAGE / f"{name}.py", everywhere=False)} & HEAVY


@pytest.mark.parametrize("path", [pytest.param(p, id=p.name) for p in sorted((PACKAGE / "analyses").glob("*.py"))])
def test_no_analysis_imports_another(path: Path) -> None:
    """They share through `ops`, or declare what they need."""
    others = {p.stem for p in (PACKAGE / "analyses").glob("*.py")} - {"base", "__init__", path.stem}
    assert not set(imported(path, everywhere=True)) & {f"wbsite.analyses.{name}" for name in others}
