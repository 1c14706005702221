"""The whole of `wbsite build`: compute, then render."""

from __future__ import annotations

from wbsite.core.config import Config
from wbsite.core.progress import Progress
from wbsite.core.store import DamagedEntry, Store


def build(config: Config, progress: Progress, strict: bool = False) -> int:
    """Returns the number of gaps left on the pages.

    What can be refused is refused before anything is computed. A store entry found damaged while a
    page is made is computed again, each at most once.
    """
    from wbsite.render.parallel import PRELOADED
    from wbsite.render.publish import check_request, render_site
    from wbsite.run.compute import compute

    check_request(config)
    damaged: set[str] = set()
    while True:
        ids, _ = compute(config, progress, pages=(PRELOADED,))
        try:
            return render_site(config, ids, progress, strict)
        except DamagedEntry as damage:
            if damage.key in damaged:
                raise
            progress.line(f"damaged in the store: {damage.message} It is computed again.")
            damaged.add(damage.key)
            Store(config.store).remove(damage.key)
