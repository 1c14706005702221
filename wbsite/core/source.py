"""Digests of code, so that a result or a page is made again when what computes it was edited.

The digest of a module covers the module and all of its package and of wbsite that it imports, directly or not, inside
functions too. A module that asks the registry for a kind depends on every module that declares entries of that kind.
What is not run does not count: comments, docstrings and other bare strings, formatting, imports for type checkers.

Modules are read, never imported. What a file says is kept in the cache folder under the digest of its bytes, so that
the next process need not parse it again.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from . import registry
from .config import cache_folder
from .errors import WbsiteError
from .filing.documents import Damaged, opened, signed
from .filing.files import write_atomically

OWN, REGISTRY = "wbsite", "wbsite.core.registry"

NO_NUMBERS = ("wbsite", "wbsite.core", "wbsite.results")
"""Modules that decide no number: the version, what everything stands on, how results are written down."""

PLAIN = (str, int, float, bool, tuple, type(None))


@dataclass(frozen=True)
class Source:
    """What a file says.

    Attributes:
        code: SHA-256 of what it runs.
        imports: (module, name imported from it, or "" for the module itself).
        kinds: of the registry, that it asks for.
    """

    code: str
    imports: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]


def behind(function: Callable[..., Any]) -> str:
    """SHA-256 of the code behind a function: of the modules it is written in.

    What a decorator wraps, what a partial is given and what a function made by another one encloses count as well, as
    far as they are of the same package or of wbsite.

    Raises:
        WbsiteError: as `digest`.
    """
    constants: list[str] = []
    written: dict[int, str] = {}
    waiting: list[Any] = [function]
    while waiting:
        value = waiting.pop()
        if isinstance(value, partial):
            waiting += [value.func, *value.args, *(value.keywords[name] for name in sorted(value.keywords))]
        elif callable(value) and id(value) not in written:
            plain = getattr(value, "__func__", value)  # of a method
            module = getattr(plain, "__globals__", {}).get("__name__")
            written[id(value)] = str(module or getattr(plain, "__module__", None))
            waiting += [cell.cell_contents for cell in getattr(plain, "__closure__", None) or ()]
        elif isinstance(value, PLAIN):
            constants.append(repr(value))
    packages = {OWN, _top(_unwrapped(function).__module__)}
    code = digest(tuple(sorted(module for module in set(written.values()) if _top(module) in packages)))
    return hashlib.sha256(json.dumps([code, *constants]).encode()).hexdigest() if constants else code


def _unwrapped(function: Any) -> Any:
    while isinstance(function, partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, partial) else function.__wrapped__
    return function


@cache
def digest(modules: tuple[str, ...], without: tuple[str, ...] = NO_NUMBERS) -> str:
    """SHA-256 of the code behind modules; arguments and errors as of `codes`."""
    return hashlib.sha256(json.dumps(sorted(codes(modules, without).items())).encode()).hexdigest()


def codes(modules: tuple[str, ...], without: tuple[str, ...] = NO_NUMBERS) -> dict[str, str]:
    """Modules and all that they import, each with SHA-256 of what it runs.

    Args:
        modules: absolute names.
        without: modules that do not count, with all in them; "wbsite" stands for its `__init__` alone.

    Raises:
        WbsiteError: one of the modules has no file, or a file is no Python.
    """
    code: dict[str, str] = {}
    waiting, packages = list(modules), {OWN, *map(_top, modules)}
    while waiting:
        name = waiting.pop()
        if name in code or any(_within(name, package) for package in without):
            continue
        source = _kept().source(name)
        code[name] = source.code
        for module, part in source.imports:
            if _top(module) in packages and (run := _resolved(module, part)):
                waiting.append(run)
        for kind in source.kinds:
            waiting += declaring(kind)
            packages |= set(map(_top, declaring(kind)))
    _kept().write()
    return code


def _top(module: str) -> str:
    return module.partition(".")[0]


def _within(module: str, package: str) -> bool:
    return module == package or (package != OWN and module.startswith(f"{package}."))


def _resolved(module: str, name: str) -> str | None:
    """The module that `from module import name` runs: the one of that name, else the package's own file."""
    if name and file_of(f"{module}.{name}"):
        return f"{module}.{name}"
    return module if file_of(module) else None


@cache
def declaring(kind: str) -> tuple[str, ...]:
    """Modules in which the registry looks for entries of a kind, those of plug-ins included."""
    packages = registry.KINDS[kind].packages
    plug_ins = sorted({module for _, module in registry.plug_ins(kind) if file_of(module)})
    return (*(name for package in packages for name in modules_in(package)), *plug_ins)


def modules_in(package: str) -> list[str]:
    """Names of a package and of all modules in it, sorted; none where there is no such package."""
    init = file_of(package)
    if init is None or init.name != "__init__.py":
        return []
    paths = (path.relative_to(init.parent).with_suffix("").parts for path in init.parent.rglob("*.py"))
    return sorted(".".join((package, *(part for part in parts if part != "__init__"))) for parts in paths)


@cache
def file_of(module: str) -> Path | None:
    """The Python file of a module, found without importing it; None where there is none."""
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # `__main__`
        spec = None
    stems = [Path(folder, *parts) for folder in (spec.submodule_search_locations or () if spec else ())]
    paths = [path for stem in stems for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))]
    if spec and spec.origin and not parts:
        paths.append(Path(spec.origin))
    if loaded := getattr(sys.modules.get(module), "__file__", None):
        paths.append(Path(loaded))
    return next((path for path in paths if path.suffix == ".py" and path.is_file()), None)


class Kept:
    """What is known of files, by path, kept in the cache folder for the next process."""

    def __init__(self) -> None:
        rules = Path(__file__).read_bytes() + repr(sys.version_info[:2]).encode()
        self.path = cache_folder() / f"code-{hashlib.sha256(rules).hexdigest()[:8]}.json"
        self.files: dict[str, Any] = {}
        self.changed = False
        with suppress(OSError, Damaged, KeyError):  # it only saves time
            self.files = opened(self.path.read_bytes())["files"]

    def source(self, module: str) -> Source:
        """What the file of a module says, parsed where it is not as it was."""
        path = file_of(module)
        if path is None:
            raise WbsiteError(f"the code of {module} is in no file.", "Install its package as files.")
        data = path.read_bytes()
        content = hashlib.sha256(data).hexdigest()
        known = self.files.get(str(path), {})
        if known.get("content") != content:
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            known = {"content": content, **asdict(parsed(data, package, path))}
            self.files[str(path)], self.changed = known, True
        return Source(known["code"], tuple(map(tuple, known["imports"])), tuple(known["kinds"]))

    def write(self) -> None:
        """Keeps what was added, without files that are gone."""
        if self.changed:
            files = {path: known for path, known in self.files.items() if Path(path).exists()}
            with suppress(OSError):  # a cache folder that cannot be written costs the next process half a second
                write_atomically(self.path, signed({"files": files}))
            self.changed = False


_kept = cache(Kept)


def parsed(text: bytes, package: str, path: Path) -> Source:
    """What a module's text says.

    Args:
        package: what its relative imports start from.
        path: for the message.

    Raises:
        WbsiteError: it is no Python.
    """
    collecting = gc.isenabled()
    gc.disable()  # a tree holds no cycles, and looking for some takes longer than parsing
    try:
        outline = Outline(package)
        outline.add(ast.parse(text))
    except (SyntaxError, ValueError) as error:
        raise WbsiteError(f"{path} is no Python ({error}).", "Repair or remove the file.") from error
    finally:
        if collecting:
            gc.enable()
    asks = ("wbsite.core", "registry") in outline.imports or REGISTRY in {module for module, _ in outline.imports}
    kinds = sorted(outline.texts & set(registry.KINDS)) if asks else []
    code = hashlib.sha256("\0".join(outline.tokens).encode(errors="surrogatepass")).hexdigest()
    return Source(code, tuple(sorted(outline.imports)), tuple(kinds))


class Outline:
    """What a syntax tree runs, as a list of texts; what it imports; and the texts in it.

    Args:
        package: what relative imports start from.
    """

    def __init__(self, package: str) -> None:
        self.package = package.split(".")
        self.tokens: list[str] = []
        self.imports: set[tuple[str, str]] = set()
        self.texts: set[str] = set()

    def add(self, node: Any) -> None:
        """Adds a node with all in it, but not what is never run."""
        if isinstance(node, list):
            self.tokens.append("[")
            for item in node:
                self.add(item)
            self.tokens.append("]")
        elif not isinstance(node, ast.AST):
            self.tokens.append(repr(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            pass  # a docstring, or a text that describes a constant
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.add(node.orelse)
        else:
            self._note(node)
            self.tokens.append(type(node).__name__)
            for name in node._fields:
                value = getattr(node, name, None)
                if value is not None and value != [] and name not in ("ctx", "type_comment"):
                    self.tokens.append(name)
                    self.add(value)
            self.tokens.append(")")

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imports |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = self.package[: len(self.package) - node.level + 1] if node.level else []
            module = ".".join((*start, *([node.module] if node.module else [])))
            self.imports |= {(module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.texts.add(node.value)
