"""What a page costs before it is read: it comes in its reader's scheme, is not styled over and over, and what is
folded is not laid out."""

from __future__ import annotations

from typing import Any

import pytest
from waiting import until

ARTICLE = "articles/weight-banding/"
SHOWN = "[document.body.dataset.mdColorScheme, getComputedStyle(document.body).colorScheme]"


@pytest.mark.parametrize(("system", "shown"), [("light", ["default", "light"]), ("dark", ["slate", "dark"])])
def test_a_page_comes_in_the_readers_scheme(served: str, browser: Any, system: str, shown: list[str]) -> None:
    """Before any other script ran, which would show the wrong one first."""
    context = browser.new_context(color_scheme=system)
    page = context.new_page()
    page.route("**/*.js", lambda route: route.abort())
    page.goto(f"{served}/{ARTICLE}")
    assert page.evaluate(SHOWN) == shown
    assert page.locator(".md-header__option label:visible").count() == 1
    context.close()


def set_system(page: Any, scheme: str) -> None:
    """Have the system ask for `scheme` ("light" or "dark"), and wait until the page's own listeners were told."""
    page.evaluate(
        """() => {
            window.system = matchMedia("(prefers-color-scheme: dark)");
            window.told = new Promise((done) => window.system.addEventListener("change", done, { once: true }));
        }"""
    )
    page.emulate_media(color_scheme=scheme)
    page.evaluate("window.told")


def test_a_choice_of_scheme_is_kept_and_without_one_the_system_is_followed(served: str, browser: Any) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{served}/{ARTICLE}")
    set_system(page, "light")
    assert page.evaluate(SHOWN) == ["default", "light"]
    page.locator(".md-header__option label:visible").click()
    assert page.evaluate(SHOWN) == ["slate", "dark"]
    page.goto(f"{served}/models/")
    assert page.evaluate(SHOWN) == ["slate", "dark"], "the next page forgot it"
    set_system(page, "dark")
    set_system(page, "light")
    assert page.evaluate(SHOWN) == ["slate", "dark"], "the system has the last word"
    page.locator(".md-header__option input:checked").press("Enter")
    assert page.evaluate(SHOWN) == ["default", "light"]
    assert page.evaluate("document.activeElement === document.querySelector('.md-header__option input:checked')")
    page.reload()
    assert page.evaluate(SHOWN) == ["default", "light"]
    context.close()


@pytest.mark.parametrize("name", [ARTICLE, "articles/visualizing-weights/", "models/speck/conv3/", "claims/"])
def test_a_page_is_not_styled_over_and_over(served: str, browser: Any, name: str) -> None:
    """A script that changes a class high up has it all styled again; the theme does so once where it wraps tables."""
    context = browser.new_context(viewport={"width": 412, "height": 823}, is_mobile=True, has_touch=True)
    page = context.new_page()
    session = browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    ended: list[Any] = []
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.on("Tracing.tracingComplete", lambda end: ended.append(end))
    categories = ["devtools.timeline", "loading"]
    session.send("Tracing.start", {"traceConfig": {"includedCategories": categories}, "transferMode": "ReportEvents"})
    page.goto(f"{served}/{name}", wait_until="networkidle")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    session.send("Tracing.end")
    while not ended:
        page.wait_for_timeout(20)
    painted = [event for event in events if event["name"] == "firstContentfulPaint"][-1]
    styled = sum(
        event.get("args", {}).get("elementCount", 0)
        for event in events
        if event["name"] == "UpdateLayoutTree" and (event["pid"], event["tid"]) == (painted["pid"], painted["tid"])
    )
    elements = page.evaluate("document.querySelectorAll('*').length")
    folded = page.evaluate("document.querySelectorAll('details:not([open]) > :not(summary) *').length")
    context.close()
    assert elements - folded < 2 * styled, "the count of the browser is not what it was taken for"
    assert styled < 2.5 * (elements - folded), f"{styled} elements were styled, of {elements - folded} that are shown"


def test_a_folded_table_says_that_it_scrolls_when_it_is_opened(served: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(f"{served}/models/speck/conv3/")
    table = page.locator(".wb-table").first
    box = table.locator(".wb-scroll")
    box.evaluate("box => { box.style.width = '120px'; }")
    assert box.get_attribute("data-scrolls") is None
    table.locator("summary").click()
    until(page, "box => box.hasAttribute('data-scrolls')", arg=box.element_handle())
    assert "Scrolls sideways" in box.evaluate("box => getComputedStyle(box, '::before').content")
    box.evaluate("box => { box.style.width = '4000px'; }")
    until(page, "box => !box.hasAttribute('data-scrolls')", arg=box.element_handle())
    page.close()
