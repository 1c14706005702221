"""Charts and formulas are there for readers whose browser runs no script, opens a folder, or prints."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from wbsite.render import drawings, sources

PAGES = (
    "articles/visualizing-weights/",
    "articles/weight-banding/",
    "articles/branch-specialization/",
    "articles/information-plane/",
    "models/speck/conv3/",
)

SPEC = {
    "data": {"url": "a.csv", "format": {"type": "csv"}},
    "mark": "bar",
    "encoding": {"x": {"field": "layer", "type": "nominal"}, "y": {"field": "H", "type": "quantitative"}},
    "width": "container",
    "height": 120,
}
CSV = b"layer,H\nfirst,0.1\nlast,0.6\n"


def shown(page: Any) -> list[dict[str, float]]:
    """Scrolls to every chart; the sizes of their pictures on the page and in themselves."""
    pictures = page.locator(".wb-chart img")
    sizes = []
    for i in range(pictures.count()):
        picture = pictures.nth(i)
        picture.scroll_into_view_if_needed()
        picture.evaluate("picture => picture.decode()")
        sizes.append(picture.evaluate("p => ({wide: p.clientWidth, high: p.clientHeight, natural: p.naturalWidth})"))
    assert len(sizes) == page.locator(".wb-chart").count() > 0
    return sizes


@pytest.mark.parametrize("width", [1280, 390])
def test_without_a_script_every_chart_is_a_picture(served: str, browser: Any, width: int) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 900})
    for name in PAGES:
        page = context.new_page()
        page.goto(f"{served}/{name}")
        # Playwright's own scripts run all the same.
        for size in shown(page):
            assert size["natural"] > 0, name
            assert size["high"] > 60, name
            assert width > 400 or size["wide"] > 0.8 * size["natural"], f"{name}: letters too small to read on a phone"
        page.close()
    context.close()


def test_in_a_folder_every_chart_is_a_picture_and_nothing_complains(built: Path, browser: Any) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{(built / 'site' / PAGES[1]).as_uri()}/index.html")
    assert all(size["natural"] and size["high"] > 60 for size in shown(page))
    assert [text for text in complaints if ".vl.json" in text or ".csv" in text or "chart" in text] == []
    page.close()


@pytest.mark.parametrize("name", PAGES[:4])
def test_the_first_print_has_every_chart_in_light_colours(served: str, built: Path, browser: Any, name: str) -> None:
    """Printed as soon as the page is there, by a reader in the dark."""
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{served}/{name}")
    files = page.locator(".wb-chart img").evaluate_all("all => all.map(picture => picture.getAttribute('src'))")
    pdf = pypdfium2.PdfDocument(page.pdf(format="A4"))
    context.close()
    said = "".join("".join(sheet.get_textpage().get_text_range().split()) for sheet in pdf)
    for file in files:
        words = re.findall(r"<text[^>]*>([^<]+)</text>", (built / "site" / name / file).read_text())
        longest = max(words, key=len)
        assert "".join(longest.split()) in said, f"{file} is not on paper"
    for sheet in pdf:
        points = np.asarray(sheet.render(scale=0.5).to_pil().convert("L"))
        assert np.median(points) == 255, "a page is not white"
        assert points[:, -8:].min() == 255, "something reaches the edge of the paper"


@pytest.mark.parametrize(("scheme", "ink"), [("default", "#2c313a"), ("slate", "#d7dce4")])
def test_a_picture_follows_the_scheme_of_the_page_and_not_of_the_system(
    served: str, browser: Any, scheme: str, ink: str
) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "default" else "light")
    page = context.new_page()
    page.route("**/wbsite.js", lambda route: route.abort())
    page.goto(f"{served}/{PAGES[1]}")
    page.evaluate(f"document.body.dataset.mdColorScheme = '{scheme}'")
    picture = page.locator(".wb-chart img").first
    picture.scroll_into_view_if_needed()
    picture.evaluate("picture => picture.decode()")
    points = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("RGB")).reshape(-1, 3).astype(int)
    wanted = np.array([int(ink[i : i + 2], 16) for i in (1, 3, 5)])
    assert (np.abs(points - wanted).max(1) < 12).sum() > 20, "letters have another colour"
    context.close()


def test_the_script_and_the_drawings_have_the_same_dark_colours() -> None:
    style = sources.templates()["assets/css/charts.css"].read_text()
    rules = re.findall(r'slate"\] \.wb-chart-live \[(\w+)="(#\w+)"\] \{ \w+: (#\w+)', style)
    assert {(light, dark) for _, light, dark in rules} == set(drawings.appearance()["dark"].items())


def test_a_drawing_is_made_again_only_if_its_chart_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = json.dumps(SPEC).encode()
    first = drawings.draw(spec, CSV, 300)
    assert (first.width, b"first" in first.svg, b"last" in first.svg) == (300, True, True)
    kept = tmp_path / "a.svg"
    kept.write_bytes(first.svg)
    monkeypatch.setattr(drawings, "_svg", lambda *given, **options: '<svg width="1" height="1"></svg>')
    assert drawings.draw(spec, CSV, 300, kept) == first
    assert drawings.draw(spec, CSV.replace(b"0.6", b"0.5"), 300, kept).width == 1
    assert drawings.draw(spec, CSV, 301, kept).width == 1
    kept.write_bytes(b"<svg damaged")
    assert drawings.draw(spec, CSV, 300, kept).width == 1


def test_a_huge_drawing_becomes_points(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawings.draw(json.dumps(SPEC).encode(), CSV, 300)
    monkeypatch.setattr(drawings, "LARGEST", 1000)
    points = drawings.draw(json.dumps(SPEC).encode(), CSV, 300)
    assert (points.width, points.height) == (whole.width, whole.height)
    assert b"data:image/png;base64," in points.svg


def test_drawing_asks_no_host_for_data(served: str) -> None:
    """The page's script would; a build must not."""
    spec = {**SPEC, "data": {"url": f"{served}/last-layers.csv"}}
    with pytest.raises(ValueError, match="not allowed"):
        drawings.draw(json.dumps(spec).encode(), CSV, 300)


def test_formulas_are_set_without_a_script_in_a_font_of_the_site(served: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{served}/articles/weight-banding/")
    page.wait_for_load_state("networkidle")
    formulas = page.locator(".md-content math").evaluate_all("all => all.map(formula => formula.clientWidth || 1)")
    assert len(formulas) > 20
    assert page.locator(".md-content math[display=block] mfrac").count() > 0
    assert "$" not in re.sub(r"(?s)Citation.*", "", page.locator(".md-content").inner_text())
    assert any(url.endswith("stix-two-math.woff2") for url in requests)
    assert all(url.startswith(served) for url in requests)
    context.close()


def test_a_formula_that_is_no_latex_is_shown_as_written_and_named(rebuilt: Path, cli: Callable[..., Any]) -> None:
    (rebuilt / "content").mkdir()
    front = "---\ntitle: T\ndescription: D\nauthors: [A]\norder: 1\n---\n"
    (rebuilt / "content" / "mine.md").write_text(front + "Good $H$, bad $\\fracc{a}{b}$.\n")
    ran = cli("render")
    assert ran.status == 3, ran
    assert "$\\fracc{a}{b}$ of /articles/mine could not be drawn" in ran.err
    page = (rebuilt / "site" / "articles" / "mine" / "index.html").read_text()
    assert "<mi>H</mi>" in page
    assert "<code>&#36;\\fracc{a}{b}&#36;</code>" in page or "<code>$\\fracc{a}{b}$</code>" in page
