"""Schemas of results: values, arrays and tables that an analysis computes, by name, type, axes and unit.

A schema is a subclass of `Result` in a file of its subject's folder:

    class BandingIndex(Record):
        index: float | None
        low: float | None
        high: float | None

    class Banding(Result, analysis="banding", summary="R, C and H = R − C of a layer"):
        "Banding of one layer."
        index: float | None = value("H = R − C", "−1 to 1")
        nmf: BandingIndex | None = value("the same on the NMF pictures", default=None)
        per_unit: NDArray[np.float32] = array("unit", about="H of each unit")
        rows: Table = table(source=text("weights or nmf"), units=integer("units of the layer"), index=number("H"))

    RESULTS = (Banding,)

The analysis returns `Banding(index=…, …)`, which checks every field; the store keeps its `contents`; readers open it
with `Banding.read(entry)` and have every field as an attribute, loaded when asked for. A named axis has one length
throughout a result, except among the members of `arrays`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, dataclass_transform, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, Entry

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd

    Table: TypeAlias = pd.DataFrame
else:
    Table = Any  # pandas takes half a second to import, and a build that makes nothing needs no tables


class SchemaError(ValueError):
    """A result that does not fit its schema: a defect of the analysis, named with the field."""


class Record(BaseModel):
    """A group of JSON values within a result, with named and typed fields and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Missing:
    """No default: the field must be given."""


MISSING: Any = _Missing()


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        kind: letters of the numpy kinds it may have: "if" for numbers, "iu", "b", "OU" for text.
        about: what it holds.
        unit: of its numbers, and their range.
        missing: whether cells may be empty.
    """

    kind: str
    about: str
    unit: str = ""
    missing: bool = False


def text(about: str, *, missing: bool = False) -> Column:
    """A column of text."""
    return Column("OUT", about, missing=missing)


def integer(about: str, unit: str = "", *, missing: bool = False) -> Column:
    """A column of whole numbers; one with empty cells holds floats, as pandas has it."""
    return Column("iuf" if missing else "iu", about, unit, missing)


def number(about: str, unit: str = "", *, missing: bool = False) -> Column:
    """A column of numbers."""
    return Column("fiu", about, unit, missing)


def boolean(about: str, *, missing: bool = False) -> Column:
    """A column of true and false; one with empty cells holds objects."""
    return Column("bO" if missing else "b", about, missing=missing)


@dataclass(frozen=True)
class Field:
    """What a schema says of one of its fields.

    Attributes:
        kind: "value", "array", "arrays", "table" or "pictures".
        about: what it holds.
        unit: of its numbers, and their range.
        default: for a result that does not have it; `MISSING` where every result has.
        axes: names of an array's axes.
        columns: of a table; empty where these depend on the network (said in `about`).
    """

    kind: str
    about: str
    unit: str = ""
    default: Any = MISSING
    axes: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)


def value(about: str, unit: str = "", *, default: Any = MISSING) -> Any:
    """A JSON value: a number, a string, a `Record`, or lists and dictionaries of these."""
    return Field("value", about, unit, default)


def array(*axes: str, about: str, unit: str = "", default: Any = MISSING) -> Any:
    """A numeric array with these axes; its number type is that of the annotation, `NDArray[np.float32]`."""
    return Field("array", about, unit, default, axes)


def arrays(*axes: str, about: str, unit: str = "", default: Any = MISSING) -> Any:
    """Arrays by name, `Mapping[str, NDArray[np.float32]]`, each with these axes, whose lengths may differ."""
    return Field("arrays", about, unit, default, axes)


def table(about: str = "", /, *, default: Any = MISSING, **columns: Column) -> Any:
    """A table with exactly these columns, in this order; with none declared, `about` says what decides them."""
    return Field("table", about, default=default, columns=columns)


def pictures(about: str, *, default: Any = MISSING) -> Any:
    """Picture files by name, `Mapping[str, bytes]`, each read when it is asked for."""
    return Field("pictures", about, default=default)


@dataclass_transform(
    eq_default=False,
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(value, array, arrays, table, pictures),
)
class _Schema:
    """Marks the subclasses of `Result` for type checkers: their constructors take their fields by name."""


class Result(_Schema):
    """A result of one analysis, made by it or read from the store.

    Attributes:
        analysis: its name, as in `wbsite export NAME`.
        analysis_summary: one line for `wbsite list analyses`.
        fields: what the schema declares, by name.
        adapters: what checks its values, made when first needed.

    Raises:
        SchemaError: a field is missing, unknown, or not of its type.
        DamagedEntry: (when a field is asked for) a file of the store differs from what was written.
    """

    analysis: ClassVar[str]
    analysis_summary: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]
    adapters: ClassVar[dict[str, TypeAdapter[Any]]]

    def __init_subclass__(cls, analysis: str, summary: str) -> None:
        cls.analysis, cls.analysis_summary, cls.adapters = analysis, summary, {}
        cls.fields = {name: spec for name, spec in vars(cls).items() if isinstance(spec, Field)}
        if taken := sorted(cls.fields.keys() & dir(Result)):
            raise TypeError(f"the schema of {analysis} has fields whose names every result uses itself: {taken}")
        for name in cls.fields:
            delattr(cls, name)  # so that `__getattr__` loads it

    def __init__(self, **given: Any) -> None:
        known = self.fields
        for name in given:
            if name not in known:
                raise SchemaError(f"{self.analysis} has no field {name!r}; its fields: {', '.join(known)}.")
        lengths: dict[str, int] = {}
        for name, spec in known.items():
            if name not in given:
                if spec.default is MISSING:
                    raise SchemaError(f"{self.analysis} lacks the field {name!r}.")
                self.__dict__[name] = spec.default
                continue
            content = given[name]
            if not (content is None and spec.default is None):
                content = _checked(type(self), name, spec, content, lengths)
            self.__dict__[name] = content

    @classmethod
    def read(cls, entry: Entry) -> Self:
        """The result that an entry of the store holds."""
        result = cls.__new__(cls)
        result.__dict__["_entry"] = entry
        return result

    @classmethod
    def frame(cls, name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """A table of the schema from its rows, with the declared columns and types whatever the rows hold.

        Args:
            name: of the table.
            rows: column → cell; None is an empty cell of a column of numbers, further keys are left out.
        """
        import pandas as pd

        columns = cls.fields[name].columns
        types = {column: _cell_type(spec.kind) for column, spec in columns.items()}
        return pd.DataFrame(list(rows), columns=list(columns)).astype(types)

    @property
    def key(self) -> str:
        """In the store; "" for a result that was just computed."""
        return self.__dict__["_entry"].key if "_entry" in self.__dict__ else ""

    @property
    def about(self) -> Mapping[str, Any]:
        """The store's record of how it came about: parameters, weights, photographs, seconds."""
        return self.__dict__["_entry"].about if "_entry" in self.__dict__ else {}

    def __getattr__(self, name: str) -> Any:
        spec, entry = type(self).fields.get(name), self.__dict__.get("_entry")
        if spec is None or entry is None:
            raise AttributeError(f"the result {type(self).analysis} has no {name!r}")
        self.__dict__[name] = content = _loaded(type(self), name, spec, entry)
        return content

    def __setattr__(self, name: str, content: Any) -> None:
        raise AttributeError(f"a result is not changed: {name}")

    def contents(self) -> Contents:
        """What the store keeps: values as JSON, arrays, tables, pictures. A field of default None that is None is
        left out."""
        values: dict[str, Any] = {}
        numeric: dict[str, np.ndarray] = {}
        tables: dict[str, pd.DataFrame] = {}
        files: dict[str, bytes] = {}
        for name, spec in self.fields.items():
            content = getattr(self, name)
            if content is None and spec.kind != "value":
                continue
            if spec.kind == "value":
                values[name] = _adapter(type(self), name).dump_python(content, mode="json")
            elif spec.kind == "array":
                numeric[name] = content
            elif spec.kind == "arrays":
                numeric |= {f"{name}/{key}": member for key, member in content.items()}
            elif spec.kind == "table":
                tables[name] = content
            else:
                files |= content
        return Contents(values, numeric, tables, files)


class _Pictures(Mapping[str, bytes]):
    """The picture files of an entry."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __getitem__(self, name: str) -> bytes:
        return self._entry.file(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entry.pictures)

    def __len__(self) -> int:
        return len(self._entry.pictures)


def _adapter(schema: type[Result], name: str) -> TypeAdapter[Any]:
    """What checks a value of this field and writes it as JSON; made once."""
    if name not in schema.adapters:
        schema.adapters[name] = TypeAdapter(get_type_hints(schema)[name])
    return schema.adapters[name]


def _checked(schema: type[Result], name: str, spec: Field, content: Any, lengths: dict[str, int]) -> Any:
    """The content of a field, held against its type.

    Args:
        lengths: of the axes seen so far; those of this field are added.
    """
    label = f"{schema.analysis}.{name}"
    if spec.kind == "value":
        try:
            return _adapter(schema, name).validate_python(content)
        except ValidationError as error:
            raise SchemaError(f"{label} does not fit: {error}") from error
    if spec.kind == "array":
        return _checked_array(label, spec, content, _dtype(schema, name), lengths)
    if spec.kind == "arrays":
        dtype = _dtype(schema, name)
        return {key: _checked_array(f"{label}[{key!r}]", spec, member, dtype, {}) for key, member in content.items()}
    if spec.kind == "table":
        return _checked_table(label, spec, content)
    if not all(isinstance(data, bytes) for data in content.values()):
        raise SchemaError(f"{label} must hold bytes.")
    return dict(content)


def _dtype(schema: type[Result], name: str) -> np.dtype:
    """The number type in an annotation such as `NDArray[np.float32] | None` or `Mapping[str, NDArray[np.int64]]`."""

    def search(annotation: Any) -> Any:
        if isinstance(annotation, type) and issubclass(annotation, np.generic):
            return annotation
        return next(filter(None, map(search, getattr(annotation, "__args__", ()))), None)

    number: type[np.generic] | None = search(get_type_hints(schema)[name])
    if number is None:
        raise TypeError(f"{schema.__name__}.{name}: annotate it as NDArray[np.float32] or of another number type.")
    return np.dtype(number)


def _checked_array(label: str, spec: Field, content: Any, dtype: np.dtype, lengths: dict[str, int]) -> np.ndarray:
    if not isinstance(content, np.ndarray) or content.dtype != dtype or content.ndim != len(spec.axes):
        kind = f"{content.dtype} {content.shape}" if isinstance(content, np.ndarray) else type(content).__name__
        raise SchemaError(f"{label} is {kind}; expected {dtype} ({', '.join(spec.axes)}).")
    for axis, length in zip(spec.axes, content.shape, strict=True):
        if lengths.setdefault(axis, length) != length:
            raise SchemaError(f"{label} has {length} along {axis!r}, where another field has {lengths[axis]}.")
    if content.dtype.kind == "f" and np.isinf(content).any():
        raise _overflowed(label)
    return content


def _checked_table(label: str, spec: Field, content: Any) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(content, pd.DataFrame):
        raise SchemaError(f"{label} is {type(content).__name__}; expected a DataFrame.")
    if not spec.columns:
        return content
    if list(content.columns) != list(spec.columns):
        raise SchemaError(f"{label} has the columns {list(content.columns)}; expected {list(spec.columns)}.")
    for name, column in spec.columns.items():
        cells = content[name]
        kind = "O" if cells.dtype.kind not in "biufOUT" else cells.dtype.kind
        empty = len(cells) == 0 or cells.isna().all()
        if kind not in column.kind and not (empty and (column.missing or len(cells) == 0)):
            raise SchemaError(f"{label}: column {name!r} has type {cells.dtype}; expected {column.about!r}.")
        if not column.missing and cells.isna().any():
            raise SchemaError(f"{label}: column {name!r} has empty cells.")
        if cells.dtype.kind == "f" and np.isinf(cells).any():
            raise _overflowed(f"{label}: column {name!r}")
    return content


def _overflowed(label: str) -> WbsiteError:
    return WbsiteError(
        f"{label} would hold infinite numbers: with weights as large as these, products of theirs or activations grow"
        " beyond what numbers of 32 bits hold (3.4e38).",
        "See whether these are the weights it was trained to, and whether its batch normalisation is among them.",
    )


def _cell_type(kind: str) -> str:
    """The pandas type of a column whose numpy kinds are these."""
    if "U" in kind:
        return "str"
    return "object" if "O" in kind else "bool" if "b" in kind else "float64" if "f" in kind else "int64"


def _loaded(schema: type[Result], name: str, spec: Field, entry: Entry) -> Any:
    """A field of a stored result."""
    readers: dict[str, Callable[[], Any]] = {
        "value": lambda: _adapter(schema, name).validate_python(entry.values[name]),
        "array": lambda: entry.arrays[name],
        "table": lambda: entry.table(name),
        "pictures": lambda: _Pictures(entry),
        "arrays": lambda: {
            key.removeprefix(f"{name}/"): member for key, member in entry.arrays.items() if key.startswith(f"{name}/")
        },
    }
    try:
        return readers[spec.kind]()
    except KeyError:
        if spec.default is MISSING:
            raise
        return spec.default
