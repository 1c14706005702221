"""Citations that a bibliography manager reads back as what they cite."""

from __future__ import annotations

from datetime import date

import bibtexparser

from wbsite import __version__
from wbsite.render.head.citation import Author, Work, citation_key

PEOPLE = (Author("The wbsite developers"), Author("Ada Lovelace", "Analytical Society"))


def fields(work: Work) -> dict[str, str]:
    [entry] = bibtexparser.parse_string(work.bibtex).entries
    return {"key": entry.key, **{field.key: field.value for field in entry.fields}}


def test_the_entry_has_year_version_and_address() -> None:
    work = Work(
        citation_key("weight-banding"), "Bands & 100 % more", PEOPLE, date(2021, 4, 8), "10.1/x", "https://a.b/c/"
    )
    found = fields(work)
    assert found["key"] == "wbsite_weight_banding"
    assert found["title"] == r"{Bands \& 100 \% more}", "LaTeX would take the rest for a comment"
    assert found["author"] == "{The wbsite developers} and Ada Lovelace", "a group's name would be split"
    assert (found["year"], found["version"]) == ("2021", __version__)
    assert (found["doi"], found["url"]) == ("10.1/x", "https://a.b/c/")


def test_what_is_not_known_is_left_out() -> None:
    work = Work("k", "Bands", PEOPLE[:1])
    assert not {"year", "doi", "url"} & fields(work).keys()
    assert work.text == f"The wbsite developers. Bands. wbsite {__version__}."


def test_the_line_of_text_leads_to_the_doi_before_the_address() -> None:
    work = Work("k", "Bands", PEOPLE, date(2021, 4, 8), "10.1/x", "https://a.b/c/")
    assert work.text == (
        f"The wbsite developers and Ada Lovelace. Bands. 2021. wbsite {__version__}. https://doi.org/10.1/x"
    )
    assert Work("k", "Bands", PEOPLE, address="https://a.b/c/").text.endswith("https://a.b/c/")
