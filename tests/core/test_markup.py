"""What others wrote stays text in a page: in Markdown, in HTML, in attributes and in front matter."""

from __future__ import annotations

import json
from html import unescape
from html.parser import HTMLParser

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown import markdown

from wbsite.core.markup import (
    Markup,
    all_visible,
    front_matter,
    html,
    joined,
    linked,
    prose,
    script_data,
    visible,
    visible_lines,
    with_code_shown,
)

EXTENSIONS = ["attr_list", "md_in_html", "tables", "footnotes", "toc", "pymdownx.superfences"]

NAMES = [
    "mixed5b_3x3", "features.0.conv", "_under_", "**bold**", "# heading", "- item", "1. first", "1) first", "---",
    "===", "    code", "```", "~~~", "> quote", "| a | b |", "[a](javascript:b)", "![a](b)", "[^1]: note", "[a]: http://b",
    "<b>", "&lt;b&gt;", "&#60;b&#62;", "{: .c onclick=d }", "{ #e }", "$x$", "`a`", "a\\*b", "http://a.b/", "<http://a.b>",
    "!!! note", "??? note", "\"'", "a\nb", "* * *", "*[a]: b", "@@ref:a@@", "{{ 1 }}", "{% raw %}", "Term\n:   text",
]  # fmt: skip


class Read(HTMLParser):
    """Tags and text of a piece of HTML."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("template", "tags"), [("{}", ["p"]), ("Named {} here.", ["p"]), ("<b>{}</b>", ["p", "b"])])
def test_a_name_is_text_in_markdown_wherever_it_stands(name: str, template: str, tags: list[str]) -> None:
    page = Read(markdown(html(template, name), extensions=EXTENSIONS))
    assert page.tags == tags
    shown = " ".join(Read(template.format("{}")).text.format(" ".join(name.split())).split())
    assert " ".join(page.text.split()) == shown


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_comes_back_from_an_attribute_and_from_front_matter(text: str) -> None:
    escaped = Markup.escape(text)
    assert unescape(escaped) == visible(text)
    assert not set(escaped) & set("<>\"'`*[]{}|$@")
    assert unescape(yaml.safe_load(f"title: {front_matter(text)}\n")["title"]) == visible(text)


@given(st.text(max_size=60))
def test_data_of_a_script_cannot_end_it(text: str) -> None:
    data = script_data({"name": text})
    assert json.loads(data) == {"name": text}
    assert not set(data) & set("<>&`$@")


def test_markup_stays_and_escapes_what_meets_it() -> None:
    part = html("<b>{}</b>", "<i>")
    assert part == "<b>&#060;i&#062;</b>"
    assert html("{} and {:.1f}", part, 2) == "<b>&#060;i&#062;</b> and 2.0"
    assert part + "<u>" == "<b>&#060;i&#062;</b>&#060;u&#062;"
    assert "<u>" + part == "&#060;u&#062;<b>&#060;i&#062;</b>"
    assert joined([part, "*"], ", ") == "<b>&#060;i&#062;</b>, &#042;"
    assert Markup.escape(Markup.escape("<")) == "&#060;"


def test_what_nothing_shows_is_shown_by_its_number() -> None:
    assert visible("a\x1b[31mb\u202ec\x00\ud800") == r"a\x1b[31mb\u202ec\x00\ud800"
    assert visible("a\r\n\t b") == "a b"
    assert visible("12\u202f345 à 5\u00a0% 😀 שלום") == "12\u202f345 à 5\u00a0% 😀 שלום"
    assert visible_lines("a\x1b[2J\nb\tc") == "a\\x1b[2J\nb c"
    assert all_visible({"a\n": ["\x07", 1, None]}) == {"a ": [r"\x07", 1, None]}


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,a", "//a.b", "https://a b", "vbscript:a"])
def test_only_an_address_of_the_web_is_a_link(address: str) -> None:
    assert "<a" not in linked(address, "name")
    assert linked('https://a.b/?c="', "<d>") == '<a href="https://a.b/?c=&#034;">&#060;d&#062;</a>'


def test_a_name_within_backticks_is_code() -> None:
    line = f"In `{Markup.escape('a*<b>')}` and `x & y`, ``z``."
    assert Read(markdown(with_code_shown(line))).text == "In a*<b> and x & y, z."


def test_words_of_our_own_keep_their_markdown_but_bring_no_html() -> None:
    assert prose("*H* of $x < 1$ <b>") == "*H* of $x &lt; 1$ &lt;b&gt;"
