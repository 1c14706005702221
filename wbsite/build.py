"""The whole of `wbsite build`: compute, then render."""

from __future__ import annotations

from .config import Config
from .progress import Progress
from .store import DamagedEntry


def build(config: Config, progress: Progress, strict: bool = False) -> int:
    """Returns the number of gaps left on the pages.

    A store entry found damaged while a page is made is computed again, once.
    """
    from .render.publish import render_site
    from .run.compute import compute, forget

    ids, failures = compute(config, progress)
    try:
        render_site(config, ids, progress, strict)
    except DamagedEntry as damage:
        progress.line(f"damaged in the store: {damage}; computed again")
        forget(config, damage.key)
        ids, failures = compute(config, progress)
        render_site(config, ids, progress, strict)
    return failures
