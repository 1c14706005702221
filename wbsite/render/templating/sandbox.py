"""What an article's own Jinja may reach: the words of `Writing`, numbers and texts of results, and nothing that acts.

Whatever is not listed here is refused, with the article and the line: an article can come from anyone, and Python's
objects lead from one to all others, to files and to processes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from jinja2 import runtime
from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace

from wbsite.results.base import Record, Result
from wbsite.results.site import Gap, Model, Site, SuiteResults

from .environment import PageEnvironment

WORDS = ("figure", "ref", "value", "claim", "term", "cite", "note", "link", "suite", "site", "article", "up")
"""What an article is given, beside Jinja's own `range`, `dict`, `namespace`, `cycler` and `joiner`."""

RESULTS = ("id", "title", "failed", "result", "result_or_gap")
REACHED: Mapping[type, tuple[str, ...]] = {
    Site: ("models", "working", "networks", "suites", "model", "suite"),
    Model: (
        *RESULTS, "architecture", "layers", "layer", "having", "last_pictured", "last_undefined"
    ),
    SuiteResults: (*RESULTS, "facts"),
    Gap: ("reason", "failed"),
}  # fmt: skip
"""Class → what of its objects an article may use. Of a result and its records: fields and properties."""

PLAIN = (str, int, float, bool, complex, bytes, range, date, Sequence, Mapping, set, frozenset, Undefined)
"""Kinds of values all of whose public methods only read, once Jinja forbids those that change."""

NUMPY = ("shape", "ndim", "size", "T", "real", "imag", "item", "tolist", "min", "max", "mean", "sum", "std", "round")
TABLE = ("columns", "index", "shape", "itertuples")
MADE = (dict, Cycler, Joiner, Namespace)
"""Classes that an article may make objects of."""

MOST = 1e3
"""Largest base and exponent of a power."""

JINJA = (
    Cycler,
    Joiner,
    Namespace,
    runtime.LoopContext,
    runtime.Macro,
    runtime.BlockReference,
    runtime.TemplateReference,
)
HINT = "CONTRIBUTING.md lists what an article may use; give a number by value(…) and what depends on one by claim(…)."


class ArticleEnvironment(PageEnvironment, ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which what is not listed is forbidden, rather than what is known to be harmful."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        del self.globals["lipsum"]

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether an article may read this attribute."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        for kind, names in REACHED.items():
            if isinstance(obj, kind):
                return attr in names
        if isinstance(obj, (Record, Result)):
            return attr in _fields(obj)
        if isinstance(obj, (np.ndarray, np.generic)):
            return attr in NUMPY
        if type(obj).__module__.partition(".")[0] == "pandas":
            return attr in TABLE
        return isinstance(obj, (*PLAIN, *JINJA)) or _is_article(obj)

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether an article may call this: whatever it could get hold of, but for classes and their makers."""
        return super().is_safe_callable(obj) and (not isinstance(obj, type) or obj in MADE)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Says, once it is used, what may not be."""
        said = f"an article may not use {attribute!r} of a {type(obj).__name__}. {HINT}"
        return self.undefined(said, name=attribute, obj=obj, exc=SecurityError)

    def call_binop(self, context: runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Products and powers of usual size: a text repeated a billion times would fill the memory."""
        if operator == "*" and any(isinstance(side, (str, Sequence)) for side in (left, right)):
            raise SecurityError(f"an article repeats no text or list with *. {HINT}")
        if operator == "**" and not (_moderate(left) and _moderate(right)):
            raise SecurityError(f"an article takes powers of numbers up to {MOST:.0f}. {HINT}")
        return super().call_binop(context, operator, left, right)


def _moderate(number: Any) -> bool:
    return isinstance(number, (int, float)) and math.isfinite(number) and abs(number) <= MOST


def _fields(obj: Record | Result) -> set[str]:
    """Fields and properties of a result or record; not its methods, which read and write files."""
    own = type(obj).model_fields if isinstance(obj, Record) else obj.fields
    properties = {
        name
        for kind in type(obj).__mro__
        if issubclass(kind, (Record, Result)) and kind not in (Record, Result)
        for name, member in vars(kind).items()
        if isinstance(member, (property, cached_property))
    }
    return {*own, *properties}


def _is_article(obj: Any) -> bool:
    return type(obj).__module__ in ("wbsite.render.pages.articles", "wbsite.render.head.citation")
