"""TorchScript's code, parsed as the Python that it looks like and interpreted; Python never runs it.

It consists of assignments, `if`, `for`, `while`, `return` and calls. Callable are the operators of `aten_run`, the
functions of `script_values`, the archive's own functions, and methods of its modules; what else a file names is
refused when it is reached. Statements are counted, so that no loop runs for ever.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats.base import DAMAGED

from .aten_operators import Unsupported, dtype_of
from .aten_run import REFUSED_HINT, Run, operator
from .script_values import NAMED, checked, on_values

if TYPE_CHECKING:
    from .script_network import ScriptPart

_MOST_STATEMENTS = 2_000_000
"""Statements of one forward pass."""

_DEEPEST = 100
"""Calls within calls."""

_FORWARD = re.compile(r"forward\d*")
"""Methods that are a module's forward pass; a trace has several, where a module was called several times."""


@dataclass(frozen=True)
class Named:
    """Something that the code names by a path: a function of torch, or a function or class of the archive."""

    path: str


class Record(tuple[Any, ...]):
    """A named tuple.

    Attributes:
        names: of its items.
    """

    names: tuple[str, ...] = ()


class Code:
    """The classes and functions of an archive.

    Args:
        texts: file, with dots, → its text.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._parsed: dict[str, dict[str, ast.stmt]] = {}

    def find(self, path: str) -> ast.ClassDef | ast.FunctionDef:
        """The definition of "__torch__.torch.nn.functional.relu" or the like.

        Raises:
            WbsiteError: there is none, or its file is damaged.
        """
        file, _, name = path.rpartition(".")
        if file not in self._parsed:
            if file not in self._texts:
                raise WbsiteError(f"the archive's code has no {path}.", DAMAGED)
            try:
                body = ast.parse(self._texts[file]).body
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise WbsiteError(f"the archive's code {file} cannot be read ({error}).", DAMAGED) from error
            self._parsed[file] = {part.name: part for part in body if isinstance(part, (ast.ClassDef, ast.FunctionDef))}
        definition = self._parsed[file].get(name)
        if not isinstance(definition, (ast.ClassDef, ast.FunctionDef)):
            raise WbsiteError(f"the archive's code has no {path}.", DAMAGED)
        return definition

    def method(self, kind: str, name: str) -> ast.FunctionDef:
        """A method of a class; raises as `find`."""
        definition = self.find(kind)
        for part in definition.body:
            if isinstance(part, ast.FunctionDef) and part.name == name:
                return part
        raise WbsiteError(f"the archive's class {kind} has no method {name}.", DAMAGED)

    def is_module(self, kind: str) -> bool:
        """Whether a class is one of modules."""
        definition = self.find(kind)
        return isinstance(definition, ast.ClassDef) and _bases(definition) == ["Module"]

    def listed(self, kind: str, attribute: str) -> set[str]:
        """Names in a list that a class begins with, as `__parameters__`."""
        for part in self.find(kind).body:
            match part:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=items)) if name == attribute:
                    return {str(item.value) for item in items if isinstance(item, ast.Constant)}
        return set()

    def statistics(self, kind: str) -> set[int]:
        """Numbers of the constants that a class's forward pass uses as running statistics of batch norm."""
        numbers = set()
        for node in ast.walk(self.method(kind, "forward")):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.batch_norm":
                names = map(ast.unparse, node.args[3:5])
                numbers |= {int(name[11:]) for name in names if re.fullmatch(r"CONSTANTS\.c\d+", name)}
        return numbers


def _bases(definition: ast.ClassDef) -> list[str]:
    return [base.id for base in definition.bases if isinstance(base, ast.Name)]


class _Returned(Exception):
    """A function returns."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass
class Interpreter:
    """One forward pass.

    Attributes:
        code: of the archive.
        constant: number → what the code refers to as CONSTANTS.cNUMBER.
        run: computes operators.
    """

    code: Code
    constant: Callable[[int], Any]
    run: Run
    _statements: int = 0
    _depth: int = 0
    _functions: dict[str, ast.FunctionDef] = field(default_factory=dict)

    def method(self, part: ScriptPart, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What a module's method returns."""
        key = f"{part.script_class} {name}"
        if key not in self._functions:
            self._functions[key] = self.code.method(part.script_class, name)
        return self._function(self._functions[key], key, [part, *args], kwargs)

    def _function(self, function: ast.FunctionDef, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        names = [argument.arg for argument in function.args.args]
        defaults = function.args.defaults
        variables = {
            key: self._value(default, {})
            for key, default in zip(names[len(names) - len(defaults) :], defaults, strict=True)
        }
        variables |= dict(zip(names, args, strict=False)) | dict(kwargs)
        if len(args) > len(names) or variables.keys() != set(names):
            raise WbsiteError(f"{name} in the archive's code is called with {len(args)} arguments.", DAMAGED)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise WbsiteError(f"the archive's code calls itself without end, in {name}.", REFUSED_HINT)
        try:
            self._block(function.body, variables)
        except _Returned as returned:
            return returned.value
        except (Unsupported, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise WbsiteError(f"{name} in the archive's code fails: {error}", REFUSED_HINT) from error
        finally:
            self._depth -= 1
        return None

    def _block(self, body: Sequence[ast.stmt], variables: dict[str, Any]) -> None:
        for statement in body:
            self._count()
            self._statement(statement, variables)

    def _count(self) -> None:
        self._statements += 1
        if self._statements > _MOST_STATEMENTS:
            raise WbsiteError("the archive's code does not come to an end.", REFUSED_HINT)

    def _statement(self, statement: ast.stmt, variables: dict[str, Any]) -> None:
        match statement:
            case ast.Assign(targets=[target], value=value):
                _assign(target, self._value(value, variables), variables)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                _assign(target, self._value(value, variables), variables)
            case ast.Return(value=value):
                raise _Returned(None if value is None else self._value(value, variables))
            case ast.If(test=test, body=body, orelse=other):
                self._block(body if self._truth(test, variables) else other, variables)
            case ast.While(test=test, body=body):
                while self._truth(test, variables):
                    self._count()
                    self._block(body, variables)
            case ast.For(target=target, iter=items, body=body):
                for item in self._value(items, variables):
                    self._count()
                    _assign(target, item, variables)
                    self._block(body, variables)
            case ast.Expr(value=value):
                self._value(value, variables)
            case ast.Pass():
                pass
            case _:
                raise _refused(statement)

    def _truth(self, test: ast.expr, variables: dict[str, Any]) -> bool:
        return bool(self._value(test, variables))

    def _value(self, node: ast.expr, variables: dict[str, Any]) -> Any:
        match node:
            case ast.Name(id=name):
                if name in variables:
                    return variables[name]
                return {"inf": float("inf"), "nan": float("nan")}.get(name, Named(name))
            case ast.Constant(value=value):
                return checked(value)
            case ast.Call():
                return self._call(node, variables)
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(self._value(owner, variables), name)
            case ast.List(elts=items):
                return [self._value(item, variables) for item in items]
            case ast.Tuple(elts=items):
                return tuple(self._value(item, variables) for item in items)
            case ast.Dict(keys=keys, values=values) if None not in keys:
                pairs = zip(keys, values, strict=True)
                return {self._value(key, variables): self._value(value, variables) for key, value in pairs if key}
            case ast.Subscript(value=owner, slice=place):
                return self._value(owner, variables)[self._value(place, variables)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, variables)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._value(operand, variables)
            case ast.IfExp(test=test, body=first, orelse=second):
                return self._value(first if self._truth(test, variables) else second, variables)
            case ast.BoolOp(op=ast.Or(), values=values):
                return any(self._truth(value, variables) for value in values)
            case ast.BoolOp(values=values):
                return all(self._truth(value, variables) for value in values)
            case _:
                raise _refused(node)

    def _attribute(self, owner: Any, name: str) -> Any:
        from .script_network import ScriptPart

        if isinstance(owner, Named):
            if owner.path == "CONSTANTS" and name[:1] == "c" and name[1:].isdecimal():
                return self.constant(int(name[1:]))
            return Named(f"{owner.path}.{name}")
        if isinstance(owner, ScriptPart):
            return owner.script_attribute(name)
        if isinstance(owner, Record) and name in owner.names:
            return owner[owner.names.index(name)]
        raise WbsiteError(f"the archive's code reads {name} of a {type(owner).__name__}.", REFUSED_HINT)

    def _call(self, node: ast.Call, variables: dict[str, Any]) -> Any:
        from .script_network import ScriptPart

        function = node.func
        if isinstance(function, ast.Name) and function.id in ("annotate", "unchecked_cast", "uninitialized"):
            return self._value(node.args[1], variables) if len(node.args) > 1 else None  # the first is a type
        args = [self._value(argument, variables) for argument in node.args]
        kwargs = {str(entry.arg): self._value(entry.value, variables) for entry in node.keywords if entry.arg}
        if isinstance(function, ast.Attribute):
            owner = self._value(function.value, variables)
            if isinstance(owner, ScriptPart):
                return self._method(owner, function.attr, args, kwargs)
            callee = self._attribute(owner, function.attr)
        else:
            callee = self._value(function, variables)
        if not isinstance(callee, Named):
            raise _refused(node)
        return self._named(callee.path, args, kwargs)

    def _method(self, part: ScriptPart, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """A forward pass by torch's call, so that it is seen who makes which call."""
        if _FORWARD.fullmatch(name) and not part.script_outermost:
            return part(*args, interpreter=self, method=name, **kwargs)
        return self.method(part, name, args, kwargs)

    def _named(self, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        space, _, name = path.rpartition(".")
        if path == "getattr" and len(args) == 2:
            return self._attribute(args[0], str(args[1]))
        if not space and name in NAMED:
            if name == "float" and isinstance(args[0], str) and len(args[0]) > 30:
                raise Unsupported("of a long text")
            if name == "str":
                return str(args[0])[:1000]
            return checked(NAMED[name](*args)) if name != "range" else range(*args)
        if path == "ops.prim.RaiseException":
            raise WbsiteError(f"the network's own code refuses its input: {args[0] if args else path}", REFUSED_HINT)
        if path == "torch.device":
            return self.run.device
        if path == "torch.tensor":
            return self._tensor(*args, **kwargs)
        if path.startswith("__torch__."):
            return self._own(path, args, kwargs)
        if space in ("torch", "ops.prim"):
            done, result = on_values(name, args, kwargs)
            if done:
                return result
        if space in ("torch", "ops.aten") and (operator(name) is not None):
            result = self.run.call(name, args, kwargs)
            return list(result) if isinstance(result, tuple) and name in _LISTED else result
        raise WbsiteError(f"the operator {path} is not interpreted.", REFUSED_HINT)

    def _tensor(self, value: Any, dtype: Any = None, device: Any = None, **_: Any) -> torch.Tensor:
        return torch.tensor(value, dtype=None if dtype is None else dtype_of(dtype), device=self.run.device)

    def _own(self, path: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """A function of the archive, or a named tuple. One of torch's is called itself, since in the archive's code it
        is written out, and nothing could be expanded through it."""
        definition = self.code.find(path)
        if path.startswith("__torch__.torch.nn.functional") and path.endswith(".local_response_norm"):
            return self.run.call("local_response_norm", args, kwargs)
        if isinstance(definition, ast.FunctionDef):
            return self._function(definition, path, args, kwargs)
        if _bases(definition) != ["NamedTuple"]:
            raise WbsiteError(f"the class {path} of the archive's code is not interpreted.", REFUSED_HINT)
        record = Record(args)
        record.names = tuple(
            part.target.id
            for part in definition.body
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
        )
        return record


_LISTED = frozenset({"split", "split_with_sizes", "chunk", "unbind", "unsafe_split", "unsafe_chunk", "meshgrid"})
"""Operators whose results are a list there."""


def _assign(target: ast.expr, value: Any, variables: dict[str, Any]) -> None:
    match target:
        case ast.Name(id=name):
            variables[name] = value
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part, item in zip(parts, value, strict=True):
                _assign(part, item, variables)
        case _:
            raise _refused(target)


def _refused(node: ast.AST) -> WbsiteError:
    text = ast.unparse(node).partition("\n")[0][:80]
    return WbsiteError(f"the archive's code {text!r} is not interpreted.", REFUSED_HINT)
