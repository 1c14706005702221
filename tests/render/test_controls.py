"""Every kind of control on the site works by mouse, by keyboard and by touch; and there is none of another kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from controls import CONTROLS, Control

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
"""The screen of those who touch; others have one of 1280 pixels."""

WAYS = ("mouse", "keyboard", "touch")

CANDIDATES = "button, input, select, textarea, summary, audio, video, label[tabindex], [tabindex='0']"
"""What takes a pointer or the focus; links do so by themselves."""

BROWSERS = ".md-toggle, .md-option, .md-search__scrollwrap, .md-nav__link"
"""Parts of the theme that are used by way of their labels, and its lists."""

DRIVERS_OWN = "Ignored attempt to cancel a touchstart event"
"""Said when the driver takes back a touch whose target has moved, to try again; no script of a page cancels touches."""


@pytest.fixture
def opened(served: str, browser: Any) -> Iterator[Callable[..., Any]]:
    """opened(control, way): its page, and a locator of the control. Complaints of the page fail the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(control: Control, way: str) -> tuple[Any, Any]:
        size = PHONE if way == "touch" else {"viewport": {"width": control.width, "height": 900}}
        context = browser.new_context(color_scheme="light", accept_downloads=True, **size)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.on("download", lambda _: page.evaluate("window.saved = true"))
        page.goto(f"{served}/{control.page}")
        if control.page.startswith("compare"):
            page.wait_for_selector(".wb-compare[data-shown]")
        if "#unit" in control.page:
            page.wait_for_selector(".wb-unitpanel[data-shown] .wb-connection")
        if control.first:
            page.evaluate(control.first)
        found = page.locator(control.of or control.which).first
        found.wait_for(timeout=60_000)
        found.scroll_into_view_if_needed()
        return page, found

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def is_complaint(said: Any) -> bool:
    return said.type == "error" and not said.text.startswith(DRIVERS_OWN)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_works(opened: Callable[..., Any], name: str, way: str) -> None:
    control = CONTROLS[name]
    done = control.touched if way == "touch" and control.touched else control.done
    page, found = opened(control, way)
    if found.evaluate("element => Boolean(element.closest('figure')?.querySelector('.wb-chart'))"):
        page.wait_for_function(
            "element => element.closest('figure').querySelector('.wb-chart[data-drawn]')",
            arg=found.element_handle(),
            timeout=60_000,
        )
    assert not page.evaluate(f"Boolean({done})"), "done before anything was done"
    control.act(page, found, way)
    page.wait_for_function(f"() => Boolean({done})", timeout=20_000)


@pytest.mark.parametrize("name", sorted({control.page for control in CONTROLS.values()}))
def test_there_is_no_control_of_another_kind(served: str, browser: Any, name: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{served}/{name}")
    charts = page.locator(".wb-chart")
    for i in range(charts.count()):
        charts.nth(i).scroll_into_view_if_needed()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.wb-chart')].every(box => box.dataset.drawn)", timeout=60_000
    )
    kinds = ", ".join([BROWSERS, *(control.which for control in CONTROLS.values())])
    others = page.locator("css=" + CANDIDATES).evaluate_all(
        "(all, kinds) => all.filter(one => !one.matches(kinds)).map(one => one.outerHTML.slice(0, 200))", kinds
    )
    page.close()
    assert others == []
