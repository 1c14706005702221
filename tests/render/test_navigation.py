"""Finding one's way: contents of an article, tabs, crumbs, the strip of layers, indexes, and where addresses fail."""

from __future__ import annotations

from typing import Any

LAYERS = ["conv1", "conv2", "squeeze", "conv3", "point", "fc"]


def test_an_article_has_its_contents_beside_it_where_there_is_room(served: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{served}/articles/weight-banding/")
    contents = page.locator(".md-sidebar--secondary")
    assert contents.is_visible()
    text, notes = page.locator("#what-banding-is").bounding_box(), contents.bounding_box()
    assert notes["x"] + notes["width"] <= text["x"], "the contents lie on the text"
    page.locator(".wb-footer").scroll_into_view_if_needed()
    assert contents.bounding_box()["y"] > -900, "the contents scroll away"
    page.set_viewport_size({"width": 390, "height": 900})
    assert not contents.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_a_layers_page_says_where_it_lies(served: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(f"{served}/models/speck/conv3/")
    assert page.locator(".wb-tab-active").inner_text().strip() == "Models"
    assert page.locator(".wb-tab-active").is_visible(), "a telephone's reader does not see where they are"
    crumbs = page.locator(".wb-crumbs a").evaluate_all("links => links.map(link => link.href)")
    assert crumbs[:2] == [f"{served}/models/", f"{served}/models/speck/"]
    strip = page.locator(".wb-layerstrip a")
    assert strip.evaluate_all("links => links.map(link => link.href)") == [
        f"{served}/models/speck/{n}/" for n in LAYERS
    ]
    assert page.locator(".wb-layerstrip [aria-current=page]").inner_text() == "conv3"
    assert "H " in strip.nth(1).get_attribute("title")
    page.close()


def test_two_hundred_layers_fit_a_telephone(served: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})

    def lengthened(route: Any) -> None:
        answer = route.fetch()
        head, mark, rest = answer.text().partition('<a href="../fc/"')
        more = "".join(f'<a href="../layer{i}/" title="layer{i}">layer{i}</a>' for i in range(200))
        route.fulfill(
            response=answer,
            body=head.replace('"wb-layerstrip ', '"wb-layerstrip wb-layerstrip-many ') + more + mark + rest,
        )

    page.route("**/models/speck/fc/", lengthened)
    page.goto(f"{served}/models/speck/fc/")
    assert page.locator(".wb-layerstrip a").count() == 206
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    current = page.locator(".wb-layerstrip [aria-current=page]").bounding_box()
    assert 0 <= current["x"] <= 390 - current["width"], "the current layer is out of sight"
    assert current["width"] >= 24
    page.close()


def test_the_indexes_lead_to_every_article_and_model(served: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{served}/articles/")
    names = page.locator(".wb-index a").evaluate_all("links => links.map(link => link.href)")
    assert f"{served}/articles/weight-banding/" in names
    assert page.locator(".wb-turn [rel=next]").get_attribute("href").endswith("visualizing-weights/")
    page.goto(f"{served}/models/")
    row = page.locator(".wb-models tbody tr")
    assert row.count() == 1
    assert "3 × 16 × 16" in row.inner_text()
    assert page.locator(".wb-models img").evaluate("image => image.complete && image.naturalWidth > 0")
    page.close()


def test_the_header_keeps_its_tabs_on_a_long_page(served: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{served}/articles/weight-banding/")
    page.evaluate("scrollTo(0, 3000)")
    page.wait_for_function("() => scrollY > 2000")
    tab = page.locator(".wb-tab-active a")
    assert tab.inner_text() == "Articles"
    assert 0 <= tab.bounding_box()["y"] < 60
    page.close()


def test_every_card_of_the_landing_page_has_its_picture(served: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{served}/")
    cards = page.locator(".wb-card")
    assert cards.count() >= 2
    for i in range(cards.count()):
        cards.nth(i).scroll_into_view_if_needed()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.wb-card')].every(c => c.querySelector('img')?.naturalWidth)"
    )
    assert page.locator(".wb-opening img").evaluate("image => image.naturalWidth") > 0
    links = cards.evaluate_all("links => links.map(link => link.href)")
    assert f"{served}/models/speck/" in links
    page.close()


def test_a_lost_reader_finds_the_site_in_a_folder_of_its_host(served_within: str, browser: Any) -> None:
    page = browser.new_page()
    for lost in ("models/speck/conv9/", "nothing"):
        assert page.goto(f"{served_within}/{lost}").status == 404
        page.wait_for_function(
            "() => [...document.querySelectorAll('a')].every(link => link.href.includes('/project/'))"
        )
        links = page.locator("a").evaluate_all("links => links.map(link => link.href)")
        assert f"{served_within}/" in links
        assert f"{served_within}/models/" in links
        assert all(page.request.get(link).ok for link in links)
    page.close()
