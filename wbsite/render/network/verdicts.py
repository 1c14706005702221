"""What the published claims come to for one network, for an article about it: figure("verdicts")."""

from __future__ import annotations

from wbsite.claims.base import NETWORK, NOTHING
from wbsite.core.markup import html, joined
from wbsite.render.cards import effect_text
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.pages import _ledger as ledger
from wbsite.render.text import counted
from wbsite.results.site import Gap

HEADS = ("claim", "verdict", "effect with its 95 % interval")


METHOD = "Every claim is decided for this network alone, by its rule, which was fixed beforehand; the ledger of claims has the rule, the effect and its interval."


def draw(scene: Scene) -> Drawing | Gap:
    """A row a claim of which something can be said; the ledger has the others."""
    assert scene.model is not None
    lines = [line for line in ledger.lines(scene.site.narrowed(scene.model)) if line.claim.of == NETWORK]
    decided = [(line, row) for line in lines for row in line.rows if row.verdict != NOTHING]
    if not decided:
        return Gap("no claim can be tested on this network", failed=False)
    rows = []
    for line, row in decided:
        link = html('<a href="{}claims/#{}">{}</a>', scene.up, line.claim.name, line.claim.statement)
        verdict = html('<span class="wb-verdict wb-verdict-{}">{}</span>', row.verdict, row.word)
        effect = effect_text(row.effect) if row.effect else "–"
        rows.append(html('<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', link, verdict, effect))
    head = joined(html('<th scope="col">{}</th>', name) for name in HEADS)
    body = html(
        '<div class="wb-scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        joined(rows),
    )
    held = sum(row.verdict == "holds" for _, row in decided)
    title = scene.model.title
    finding = f"{held} of {counted(len(decided), 'published claim')} that can be tested on {title} hold."
    others = len(lines) - len(decided)
    caption = "Each links to its source and rule." + (
        f" {counted(others, 'other')} speak of what this network lacks." if others else ""
    )
    alt = f"Table of {counted(len(decided), 'claim')} with verdicts on {scene.model.title}; {held} hold."
    return Drawing(caption, alt, ledger.table(lines), body=body, width="wide", finding=finding, method=METHOD)


FIGURES = (Figure("verdicts", draw, "the verdicts on a network", of="model"),)
