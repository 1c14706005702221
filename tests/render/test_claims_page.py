"""The ledger has every claim, also those that do not come out or cannot be tested, for each network and study."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from wbsite.claims.base import FAILS, HOLDS, NOTHING, WORDS, Claim
from wbsite.claims.effect import Effect
from wbsite.core import registry
from wbsite.render.head.address import published
from wbsite.render.pages import landing
from wbsite.render.pages._ledger import Row, counts, lines, rows, table
from wbsite.render.pages._sections import sections
from wbsite.render.pages.articles import read
from wbsite.render.pages.claims import effect_text, make
from wbsite.results.network.architecture import Architecture, LayerInfo
from wbsite.results.site import Gap, Site

DECIDING = {claim.name for claim in registry.entries("claims") if claim.decides}
ROW = re.compile(r'<tr data-of="([^"]*)" data-verdict="(\w+)">')
SECTION = re.compile(r'<section class="wb-claim" id="([^"]+)".*?</section>', re.DOTALL)

Evidence = dict[str, int]


def share(site: Site) -> Evidence | Gap:
    """How many networks the site that is being decided has."""
    return {"networks": len(site.networks)} if site.networks else Gap("no network", failed=False)


ONE_AT_A_TIME = Claim(
    name="one-at-a-time",
    statement="A network is looked at by itself.",
    source="",
    rule="holds where there is one",
    evidence=share,
    verdict=lambda e: HOLDS if e["networks"] == 1 else "several",
    wording={HOLDS: "one", "several": "several"},
    meaning={"several": (FAILS, "several at once")},
    effect=lambda e: Effect("networks", e["networks"], null=1),
)


def network(name: str, alone: bool = False) -> dict[str, Any]:
    """Results of a network of which only the architecture is known, or of a file of weights alone."""
    layer = LayerInfo(
        name="conv", kind="conv", order=0, inputs=(), in_channels=3, out_channels=2, kernel=(3, 3), stride=(1, 1),
        padding=(1, 1), dilation=(1, 1), groups=1, bias=False, parameters=54, output_shape=(2, 8, 8), calls=1,
        weight_shape=(2, 3, 3, 3), reads=(), planar=True, spatial=True, block="", first_unit=0, has_weights=True,
    )  # fmt: skip
    return {
        "architecture": {
            "": Architecture(
                name=name, weights="made up", title=name, reference="", note="", source=None, digest="00", missing=[],
                provenance={}, input_shape=(3, 8, 8), parameters=54, parameters_held=54, layers=[layer], skipped=[],
                notes=[], head={"kind": "pooled", "layer": "fc", "positions": 16}, alone=alone,
            )
        }
    }  # fmt: skip


FACTS = {name: {"digest": "ab" * 32, "profile": "quick"} for name in ("a", "b", "file")}


@pytest.fixture
def site(made_site: Callable[..., Any]) -> Site:
    """Two networks and a file of weights alone, without results that a claim rests on."""
    models = {"a": network("a"), "b": network("b"), "file": network("file", alone=True)}
    made: Site = made_site(models=models, facts=FACTS)
    return made


def test_every_claim_that_decides_something_is_listed_and_none_else(site: Site) -> None:
    listed = [line.claim.name for line in lines(site)]
    assert len(listed) == len(set(listed))
    assert set(listed) == DECIDING
    assert len(DECIDING) < len(registry.entries("claims")), "some only give numbers"


def test_every_claim_is_decided_of_each_network_or_once(site: Site) -> None:
    for line in lines(site):
        subjects = [row.subject for row in line.rows]
        assert subjects == (["a", "b"] if line.claim.of == "network" else [line.claim.of]), line.claim.name
        assert all(row.verdict in WORDS and (row.verdict != NOTHING or row.remark) for row in line.rows)


def test_a_network_is_decided_by_itself(site: Site) -> None:
    assert list(rows(ONE_AT_A_TIME, site)) == [
        Row(name, name, HOLDS, "", Effect("networks", 1, null=1)) for name in ("a", "b")
    ]
    assert ONE_AT_A_TIME.put(ONE_AT_A_TIME.decide(site)[0]) == (FAILS, "several at once")  # type: ignore[index]


def test_a_site_without_networks_has_one_row_that_says_why(made_site: Callable[..., Any]) -> None:
    assert list(rows(ONE_AT_A_TIME, made_site())) == [Row("", "no network", NOTHING, "no network", None)]


def test_a_claim_without_results_says_why(site: Site) -> None:
    ledger = {line.claim.name: line for line in lines(site)}
    (row,) = ledger["simplified-network-is-banded"].rows
    assert (row.verdict, row.subject) == (NOTHING, "banding")
    assert "`wbsite train banding` makes them" in row.remark


def test_a_verdict_without_a_meaning_is_a_defect() -> None:
    with pytest.raises(KeyError, match="one-at-a-time"):
        ONE_AT_A_TIME.put("no such verdict")


def test_the_page_the_table_and_the_counts_agree(site: Site) -> None:
    page, ledger = make(site)["index.md"].decode(), lines(site)
    shown = {match[1]: ROW.findall(match[0]) for match in SECTION.finditer(page)}
    assert shown == {line.claim.name: [(row.subject, row.verdict) for row in line.rows] for line in ledger}
    exported = table(ledger)
    assert list(zip(exported["subject"], exported["verdict"], strict=True)) == [
        (subject, WORDS[verdict]) for line in ledger for subject, verdict in shown[line.claim.name]
    ]
    verdicts = [verdict for of_claim in shown.values() for _, verdict in of_claim]
    assert counts(site) == {verdict: verdicts.count(verdict) for verdict in WORDS}


def test_pages_of_many_networks_stay_short(made_site: Callable[..., Any]) -> None:
    """Verdicts are folded where there are many; the landing page shows some networks, and where all of them are."""
    names = [f"net{number:02}" for number in range(50)]
    models = {name: network(name) for name in names}
    for count, folded in ((12, False), (13, True), (50, True)):
        site = made_site(models={name: models[name] for name in names[:count]}, facts=dict.fromkeys(names, FACTS["a"]))
        page = make(site)["index.md"].decode()
        of_networks = [line for line in lines(site) if line.claim.of == "network"]
        assert page.count('<details class="wb-verdicts">') == (len(of_networks) if folded else 0)
        counted = [f"{count} verdicts: " in text for text in re.findall("<summary>(.*)</summary>", page)]
        assert counted == [True] * (len(of_networks) if folded else 0)
        assert all(f'<tr data-of="{name}"' in page for name in names[:count])
        landing_page = landing.make(site, published())["index.md"].decode()
        assert landing_page.count("not computed") + landing_page.count("teaser.webp") >= min(count, 12)
        assert (names[11] in landing_page, names[12] in landing_page) == (True, False)
        assert (f"[All {count} networks](models/index.md)" in landing_page) == folded


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        (Effect("H", 0.5, 0.25, 0.75), "0.500 (0.250 to 0.750)"),
        (Effect("compression", -1.5, -2, -1, unit="bits"), "−1.500 (−2.000 to −1.000) bits"),
        (Effect("delay", 2.25, unit="epochs"), "2.250 epochs"),
        (Effect("share", 0.0, 0.0, 0.7), "0.000 (0.000 to 0.700)"),
    ],
)
def test_an_effect_in_words(effect: Effect, text: str) -> None:
    assert effect_text(effect) == text


def test_a_section_is_the_heading_above_the_words(site: Site, tmp_path: Path) -> None:
    article = tmp_path / "mine.md"
    article.write_text(
        "---\ntitle: T\ndescription: D\nauthors: [A]\norder: 1\n---\n"
        '{{ claim("relu-output") }}\n\n## Twice *told*\n\n{{ figure("last-layers") }}\n\n## Twice *told*\n\n'
        '- Of it: {{ claim("relu-hidden") }}\n\n{% if suite("banding").facts %}## Not here\n{% endif %}\n'
        '### Of its own { #own }\n\n{{ claim("tanh-last") }}\n\n```\n## no heading\n```\n\n'
        '{{ claim("tanh-earlier") }}\n'
    )
    assert sections(site, read(article)) == {
        "relu-output": ("", ""), "relu-hidden": ("twice-told_1", "Twice told"),
        "tanh-last": ("own", "Of its own"), "tanh-earlier": ("own", "Of its own"),
    }  # fmt: skip


def test_links_of_the_ledger_lead_to_what_is_there(built: Path) -> None:
    page = (built / "site/claims/index.html").read_text(encoding="utf-8")
    links = {unescape(link) for link in re.findall(r'href="(\.\./articles/[^"]+|#of-[^"]+)"', page)}
    assert len([link for link in links if "#" in link]) > 20
    for link in links:
        target, _, anchor = link.partition("#")
        text = (built / "site/claims" / target / "index.html").resolve().read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in text, link


def test_the_filter_shows_what_is_chosen_and_keeps_it_in_the_address(built: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    address = (built / "site/claims/index.html").as_uri()
    page.goto(f"{address}?verdict=holds")
    rows = page.locator(".wb-claim tbody tr:visible")
    shown = rows.count()
    assert 0 < shown < page.locator(".wb-claim tbody tr").count()
    assert page.locator('.wb-claim tbody tr:visible:not([data-verdict="holds"])').count() == 0
    assert all("holds" in text for text in page.locator(".wb-claim:visible").all_inner_texts())
    page.get_by_label("Network or study").focus()
    page.keyboard.type("banding")
    assert rows.count() == page.locator('.wb-claim tbody tr[data-of="banding"][data-verdict="holds"]').count() < shown
    assert page.evaluate("location.search") == "?verdict=holds&of=banding"
    assert page.locator("h2:visible", has_text="The Information Plane").count() == 0
    assert f"{rows.count()} verdict" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Show all").press("Enter")
    until(page, "location.search === ''")
    assert rows.count() == page.locator(".wb-claim tbody tr").count()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_without_a_script_everything_is_shown(built: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{(built / 'site/claims/index.html').as_uri()}?verdict=holds")
    assert page.locator(".wb-claim:visible").count() == len(DECIDING)
    assert page.locator(".wb-ledger-filter:visible").count() == 0
    context.close()


def test_narrowing_leaves_the_site_as_it_was(site: Site) -> None:
    alone = site.narrowed(site.model("a"))
    assert ([model.id for model in alone.models], alone.suites) == (["a"], site.suites)
    assert [model.id for model in site.models] == ["a", "b", "file"]


def test_folded_verdicts_open_where_some_are_chosen(built: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((built / "site/claims/index.html").as_uri())
    page.evaluate(
        """() => {
          for (const table of document.querySelectorAll(".wb-claim table")) {
            const folded = document.createElement("details");
            table.replaceWith(folded);
            folded.append(table);
          }
        }"""
    )
    folded, chosen = page.locator(".wb-claim:visible details"), page.get_by_label("Verdict")
    for value, opened in (("holds", True), ("", False)):
        chosen.select_option(value)
        assert folded.count() > 0
        assert folded.evaluate_all("(all) => all.map((one) => one.open)") == [opened] * folded.count()
    page.close()
