"""Citations: what a reader follows from the prose to the work, and what an author is told about a bad entry."""

from __future__ import annotations

import re
from pathlib import Path

import markdown
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.render.bibliography import read_publications
from wbsite.render.citations import Bibliography

ROOT = Path(__file__).resolve().parents[2]

BIB = r"""
% a comment with {{ cite("two") }}
@article{two,
  author = {K{\"o}pf, Andreas and Le, Quoc-Van B.},
  title = {Less <b>than</b> *half* of {CNN}s \& more},
  journal = {A Journal}, volume = 3, number = 2, pages = {10--12}, year = 2019,
  doi = {10.1000/a_b_c}
}
@misc{many,
  author = {A, One and B, Two and van der C, Three and others},
  title = {Many}, year = {2020}, eprint = {2001.00001}, archiveprefix = {arXiv}
}
@misc{bare, author = {{The Group}}, title = {No link}, year = {2021}}
"""


@pytest.fixture
def bibliography(tmp_path: Path) -> Bibliography:
    path = tmp_path / "refs.bib"
    path.write_text(BIB, encoding="utf-8")
    return Bibliography.read(path)


def test_numbers_follow_first_use_and_start_again_on_the_next_page(bibliography: Bibliography) -> None:
    page = bibliography.for_page()
    marks = [page.cite(key) for key in ("bare", "two", "bare")]
    assert [re.search(r">&#91;(\d+)&#93;<", mark).group(1) for mark in marks] == ["1", "2", "1"]  # type: ignore[union-attr]
    assert re.findall(r'<li id="ref-(\w+)"', page.references()) == ["bare", "two"]
    assert bibliography.for_page().references() == ""


def test_marks_point_to_the_reference_and_to_their_own_card(bibliography: Bibliography) -> None:
    text = bibliography.cite("two", "two") + bibliography.references()
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids)), "a second citation of a work repeats an id"
    for target in re.findall(r'href="#([^"]+)"|aria-describedby="([^"]+)"', text):
        assert next(filter(None, target)) in ids


def test_card_names_authors_year_title_venue_and_link(bibliography: Bibliography) -> None:
    card = bibliography.cite("two")
    assert "A. Köpf and Q.-V. B. Le, 2019" in card
    assert "A Journal 3(2), 10–12" in card
    assert 'href="https://doi.org/10.1000/a_b_c"' in card
    assert "arXiv:2001.00001" in (many := bibliography.cite("many"))
    assert "O. A, T. B, T. van der C et al., 2020" in many
    assert "The Group, 2021" in bibliography.cite("bare")


def test_title_reaches_the_reader_as_written_through_markdown(bibliography: Bibliography) -> None:
    text = bibliography.cite("two")
    page = markdown.markdown(f"Prose {text} goes on.\n\n{bibliography.references()}\n", extensions=["md_in_html"])
    assert "Less &#060;b&#062;than&#060;/b&#062; &#042;half&#042; of CNNs &#038; more" in page
    assert "<em>half" not in page and "<b>" not in page
    assert '<li id="ref-two">' in page


def test_unknown_key_names_the_nearest(bibliography: Bibliography) -> None:
    with pytest.raises(WbsiteError, match=r"unknown citation 'tow'.[\s\S]*'two'"):
        bibliography.cite("tow")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n@article{cut, title = {never closed\n@misc{next, title={x}}", r"line 2: @article\{cut"),
        ("@misc{a, author={A}, title={T}, year=1}\n@misc{a, author={A}, title={T}, year=1}", "line 2.*Duplicate"),
        ("@misc{a, author={A}, title={T}, title={U}, year=1}", "line 1.*Duplicate field"),
        ("@misc{a, author={A}, year=1}", "line 1, entry 'a': no title"),
        ("@misc{a, title={T}}", "no author and no year"),
        ("@misc{a, author={others}, title={T}, year=1}", "no author but 'others'"),
        ("@misc{a b, author={A}, title={T}, year=1}", "a key is letters"),
        ("@misc{a, author={A}, title={T}, year=1, url={javascript:alert(1)}}", "not an http"),
    ],
)
def test_malformed_file_is_refused_by_line_and_entry(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "refs.bib"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WbsiteError, match=message):
        Bibliography.read(path)


def test_missing_or_undecodable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="does not exist"):
        Bibliography.read(tmp_path / "none.bib")
    (tmp_path / "latin.bib").write_bytes("@misc{a, author={Köpf}}".encode("latin-1"))
    with pytest.raises(WbsiteError, match="not UTF-8"):
        Bibliography.read(tmp_path / "latin.bib")


def test_the_articles_bibliography_is_complete() -> None:
    works = read_publications(ROOT / "content" / "refs.bib")
    assert {"petrov2021weight", "lee1999learning"} <= set(works)
    assert [key for key, work in works.items() if not work.venue] == []
    assert [key for key, work in works.items() if work.year not in key] == [], "a key names another year"
