"""Formulas become MathML wherever they stand, and nothing else does."""

from __future__ import annotations

import re
from html import unescape

import pytest
from markdown import markdown

from wbsite.core.errors import WbsiteError
from wbsite.render import sources
from wbsite.render.mathematics import mathml, with_formulas
from wbsite.render.pages._sections import EXTENSIONS


def page(text: str) -> str:
    """The HTML that mkdocs makes of a page's text."""
    failures: list[tuple[str, str]] = []
    html = markdown(with_formulas(text, lambda *given: failures.append(given)), extensions=EXTENSIONS)
    assert failures == []
    return html


@pytest.mark.parametrize(
    "text",
    [
        "$H$ is a number.",
        "| a | b |\n|---|---|\n| $H$ | 2 |",
        '<figure markdown="0"><figcaption>Of $H$</figcaption></figure>',
        '<span class="wb-cite-card">Rule: $H$</span>',
        "- $H$, *really*",
        "## What $H$ is",
    ],
)
def test_a_formula_is_set_wherever_it_stands(text: str) -> None:
    html = page(text)
    assert "<math><mi>H</mi></math>" in html
    assert "$" not in html


@pytest.mark.parametrize(
    "text",
    [
        "`$H$`",
        "```\n$H$\n```",
        "<pre>$H$</pre>",
        '<img alt="$H$" src="a.png">',
        "it costs $5 and $6",
        "from $ 5 to 6 $",
        "---\ntitle: $H$\n---\n\nText",
        "\\$H\\$",
    ],
)
def test_what_is_no_formula_stays(text: str) -> None:
    assert "<math" not in with_formulas(text, lambda *given: pytest.fail(str(given)))


def test_markdown_takes_nothing_in_a_formula_for_its_own() -> None:
    html = page("$a_1 * b_2 * c_3$ and $x_{[0]}(y)$ and $a < b$")
    assert "<em>" not in html and "<a " not in html
    assert unescape(html).count("<mo>*</mo>") == 2
    assert "<mo>&lt;</mo>" in html


def test_a_formula_by_itself_is_one_paragraph() -> None:
    html = page("Let\n\n$$\nR = \\frac{a}{b} .\n$$\n\nbe.")
    assert html.count("<p>") == 3
    assert '<p><span class="wb-formula-block"><math display="block">' in html


@pytest.mark.parametrize("latex", ["\\fracc{a}{b}", "\\frac{a}", "a_", "\\left( a", "a^b^c", "\\begin{matrix} a"])
def test_what_is_no_latex_is_refused(latex: str) -> None:
    with pytest.raises(WbsiteError, match=re.escape(repr(latex))):
        mathml(latex)


def test_signs_are_told_from_differences() -> None:
    assert '<mo form="prefix">−</mo><mn>1</mn>' in mathml("[-1, 1]")
    assert "<mo>−</mo>" in mathml("R - C")
    assert "prefix" not in mathml("R - C").replace('stretchy="false"', "")


def test_every_formula_of_the_articles_is_known() -> None:
    for path in sources.articles():
        text = re.sub(r"\{\{.*?\}\}", "1", path.read_text(encoding="utf-8"))
        with_formulas(text, lambda formula, reason, name=path.name: pytest.fail(f"{name}: {formula}: {reason}"))
