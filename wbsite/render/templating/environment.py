"""Jinja that escapes whatever is not Markup as a page needs it, and takes a template's own words as they stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

from wbsite.core.markup import Markup, front_matter, joined, linked, prose, script_data


class Generator(CodeGenerator):
    """Writes `~` so that it escapes as everything else does."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        """Tells which of the parts the template's author wrote: these are not escaped."""
        own = [isinstance(part, nodes.Const) for part in node.nodes]
        self.write(f"environment.parts({own!r}, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class PageEnvironment(jinja2.Environment):
    """An environment for Markdown with HTML in it.

    A value that is put out is escaped by `Markup.escape` unless it is Markup; a text in quotes in the template is
    Markup where it is put out. There is no filter that declares anything else safe.
    """

    code_generator_class = Generator

    def __init__(self, **options: Any) -> None:
        super().__init__(
            autoescape=True,
            finalize=Markup.escape,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            **options,
        )
        for name in ("safe", "urlize", "xmlattr"):
            del self.filters[name]
        self.filters |= {
            "e": Markup.escape, "escape": Markup.escape, "forceescape": lambda text: Markup.escape(str(text)),
            "join": join, "front": front_matter, "linked": linked, "prose": prose, "tojson": script_data,
        }  # fmt: skip

    def parts(self, own: list[bool], values: tuple[Any, ...]) -> str:
        """`a ~ b`: Markup where a part is Markup, and else plain text."""
        if not any(hasattr(value, "__html__") for value in values):
            return "".join(map(str, values))
        return joined(Markup(value) if mine else value for mine, value in zip(own, values, strict=True))  # noqa: S704

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for output in template.find_all(nodes.Output):
            output.nodes = [_own_words(part) for part in output.nodes]
        for call in template.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "note":
                call.args = [_own_words(part) for part in call.args]
        return template


def _own_words(node: nodes.Expr) -> nodes.Expr:
    """An expression whose texts in quotes are Markup."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return nodes.MarkSafe(node, lineno=node.lineno)
    if isinstance(node, nodes.CondExpr):
        node.expr1 = _own_words(node.expr1)
        node.expr2 = node.expr2 and _own_words(node.expr2)
    elif isinstance(node, nodes.Concat):
        node.nodes = [_own_words(part) for part in node.nodes]
    elif isinstance(node, nodes.Filter) and node.name == "join":
        node.args = [_own_words(part) for part in node.args]
    elif isinstance(node, (nodes.And, nodes.Or)):
        node.left, node.right = _own_words(node.left), _own_words(node.right)
    return node


def join(items: Iterable[Any], between: str = "") -> str:
    """As Jinja's own; Markup where an item is, or what stands between them, as where the template puts it out."""
    values = list(items)
    if not any(hasattr(value, "__html__") for value in (between, *values)):
        return between.join(map(str, values))
    return joined(values, Markup(between))  # noqa: S704 (a template's own)
