"""Imports point down only, render needs no torch, subjects keep to themselves, and a folder stays small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import wbsite
from wbsite.core.registry import SUBJECTS

PACKAGE = Path(wbsite.__file__).parent
MAY_USE = {
    "": set(),
    "core": set(),
    "stats": set(),
    "results": set(),
    "claims": {"results", "stats"},
    "graph": {"stats"},
    "ops": {"graph", "stats"},
    "datasets": {"ops", "graph", "stats"},
    "models": {"ops", "graph", "stats"},
    "featurevis": {"models", "ops", "graph", "stats"},
    "train": {"models", "datasets", "featurevis", "ops", "graph", "stats"},
    "census": {"results", "models", "featurevis", "ops", "graph", "stats"},
    "analyses": {"results", "census", "train", "models", "datasets", "featurevis", "ops", "graph", "stats"},
    "run": {"results", "analyses", "census", "train", "models", "datasets", "featurevis", "ops", "graph", "stats"},
    "render": {"results", "claims", "stats"},
    "cli": {"run", "render", "train", "models", "census"},
}
"""Folder → folders it may import from; all may use `core`."""

LIGHT = ("core", "cli")
"""Folders of which every command loads some: they import nothing heavy until it is needed."""

HEAVY = {"torch", "torchvision", "pandas", "altair", "sklearn", "scipy", "numpy"}
MOST_FILES = 20


def modules(folder: Path = PACKAGE) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if "_bundled" not in path.parts]


def folder_of(path: Path) -> str:
    """The first folder below wbsite, "" for the package itself."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


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
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield module
            if module.startswith("wbsite"):
                yield from (f"{module}.{name.name}" for name in node.names)
        elif everywhere or not (is_typing_only(node) or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
            waiting += ast.iter_child_nodes(node)


def test_a_module_uses_only_what_lies_below_it() -> None:
    wrong = []
    for path in modules():
        folder = folder_of(path)
        assert folder in MAY_USE, f"say in this test what {folder} may use"
        for name in imported(path, everywhere=True):
            target = name.split(".")[1] if name.startswith("wbsite.") else ""
            if (PACKAGE / target).is_dir() and target not in {"", "core", folder} | MAY_USE[folder]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_nothing_that_renders_imports_torch() -> None:
    rendering = [
        path for folder in ("render", "claims", "results", "stats", "core") for path in modules(PACKAGE / folder)
    ]
    allowed = {PACKAGE / "core" / name for name in ("device.py", "isolation.py", "threads.py")}
    wrong = [
        path.relative_to(PACKAGE)
        for path in rendering
        if path not in allowed and {name.split(".")[0] for name in imported(path, True)} & {"torch", "torchvision"}
    ]
    assert not wrong


def test_what_every_command_loads_is_light() -> None:
    wrong = [
        path.relative_to(PACKAGE)
        for folder in LIGHT
        for path in modules(PACKAGE / folder)
        if path.name not in {"isolation.py", "threads.py"}  # for what computes
        and {name.split(".")[0] for name in imported(path, everywhere=False)} & HEAVY
    ]
    assert not wrong


def test_no_analysis_imports_another_or_another_subject() -> None:
    """They share through `ops`, or declare what they need. Helpers of their own subject begin with an underscore."""
    wrong = []
    for subject in SUBJECTS:
        for path in modules(PACKAGE / "analyses" / subject):
            for name in imported(path, everywhere=True):
                parts = name.split(".")
                if parts[:2] != ["wbsite", "analyses"] or len(parts) < 4 or parts[2] not in SUBJECTS:
                    continue
                if parts[2] != subject or not parts[3].startswith("_"):
                    wrong.append(f"{path.relative_to(PACKAGE)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_a_folder_holds_twenty_files_at_most() -> None:
    folders = {path.parent for path in modules()}
    counts = {folder.relative_to(PACKAGE).as_posix(): len(list(folder.glob("*.py"))) for folder in folders}
    assert not {name: count for name, count in counts.items() if count > MOST_FILES}
