"""The kinds of controls on the site: where they are, what their user does, and what that brings about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LAYER, ARTICLE, PLANE = "models/speck/conv3/", "articles/weight-banding/", "articles/information-plane/"
ACROSS, COMPARE = f"{ARTICLE}#fig-banding-across", "compare/?a=speck/conv2&b=speck/conv3"
WILD = "articles/in-the-wild/"
Act = Callable[[Any, Any, str], None]


def press(page: Any, control: Any, way: str) -> None:
    """A button, a link, a summary."""
    {"mouse": control.click, "keyboard": lambda: control.press("Enter"), "touch": control.tap}[way]()


def tick(page: Any, control: Any, way: str) -> None:
    """A radio button."""
    {"mouse": control.click, "keyboard": lambda: control.press("Space"), "touch": control.tap}[way]()


def choose(page: Any, control: Any, way: str) -> None:
    """A menu: its next choice, or the one before the last. The list of choices that opens is the browser's own."""
    place, last = control.evaluate("menu => [menu.selectedIndex, menu.options.length - 1]")
    assert last > 0, "nothing to choose from"
    down = place < last
    if way == "keyboard":
        control.press("ArrowDown" if down else "ArrowUp")
        return
    {"mouse": control.click, "touch": control.tap}[way](trial=True)  # a pointer reaches it
    control.select_option(index=place + 1 if down else place - 1)


def write(page: Any, control: Any, way: str) -> None:
    """A field for words."""
    {"mouse": control.click, "keyboard": control.focus, "touch": control.tap}[way]()
    page.keyboard.type("face")


def slide(page: Any, control: Any, way: str) -> None:
    """A slider: to its beginning, or from there to its end."""
    onward, box = control.evaluate("slider => slider.value === slider.min"), control.bounding_box()
    place = {"x": box["width"] - 3 if onward else 3, "y": box["height"] / 2}
    if way == "keyboard":
        control.press("End" if onward else "Home")
    else:
        {"mouse": control.click, "touch": control.tap}[way](position=place)


def pick(page: Any, control: Any, way: str) -> None:
    """A grid of units: one of them."""
    place = {"x": 20, "y": 20}
    if way == "keyboard":
        control.press("ArrowRight")
    else:
        {"mouse": control.click, "touch": control.tap}[way](position=place)


def enter(page: Any, control: Any, way: str) -> None:
    """A unit of a grid that leads to the unit's page."""
    pick(page, control, way)
    if way == "keyboard":
        control.press("Enter")


def hover(page: Any, control: Any, way: str) -> None:
    """A mark with a card: it opens under the pointer and with the focus; a finger follows its link."""
    {"mouse": control.hover, "keyboard": control.focus, "touch": control.tap}[way]()


def scroll(page: Any, control: Any, way: str) -> None:
    """What is wider than its place; not before pictures above it have come, which move it."""
    page.wait_for_load_state("networkidle")
    control.evaluate("box => box.scrollIntoView({block: 'center', behavior: 'instant'})")
    box = control.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], 200) / 2
    if way == "keyboard":
        control.press("ArrowRight")
    elif way == "mouse":
        page.mouse.move(x, y)
        page.mouse.wheel(120, 0)
    else:
        touches = page.context.new_cdp_session(page)
        for kind, moved in (("touchStart", 0), *(("touchMove", 20 * i) for i in range(1, 7))):
            points = [{"x": x - moved, "y": y}]
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def search(page: Any, control: Any, way: str) -> None:
    """Types a query and follows what comes first."""
    opening = {
        "mouse": lambda: page.click(".md-search__input"),
        "keyboard": lambda: page.keyboard.press("/"),
        "touch": lambda: page.locator(".md-header label[for=__search]:visible").first.tap(),
    }
    opening[way]()
    page.wait_for_function("() => document.activeElement.matches('.md-search__input')")
    if way == "touch":
        page.wait_for_selector("body[data-md-scrolllock]")  # the page behind has come to rest
    page.keyboard.type("conv2")
    first = page.locator(".md-search-result__item [href*='models/speck/conv2/']").first
    first.wait_for()
    {"mouse": first.click, "keyboard": lambda: page.keyboard.press("Enter"), "touch": first.tap}[way]()


def leave_search(page: Any, control: Any, way: str) -> None:
    """The search is closed: beside it, by Escape, by its arrow."""
    page.evaluate(at("#__search", ".click()"))
    page.wait_for_function(f"() => {at('.md-search__output', '.getBoundingClientRect().height > 0')}")
    page.wait_for_timeout(400)  # until it has slid in
    closing = {
        "mouse": lambda: page.mouse.click(300, 700),
        "keyboard": lambda: page.locator(".md-search__input").press("Escape"),
        "touch": lambda: page.locator(".md-search__icon[for=__search]").tap(),
    }
    closing[way]()
    page.evaluate("window.closed_ = true")


def switch(page: Any, control: Any, way: str) -> None:
    """Light and dark: a label for the pointer, the choice itself for keys."""
    if way == "keyboard":
        page.locator(".md-option:has(+ label:not([hidden]))").press("Enter")
    else:
        press(page, control, way)


def follows(path: str) -> str:
    return f"location.href.includes('{path}')"


@dataclass(frozen=True)
class Control:
    """A kind of control.

    Attributes:
        page: where one is; its part after # is in view.
        which: selector of the kind.
        act: what its user does.
        done: expression that becomes true by that.
        touched: the same for a finger, where that does something else.
        of: the page's own selector of the one that is used, if not the first of its kind.
        width: of the window of mouse and keyboard.
        first: expression that is run before, to open what the control is in.
    """

    page: str
    which: str
    act: Act
    done: str
    touched: str = ""
    of: str = ""
    width: int = 1280
    first: str = ""


def at(selector: str, rest: str) -> str:
    """An expression on the first element of a kind."""
    return f'document.querySelector("{selector}"){rest}'


def card(kind: str) -> str:
    """Whether a card of a kind of mark is seen."""
    cards = f"document.querySelectorAll('a.wb-{kind} + *')"
    return f"[...{cards}].some(card => card.checkVisibility({{visibilityProperty: true}}))"


OPEN = "[...document.querySelectorAll('{}')].some(box => box.open)"
PANEL = at(".wb-unitpanel", "")

CONTROLS = {
    "palette": Control(
        "",
        ".md-header__option label",
        switch,
        "document.body.dataset.mdColorScheme === 'slate'",
        of=".md-header__option label:visible",
    ),
    "search": Control("claims/", ".md-search__input", search, follows("/models/speck/conv2/"), of="body"),
    "closing the search": Control(
        "",
        ".md-search *",
        leave_search,
        "window.closed_ && !document.querySelector('#__search').checked",
        of="body",
    ),
    "menu of a narrow window": Control(
        ARTICLE,
        ".md-header label[for=__drawer]",
        press,
        at("#__drawer", ".checked"),
        width=700,
    ),
    "method": Control(ARTICLE, ".wb-method > summary", press, OPEN.format(".wb-method")),
    "more files": Control(
        PLANE, ".wb-tools > details:not(.wb-table) > summary", press, OPEN.format(".wb-tools > details")
    ),
    "list under a figure": Control(
        "models/speck/", "figure > details > summary", press, at("figure > details", ".open === false")
    ),
    "table": Control(LAYER, ".wb-table > summary", press, at(".wb-table[open] td", "")),
    "pages of a table": Control(
        LAYER,
        ".wb-pager button",
        press,
        at(".wb-pager [role=status]", "?.textContent.startsWith('Rows 26')"),
        of=".wb-pager button:text('Next')",
        first=at(".wb-table[data-rows] summary", ".click()"),
    ),
    "pictures of a chart": Control(
        ACROSS, ".wb-tools > button", press, "window.saved", of="#fig-banding-across .wb-tools > button:text('SVG')"
    ),
    "menu of a chart": Control(
        ACROSS,
        ".vega-bind input",
        tick,
        follows("banding-across.source=nmf"),
        of="#fig-banding-across input[value=nmf]",
    ),
    "list of a chart": Control(
        f"{WILD}#fig-wild-depth",
        ".vega-bind select",
        choose,
        follows("wild-depth.network="),
        of="#fig-wild-depth .vega-bind select",
    ),
    "legend": Control(
        ACROSS,
        ".wb-picks button",
        press,
        follows("banding-across.picked=Speck"),
        of="#fig-banding-across .wb-picks button",
    ),
    "menu of a figure": Control(
        PLANE,
        ".wb-choice select",
        choose,
        "location.search.includes('=')",
        of="select[data-parameter]",
    ),
    "number of clusters": Control(
        ARTICLE,
        ".wb-clusters input[type=range]",
        slide,
        at(".wb-clusters", ".dataset.drawn?.endsWith(' last')"),
    ),
    "layer of clusters": Control(
        ARTICLE,
        ".wb-clusters input[type=radio]",
        tick,
        at(".wb-clusters", ".dataset.drawn?.endsWith(' before')"),
        of=".wb-clusters input[value=before]",
    ),
    "network of heatmaps": Control(
        PLANE,
        ".wb-heatmaps select",
        choose,
        at(".wb-heatmaps image", ".href.baseVal !== window.seen"),
        first="window.seen = document.querySelector('.wb-heatmaps image').href.baseVal",
    ),
    "units of heatmaps": Control(
        PLANE,
        ".wb-heatmaps select[name=units]",
        choose,
        at(".wb-heatmaps-grid", ".innerText.includes('unit 1 of')"),
    ),
    **{
        f"{name} of the information plane": Control(
            PLANE,
            f".wb-planes select[name={name}]",
            choose,
            at(".wb-planes", ".dataset.drawn?.split(' ')") + f".includes({at(f'.wb-planes [name={name}]', '.value')})",
        )
        for name in ("configuration", "estimator", "run")
    },
    "player": Control(
        PLANE,
        ".wb-planes-player button",
        press,
        "window.places.includes('0')",
        first="""window.places = [];
            const box = document.querySelector('.wb-planes');
            const watch = new MutationObserver(() => places.push(box.dataset.place));
            watch.observe(box, {attributeFilter: ['data-place']});""",
    ),
    "epoch": Control(PLANE, ".wb-planes-player input", slide, at(".wb-planes", ".dataset.place === '0'")),
    "grid of units": Control(LAYER, ".wb-units canvas", pick, f"{PANEL}.dataset.shown", of=".wb-units-stage > canvas"),
    "next unit": Control(
        f"{LAYER}#unit-3", ".wb-unitpanel-steps button", press, f"{PANEL}.dataset.shown === '4'", of="[data-step='1']"
    ),
    "unit before": Control(f"{LAYER}#unit-3", "[data-step='-1']", press, f"{PANEL}.dataset.shown === '2'"),
    "closing a unit": Control(
        f"{LAYER}#unit-3",
        ".wb-unitpanel-close",
        press,
        f"{PANEL} && !{PANEL}.dataset.shown && !location.hash",
        width=700,
    ),
    "whole photographs": Control(
        "models/speck/conv1/#unit-3",
        ".wb-patches-head button",
        press,
        at(".wb-patches-head button", ".ariaPressed === 'true'"),
    ),
    "connection of a unit": Control(
        f"{LAYER}#unit-3",
        "a.wb-connection",
        press,
        "!location.pathname.endsWith('/conv3/')",
        of="section[data-kind=output] a.wb-connection",
    ),
    "order of units": Control(LAYER, ".wb-units-controls select", choose, "location.search.includes('order=')"),
    "pictures of units": Control(
        LAYER,
        ".wb-units-controls select",
        choose,
        "location.search.includes('show=')",
        of=".wb-units-controls select >> nth=1",
    ),
    "colours": Control(LAYER, ".wb-colours select", choose, "location.search.includes('colours=even')"),
    "order of the census": Control(
        WILD,
        ".wb-wild thead button",
        press,
        "location.search.includes('sort=H')",
        of=".wb-wild thead button:text('H last')",
    ),
    "task of the census": Control(WILD, ".wb-wild-filter select", choose, "location.search.includes('task=')"),
    "words of the census": Control(WILD, ".wb-wild-filter input", write, "location.search.includes('words=face')"),
    "facts of a network": Control(WILD, ".wb-wild summary", press, OPEN.format(".wb-wild details")),
    "layers to compare": Control(
        COMPARE, ".wb-compare-choice select", choose, "!location.search.includes('a=speck/conv2&')"
    ),
    "swap": Control(COMPARE, ".wb-compare-choice button", press, "location.search.startsWith('?a=speck/conv3')"),
    **{
        f"{label.lower()} in a comparison": Control(
            COMPARE,
            ".wb-compare .wb-units-controls select",
            choose,
            f"location.search.includes('{name}=')",
            of=f".wb-compare label:has-text('{label}') select",
        )
        for label, name in (("H of units on", "of"), ("Order by", "order"), ("Show", "show"))
    },
    "unit of compared layers": Control(
        COMPARE,
        ".wb-compare canvas",
        enter,
        follows("/models/speck/conv2/#unit-"),
    ),
    **{
        f"ledger by {name}": Control("claims/", f".wb-ledger-filter [name={name}]", choose, follows(f"?{name}="))
        for name in ("article", "verdict", "of")
    },
    "whole ledger": Control("claims/?verdict=holds", ".wb-ledger-filter button", press, "location.search === ''"),
    "citation": Control(
        ARTICLE,
        "a.wb-cite",
        hover,
        card("cite"),
        touched="location.hash.startsWith('#ref-')",
    ),
    "term": Control(
        ARTICLE,
        "a.wb-term",
        hover,
        card("term"),
        touched=follows("/terms/#"),
    ),
    "evidence": Control(
        ARTICLE,
        "a.wb-evidence",
        hover,
        card("evidence"),
        touched=follows("/claims/#"),
    ),
    "copying": Control(ARTICLE, ".wb-copied button", press, at(".wb-copied button", ".textContent === 'Copied'")),
    "what scrolls sideways": Control(
        "models/speck/",
        "[tabindex='0']",
        scroll,
        "[...document.querySelectorAll('.wb-scroll')].some(box => box.scrollLeft > 0)",
        of=".wb-scroll.wb-full",
        width=390,
    ),
    **{
        name: Control(page, selector, press, done, of=f"{selector}:visible")
        for name, page, selector, done in (
            ("tab", ARTICLE, ".wb-tabs a[href*=models]", follows("/models/")),
            ("brand", ARTICLE, ".wb-brand", "location.pathname === '/'"),
            ("crumb", LAYER, ".wb-crumbs a", "location.pathname === '/models/'"),
            ("strip of layers", LAYER, ".wb-layerstrip a", follows("/models/speck/conv1/")),
            ("number of a figure", ARTICLE, "a.wb-number", "location.hash.startsWith('#fig-')"),
            ("figure in the text", ARTICLE, "a.wb-ref", "location.hash.startsWith('#fig-')"),
            ("tile of a unit", "articles/visualizing-weights/", "a.wb-unit", follows("/models/speck/")),
            ("card of the landing page", "", "a.wb-card", follows("/articles/")),
            ("next article", ARTICLE, ".wb-turn a[rel=next]", follows("/articles/branch-specialization/")),
            ("back to the text", ARTICLE, "a.wb-reference-back", "location.hash.startsWith('#cite-')"),
        )
    },
}
