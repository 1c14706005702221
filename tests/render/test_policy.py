"""The content security policy of every page: what it allows, and that a script in a page does not run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from wbsite.render.templating.policy import digest, inline, unvarying

META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def policy_of(page: Path) -> dict[str, str]:
    (written,) = META.findall(page.read_text(encoding="utf-8"))
    return dict(part.split(" ", 1) for part in unescape(written).split("; "))


def test_every_page_allows_the_site_s_own_scripts_and_no_code_made_of_text(built: Path) -> None:
    found = list((built / "site").rglob("*.html"))
    assert len(found) > 15
    for page in found:
        scripts = policy_of(page)["script-src"].split()
        assert scripts[0] == "'self'"
        assert all(source.startswith("'sha256-") for source in scripts[1:]), page
        assert policy_of(page)["object-src"] == policy_of(page)["base-uri"] == "'none'"


def test_the_policy_stands_before_every_script(built: Path) -> None:
    for page in (built / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert META.search(text).start() < text.index("<script"), page  # type: ignore[union-attr]


def test_every_script_of_the_theme_in_a_page_is_one_that_the_policy_knows(built: Path) -> None:
    for page in (built / "site").rglob("*.html"):
        scripts = list(inline(page.read_text(encoding="utf-8")))
        assert scripts
        assert {digest(script) for script in scripts} <= set(policy_of(page)["script-src"].split()), page


def test_a_script_that_stands_in_a_page_does_not_run(
    browser: Any, built: Path, tmp_path: Path, serve: Callable[[Path], str]
) -> None:
    shutil.copytree(built / "site", tmp_path / "site")
    page = tmp_path / "site" / "terms" / "index.html"
    added = "<script>window.added = 1</script><img src=x onerror='window.added = 1'><p id=there>"
    page.write_text(page.read_text(encoding="utf-8").replace("</article>", f"{added}</article>"), encoding="utf-8")
    address = f"{serve(tmp_path / 'site')}/terms/"
    for guarded, ran in ((True, None), (False, 1)):
        context = browser.new_context(bypass_csp=not guarded)
        tab = context.new_page()
        tab.goto(address, wait_until="load")
        tab.wait_for_timeout(200)
        assert tab.query_selector("#there")
        assert tab.evaluate("window.added ?? null") == ran
        context.close()


def test_what_differs_from_page_to_page_becomes_an_attribute() -> None:
    made = unvarying('<script>a=new URL("{{ base }}",location),b="{"</script>')
    assert (
        made == '<script data-base="{{ base }}">a=new URL(document.currentScript.dataset.base,location),b="{"</script>'
    )
    assert list(inline(made)) == ['a=new URL(document.currentScript.dataset.base,location),b="{"']
    assert (
        list(inline('<script>{{ a }}</script><script src="b"></script><script type="application/json">1</script>'))
        == []
    )


@pytest.mark.parametrize(("given", "written"), [("false", None), ("\"script-src 'self' https://a.b\"", "https://a.b")])
def test_a_site_can_have_another_policy_or_none(
    cli: Callable[..., Any], rebuilt: Path, given: str, written: str | None
) -> None:
    settings = (rebuilt / "mkdocs.yml").read_text(encoding="utf-8")
    (rebuilt / "mkdocs.yml").write_text(settings.replace("extra:\n", f"extra:\n  policy: {given}\n"), encoding="utf-8")
    assert cli("render").status == 0
    found = META.findall((rebuilt / "site" / "terms" / "index.html").read_text(encoding="utf-8"))
    assert found == ([] if written is None else [f"script-src 'self' {written}"])
