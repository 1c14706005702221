"""Reads pickles without running anything: what they ask to be called or made is replaced by stand-ins that do nothing.

A pickle names functions and classes to import, and what to call them with. Here only what rebuilds tensors, arrays and
plain containers is what its name says. Objects of any other class become a `StandIn` that keeps their state, so that
a checkpoint's options, schedulers and whole modules do not hinder reading the weights beside or in them. Where a
pickle calls anything else, it is refused.
"""

from __future__ import annotations

import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any, ClassVar, cast

from wbsite.models import memory


class CallsCode(pickle.UnpicklingError):
    """A pickle calls what it must not; `called` names it."""

    def __init__(self, called: str) -> None:
        super().__init__(f"it calls {called}")
        self.called = called


_HARMLESS = frozenset((
    *(f"pathlib.{name}" for name in ("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath")),
    *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
    "pathlib._local.PosixPath", "decimal.Decimal", "fractions.Fraction", "uuid.UUID", "functools.partial",
    "argparse.Namespace", "types.SimpleNamespace", "zoneinfo.ZoneInfo", "enum.Enum", "torch.torch_version.TorchVersion",
))  # fmt: skip
"""Classes of Python's own and of torch's that are called where a pickle holds one: a stand-in does as well."""


class _Kind(type):
    """Classes of stand-ins. Pickles make objects by `__new__`; to call a class is to run its code."""

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        named = f"{cls.__module__}.{cls.__name__}"
        own = cls.__module__.partition(".")[0] in sys.stdlib_module_names | {"torch", "numpy"}
        if named not in _HARMLESS and (own or not cls.__name__[:1].isupper()):
            raise CallsCode(named)
        return _made_of(cls)


def _made_of(kind: Any) -> Any:
    return kind.__new__(kind)


class StandIn(metaclass=_Kind):
    """In place of an object.

    Attributes:
        state: what the pickle says of it, mostly its attributes by name.
        items: what it holds where it is a container.
    """

    state: Any
    items: dict[Any, Any]

    def __new__(cls, *arguments: Any, **options: Any) -> StandIn:
        made = object.__new__(cls)
        made.state, made.items = None, {}
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        self.items[len(self.items)] = value

    def extend(self, values: Iterable[Any]) -> None:
        for value in values:
            self.append(value)

    @property
    def attributes(self) -> dict[str, Any]:
        """By name; a state may come as a pair of what lies in `__dict__` and in slots."""
        parts = self.state if isinstance(self.state, tuple) else (self.state,)
        return {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}


@cache
def _class_of(module: str, name: str) -> type[StandIn]:
    kind: Any = _Kind(name, (StandIn,), {"__module__": module})
    return cast("type[StandIn]", kind)


def _reconstructed(kind: Any, *_: Any) -> StandIn:
    if not isinstance(kind, _Kind):
        raise CallsCode("copyreg._reconstructor")
    return cast(StandIn, _made_of(kind))


def _encoded(text: str, encoding: str = "utf-8") -> bytes:
    return text.encode("latin1" if encoding == "latin1" else "utf-8")


def _of_type(rebuild: Callable[..., Any], _type: Any, arguments: tuple[Any, ...], _state: Any) -> Any:
    """A tensor of a subclass, as a plain one."""
    return rebuild(*arguments)


def _itself(value: Any, *_: Any) -> Any:
    """What TorchScript marks with a type."""
    return value


def _container(kind: Callable[..., Any], values: Any = (), *_: Any) -> Any:
    """Of what the pickle holds already: a range would be made as long as it says."""
    if not isinstance(values, (list, tuple, set, frozenset, dict)):
        raise CallsCode(f"a container of a {type(values).__name__}")
    return kind(values)


def _bytes(data: Any = b"", encoding: str = "latin1") -> bytes:
    """Likewise: of a number, bytes would be as many."""
    if not isinstance(data, (bytes, str)):
        raise CallsCode(f"bytes of a {type(data).__name__}")
    return data if isinstance(data, bytes) else _encoded(data, encoding)


def _empty_array(*_: Any) -> Any:
    """An array whose shape and numbers follow."""
    import numpy as np

    return np.empty(0, np.int8)


def _plain(*values: Any) -> dict[Any, Any]:
    """In place of a dictionary with a default."""
    return dict(values[-1]) if values and isinstance(values[-1], dict) else {}


@cache
def _known() -> dict[str, Any]:
    """Full name → what stands for it."""
    import numpy as np
    import torch
    from numpy._core import multiarray, numeric
    from torch import _utils

    containers = (set, frozenset, list, dict, tuple)
    builtins: dict[str, Any] = {kind.__name__: partial(_container, kind) for kind in containers} | {
        "complex": complex,
        "slice": slice,
    }
    builtins |= {"bytearray": _bytes, "bytes": _bytes, "object": object}
    known: dict[str, Any] = {
        f"{m}.{name}": made for m in ("builtins", "__builtin__") for name, made in builtins.items()
    }
    known |= {"collections.OrderedDict": OrderedDict, "collections.defaultdict": _plain, "collections.Counter": _plain}
    known |= {"collections.deque": partial(_container, list), "_codecs.encode": _encoded}
    known |= {"copyreg._reconstructor": _reconstructed, "copy_reg._reconstructor": _reconstructed}
    known["numpy.dtype"] = np.dtype
    for package in ("numpy.core", "numpy._core"):
        known[f"{package}.multiarray._reconstruct"] = _empty_array
        known[f"{package}.multiarray.scalar"] = multiarray.scalar
        known[f"{package}.numeric._frombuffer"] = numeric._frombuffer  # type: ignore[attr-defined]
    parts = ["tensor", "tensor_v2", "tensor_v3", "parameter", "parameter_with_state", "qtensor", "sparse_tensor"]
    parts += ["meta_tensor_no_storage", "device_tensor_from_cpu_tensor", "device_tensor_from_numpy"]
    rebuilding = [f"_rebuild_{part}" for part in parts]
    known |= {f"torch._utils.{name}": getattr(_utils, name) for name in rebuilding if hasattr(_utils, name)}
    known |= {"torch._tensor._rebuild_from_type_v2": _of_type, "torch.Size": torch.Size, "torch.device": torch.device}
    lists = ("intlist", "doublelist", "boollist", "tensorlist")
    known |= dict.fromkeys((f"torch.jit._pickle.build_{name}" for name in lists), _itself)
    known["torch.jit._pickle.restore_type_tag"] = _itself
    known["torch.storage.UntypedStorage"] = torch.UntypedStorage  # which torch compares with
    known["torch.serialization._get_layout"] = torch.serialization._get_layout
    constants = (torch.dtype, torch.layout, torch.qscheme)
    known |= {f"torch.{name}": value for name, value in vars(torch).items() if isinstance(value, constants)}
    return known


def _bytearray(unpickler: Any) -> None:
    """Python's own makes room for as many bytes as the pickle says before there are any."""
    (size,) = struct.unpack("<Q", unpickler.read(8))
    unpickler.append(bytearray(unpickler.read(size)))


def _storage(unpickler: Any) -> None:
    """A reference to numbers that lie elsewhere: torch makes room for as many as it says before it looks for them."""
    reference = unpickler.stack.pop()
    if isinstance(reference, tuple) and len(reference) > 4 and reference[0] == "storage":
        _, kind, key, _, count = reference[:5]
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise pickle.UnpicklingError("a storage in it has no length")
        if str(key) not in unpickler.asked:
            unpickler.asked.add(str(key))
            memory.take(count * getattr(getattr(kind, "dtype", None), "itemsize", 1), "a storage")
    unpickler.append(unpickler.persistent_load(reference))


class Unpickler(pickle._Unpickler):
    """As `pickle.Unpickler`, by this module's rules.

    It is the one written in Python: that in C makes room for as many objects as a number in the pickle says.

    Raises:
        CallsCode: the pickle calls what it must not.
    """

    dispatch: ClassVar = {
        **pickle._Unpickler.dispatch,
        pickle.BYTEARRAY8[0]: _bytearray,
        pickle.BINPERSID[0]: _storage,
    }

    def __init__(self, file: Any, **options: Any) -> None:
        super().__init__(file, **options)
        self.asked: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        known = _known()
        full = f"{module}.{name}"
        return known[full] if full in known else _class_of(module, name)


def load(file: Any, **options: Any) -> Any:
    """As `pickle.load`; with it this module serves as a `pickle_module`."""
    return Unpickler(file, **options).load()
