"""Charts that came alive: nothing moves, what is chosen is kept in the address, rows are paged, pictures are saved."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

ARTICLE = "articles/weight-banding/"
LAYER = "models/speck/conv3/"
FIGURE = "#fig-banding-across"
DRAWN = f"{FIGURE} .wb-chart[data-drawn]"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page on whose console nothing may be said."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    yield page
    page.close()
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", [ARTICLE, LAYER])
def test_nothing_moves_when_a_chart_comes_alive(served: str, browser: Any, name: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    heights = "all => all.map(box => box.getBoundingClientRect().height)"
    before = context.new_page()
    before.route("**/wbsite.js", lambda route: route.abort())
    before.goto(f"{served}/{name}")
    still = before.locator(".wb-chart").evaluate_all(heights)
    page = context.new_page()
    page.goto(f"{served}/{name}")
    boxes = page.locator(".wb-chart")
    for i in range(boxes.count()):
        boxes.nth(i).scroll_into_view_if_needed()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.wb-chart')].every(box => box.dataset.drawn)", timeout=60_000
    )
    assert boxes.evaluate_all(heights) == pytest.approx(still, abs=2)
    live = "all => all.map(box => box.querySelector('.wb-chart-live').clientWidth / box.clientWidth)"
    assert boxes.evaluate_all(live) == [1] * boxes.count(), "a live chart is narrower than its place"
    context.close()


def test_a_choice_is_kept_in_the_address_beside_the_anchor(served: str, page: Any) -> None:
    page.goto(f"{served}/{ARTICLE}{FIGURE}")
    page.wait_for_selector(DRAWN, timeout=60_000)
    assert "?" not in page.url
    pictures = page.locator(f"{FIGURE} input[value=nmf]")
    pictures.focus()
    page.keyboard.press("Space")
    page.wait_for_url(f"**/?banding-across.source=nmf{FIGURE}")
    page.reload()
    page.wait_for_selector(DRAWN, timeout=60_000)
    assert pictures.is_checked()
    assert page.url.endswith(f"?banding-across.source=nmf{FIGURE}")
    page.locator(f"{FIGURE} input[value=weights]").check()
    page.wait_for_url(f"**/{ARTICLE}{FIGURE}")


def test_an_address_with_a_choice_that_is_none_shows_the_chart_as_usual(served: str, page: Any) -> None:
    page.goto(f"{served}/{ARTICLE}?banding-across.source=feathers&banding-across.picked=Nobody{FIGURE}")
    page.wait_for_selector(DRAWN, timeout=60_000)
    assert page.locator(f"{FIGURE} input[value=weights]").is_checked()


def test_what_a_legend_brings_out_is_chosen_by_keys_and_kept(served: str, page: Any) -> None:
    page.goto(f"{served}/{ARTICLE}{FIGURE}")
    page.wait_for_selector(DRAWN, timeout=60_000)
    button = page.get_by_role("group", name="Bring out").get_by_role("button", name="Speck")
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/?banding-across.picked=Speck{FIGURE}")
    page.wait_for_selector(f"{FIGURE} .wb-picks [aria-pressed=true]:focus")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{ARTICLE}{FIGURE}")


def test_a_menu_sets_its_charts_and_the_caption_follows(served: str, page: Any) -> None:
    """The page is given a menu and words as `chart_menu` and `caption_by_choice` write them."""
    from wbsite.render.charts import caption_by_choice
    from wbsite.render.information._html import chart_menu

    menu = chart_menu("source", "On", {"weights": "weights", "nmf": "pictures"}, "weights")
    words = caption_by_choice("source", {"weights": "On full weights.", "nmf": "On pictures."})
    named = '<output data-parameter="source">weights</output>'

    def with_menu(route: Any) -> None:
        text = route.fetch().text()
        start = text.index('id="fig-banding-across"')
        chart = text.index('<div class="wb-chart"', start)
        caption = text.index("</figcaption>", start)
        route.fulfill(
            body=f"{text[:chart]}{menu}{text[chart:caption]}{words}{named}{text[caption:]}", content_type="text/html"
        )

    page.route(re.compile(rf"{ARTICLE}(\?.*)?$"), with_menu)
    page.goto(f"{served}/{ARTICLE}{FIGURE}")
    page.wait_for_selector(DRAWN, timeout=60_000)
    caption = page.locator(f"{FIGURE} figcaption")
    assert "On full weights." in caption.inner_text()
    assert "On pictures." not in caption.inner_text()
    page.select_option(f"{FIGURE} select", "nmf")
    page.wait_for_url(f"**/?banding-across.source=nmf{FIGURE}")
    assert "On pictures." in caption.inner_text()
    assert "On full weights." not in caption.inner_text()
    assert page.locator(f"{FIGURE} output").inner_text().endswith("pictures")


def test_a_table_shows_all_rows_a_page_at_a_time_by_keys(served: str, built: Path, page: Any) -> None:
    page.goto(f"{served}/{LAYER}")
    table = page.locator(".wb-table[data-rows]").first
    file = table.get_attribute("data-rows")
    rows = list(csv.reader(io.StringIO((built / "site" / LAYER / file).read_text())))[1:]
    assert len(rows) > 25
    assert table.locator("tbody tr").count() == 10
    first = table.locator("tbody tr").first.evaluate("row => row.innerHTML")
    table.locator("summary").focus()
    page.keyboard.press("Enter")
    status = table.get_by_role("status")
    status.wait_for()
    assert table.locator("tbody tr").first.evaluate("row => row.innerHTML") == first, "numbers are written otherwise"
    seen = 0
    following = table.get_by_role("button", name="Next")
    following.focus()
    while True:
        seen += table.locator("tbody tr").count()
        if following.get_attribute("aria-disabled") == "true":
            break
        page.keyboard.press("Enter")
    assert seen == len(rows)
    assert status.inner_text().endswith(f"to {len(rows)} of {len(rows)}")
    last = table.locator("tbody tr").last.locator("td")
    assert last.count() == len(rows[-1])
    table.get_by_role("button", name="First").press("Enter")
    assert status.inner_text() == f"Rows 1 to 25 of {len(rows)}"


def test_a_picture_is_saved_as_the_chart_is_now(served: str, page: Any, tmp_path: Path) -> None:
    page.goto(f"{served}/{ARTICLE}?banding-across.source=nmf{FIGURE}")
    page.wait_for_selector(DRAWN, timeout=60_000)
    tools = page.locator(f"{FIGURE} .wb-tools")
    saved = {}
    for kind in ("SVG", "PNG"):
        with page.expect_download() as download:
            tools.get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"banding-across.{kind.lower()}"
        saved[kind] = tmp_path / kind
        download.value.save_as(saved[kind])
    drawing = ElementTree.parse(saved["SVG"]).getroot()
    words = " ".join("".join(text.itertext()) for text in drawing.iter("{http://www.w3.org/2000/svg}text"))
    assert "banding index H" in words
    marks = page.locator(f"{FIGURE} .wb-chart-live .role-mark path").evaluate_all(
        "all => all.map(mark => mark.getAttribute('d'))"
    )
    kept = {path.get("d") for path in drawing.iter("{http://www.w3.org/2000/svg}path")}
    assert marks and set(marks) <= kept
    with Image.open(saved["PNG"]) as picture:
        width, height = (int(drawing.get(side, "0")) for side in ("width", "height"))
        assert picture.size == (2 * width, 2 * height)
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10, "the picture is empty"
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
