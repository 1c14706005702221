"""Pages made in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from wbsite.core import machine
from wbsite.core.errors import WbsiteError
from wbsite.core.processes import belong, context, environment, starting, warm_up
from wbsite.core.store import Store
from wbsite.results.site import Site

from .charts import unchecked
from .page import Files, Page

PRELOADED = "wbsite.render.preloaded"
"""Imports what pages are made with, for the process that those which make them are forked from."""

WORTHWHILE = 8
"""Pages for each process from which on it is worth starting."""

_pages: dict[str, Page] = {}
"""In such a process: the site's pages by path."""


PagesOf = Callable[[Site], Sequence[Page]]
"""All pages of a site."""


def made(pages: Sequence[Page], site: Site, pages_of: PagesOf) -> Iterator[tuple[Page, Files]]:
    """Makes pages and yields each with its files: in this process where they are few, else on all processors.

    Args:
        pages_of: where a process finds those that it is to make.

    Raises:
        WbsiteError: a page cannot be made, or a process was killed.
    """
    processes = min(machine.processors(), len(pages) // WORTHWHILE)
    if processes < 2:
        yield from ((page, _files(page)) for page in pages)
        return
    warm_up([PRELOADED])
    arguments = (site.store.url, [model.id for model in site.models], site.articles, pages_of, environment())
    with ProcessPoolExecutor(processes, context(), _begin, arguments) as pool:
        with starting():
            by_future = {pool.submit(_make, page.path): page for page in pages}
        try:
            for future in as_completed(by_future):
                yield by_future[future], future.result()
        except BrokenProcessPool as error:
            raise WbsiteError(
                "a process that makes pages was killed, perhaps for want of memory.",
                "Free some and run the same command again: what is computed is kept.",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(
    store: str,
    models: Sequence[str],
    articles: Sequence[str],
    pages_of: PagesOf,
    environment: Mapping[str, str],
) -> None:
    belong(environment)
    _pages.update({page.path: page for page in pages_of(Site(Store(store), models, articles))})


def _make(path: str) -> Files:
    return _files(_pages[path])


def _files(page: Page) -> Files:
    with unchecked():
        return page.make()
