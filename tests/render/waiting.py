"""Waiting for a page.

Playwright's own `wait_for_function` compiles a text within the page, which the site's content security policy forbids.
"""

from __future__ import annotations

import time
from typing import Any

OFTEN = 50
"""Milliseconds between two looks."""


def until(page: Any, expression: str, arg: Any = None, timeout: float = 30_000) -> None:
    """Waits until an expression, or a function of `arg`, is true in the page.

    Raises:
        playwright.sync_api.TimeoutError: it was not within `timeout` milliseconds.
    """
    from playwright.sync_api import Error, TimeoutError

    end = time.monotonic() + timeout / 1000
    while True:
        try:
            if page.evaluate(expression, arg):
                return
        except Error as error:
            if "context was destroyed" not in str(error):  # by going to another page, which is then asked
                raise
        if time.monotonic() > end:
            raise TimeoutError(f"{expression} was not true within {timeout / 1000:.0f} s")
        page.wait_for_timeout(OFTEN)
