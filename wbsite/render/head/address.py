"""Where the site will be found, as its mkdocs.yml says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.render import sources

SETTING = "site_url: https://…/ in mkdocs.yml"


@dataclass(frozen=True)
class Address:
    """A site's name and the address of its landing page, with a trailing slash; "" where none is set."""

    name: str
    url: str = ""

    def of(self, path: str) -> str:
        """Absolute address of a page or file below the site's root; "" where the site has none."""
        return self.url and self.url + path


def published() -> Address:
    """Name and address that the working folder's mkdocs.yml gives, or the one that it will be given.

    Raises:
        WbsiteError: it is no YAML, or its site_url is no http(s) address.
    """
    # Imported here: mkdocs takes its time, and a page that names no address needs none of it.
    from mkdocs.exceptions import ConfigurationError
    from mkdocs.utils.yaml import yaml_load

    path = Path("mkdocs.yml")
    try:
        settings = yaml_load((path if path.exists() else sources.mkdocs_configuration()).read_text(encoding="utf-8"))
    except (ConfigurationError, UnicodeDecodeError) as error:
        raise WbsiteError(f"mkdocs.yml cannot be read: {error}", "Repair it.") from error
    url = str(settings.get("site_url") or "")
    if url and not re.match(r"https?://[^/\s]+", url):
        raise WbsiteError(f"site_url in mkdocs.yml is {url!r}.", f"Write the site's address: {SETTING}.")
    return Address(str(settings.get("site_name") or ""), url and url.rstrip("/") + "/")
