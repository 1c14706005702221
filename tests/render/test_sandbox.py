"""An article may use what is listed and nothing else: it may come from anyone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.page import Writing
from wbsite.render.pages.articles import body, read
from wbsite.render.templating.sandbox import REACHED, WORDS
from wbsite.results.site import Site

FRONT = "---\ntitle: Own\ndescription: Own.\nauthors: [A. Author]\norder: 1\n---\n"

FORBIDDEN = [
    "site.store", "site.store.remove('a')", "site.store.fs", "site['store']", "site|attr('store')", "site.narrowed",
    "[site]|map(attribute='store')|first|string", "[site]|map(attribute='store.fs')|first|string",
    "'{0.store}'.format(site)",
    "''.__class__.__mro__", "'{0.__class__}'.format(site)", "figure.__globals__", "figure.__self__", "figure.__func__",
    "site.__init__.__globals__", "network._store", "network.record", "network.shown", "network.failures()",
    "network.architecture.model_dump()", "network.architecture.parse_file('x', allow_pickle=True)",
    "network.architecture.about", "network.architecture.contents()", "network.layers[0].model_fields",
    "suite('banding').record", "range.__self__", "dict.__base__", "cycler.__init__.__globals__", "article.__class__",
    "network.result('banding', network.layers[0].name).per_unit.tofile('x')",
    "network.result('kernels', network.layers[0].name).contents()",
    "range(1000000000)|list", "2 ** 100000", "'a' * 1000000000", "[1] * 1000000000", "lipsum()", "site|safe",
    "suite('experiments').result('banding').rows.to_csv('x')",
]  # fmt: skip

ALLOWED = {
    "network.id": "speck",
    "site.working|length": "1",
    "network.layers[0].name": "conv1",
    "network.having('banding')|map(attribute='name')|join('+')": "conv1+conv2+conv3",
    "'%.2f'|format(1.234)": "1.23",
    "'{:.1f}'.format(1.234)": "1.2",
    "suite('nothing').result('experiments') is none": "True",
    "article.title": "Own",
    "network.architecture.layers|length > 3": "True",
    "range(3)|join(' ')": "0 1 2",
    "2 ** 3 * 2": "16",
}


@pytest.fixture
def write(built: Path, tmp_path: Path) -> Callable[[str], str]:
    site = Site(Store(built / "build" / "store"), ["speck"])

    def write(text: str) -> str:
        path = tmp_path / "own.md"
        path.write_text(FRONT + text, encoding="utf-8")
        return str(body(Writing(site, "articles/own"), read(path)))

    return write


@pytest.mark.parametrize("expression", FORBIDDEN)
def test_what_acts_or_leads_elsewhere_is_refused_by_article_and_line(
    write: Callable[[str], str], expression: str
) -> None:
    text = f"Prose.\n\n{{% set network = site.working[0] %}}\nMore: {{{{ {expression} }}}}.\n"
    with pytest.raises(WbsiteError, match=r"content/own\.md, line (7|10)") as refusal:
        write(text)
    assert "Traceback" not in str(refusal.value)


@pytest.mark.parametrize(("expression", "text"), ALLOWED.items())
def test_what_is_listed_can_be_used(write: Callable[[str], str], expression: str, text: str) -> None:
    assert write(f"{{% set network = site.working[0] %}}\n{{{{ {expression} }}}}") == text


def test_a_name_in_an_article_is_text_and_its_own_words_are_markdown(write: Callable[[str], str]) -> None:
    made = write('{% set name = "<b> *a*" %}\n{{ "*own* " ~ name }} {{ note("*own* " ~ name) }} {{ "_x_" if name }}')
    assert made.count("&#060;b&#062; &#042;a&#042;") == 2
    assert made.count("*own*") == 2
    assert made.endswith("_x_")


def test_a_refusal_ends_the_command_with_status_2(cli: Callable[..., Any], rebuilt: Path) -> None:
    (rebuilt / "content").mkdir()
    (rebuilt / "content" / "own.md").write_text(FRONT + "Prose.\n\n{{ site.store }}\n", encoding="utf-8")
    ran = cli("render")
    assert ran.status == 2
    assert "content/own.md, line 9: an article may not use 'store' of a Site." in ran.err
    assert "CONTRIBUTING.md lists what an article may use" in ran.err


def test_the_list_is_written_down() -> None:
    """Where authors look."""
    text = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for word in {*WORDS, *(name for names in REACHED.values() for name in names)}:
        assert f"`{word}" in text or f"{{{{ {word}(" in text, word


@pytest.mark.parametrize("label", ["../x", "a b", "a/b", '"', "", "-"])
def test_a_figure_s_name_cannot_leave_its_page(write: Callable[[str], str], label: str) -> None:
    text = f"{{{{ figure('banding-by-depth', model='speck', as_='{label}') }}}}"
    if label:
        with pytest.raises(WbsiteError, match="a figure is called"):
            write(text)
    else:
        assert 'id="fig-banding-by-depth"' in write(text)


@pytest.mark.parametrize("name", ["a b", "a<b>", "-a", "a'b"])
def test_an_article_s_file_has_a_name_that_an_address_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.md").write_text(FRONT, encoding="utf-8")
    with pytest.raises(WbsiteError, match="named by letters"):
        read(tmp_path / f"{name}.md")
