"""The files of a built site and what an address on one of its pages leads to."""

from __future__ import annotations

import functools
import os
import posixpath
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from wbsite.core.errors import WbsiteError

Kind = Literal["own", "other host", "opaque", "malformed"]


@functools.lru_cache(maxsize=1 << 16)
def split_url(url: str) -> SplitResult | None:
    """The parts of an address, None if it is malformed (`http://[`)."""
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def url_kind(url: str) -> Kind:
    """Whether an address is the site's own (relative), another host's, or needs none (data:, mailto:, #…)."""
    parts = split_url(url)
    if parts is None:
        return "malformed"
    # A scheme-relative address (//host/path) has a host without a scheme.
    if parts.netloc or parts.scheme in ("http", "https", "ws", "wss", "ftp"):
        return "other host"
    return "opaque" if parts.scheme else "own"


class SiteFiles:
    """The files below `root`, and where addresses lead among them.

    Names are paths relative to the root with forward slashes, compared by case as web servers do.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise WbsiteError(f"there is no site at {root}.", "Build one first, or name the folder it is in.")
        self.root = root
        self.base = "/"
        self.sizes: dict[str, int] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                if path.is_file():  # no link to nothing, which a server does not find either
                    self.sizes[path.relative_to(root).as_posix()] = path.stat().st_size

    def serve_under(self, base: str) -> None:
        """Sets the path the site is served under, such as "/wbsite/".

        An address from the host's root then leads into the site only below that path.
        """
        self.base = f"/{base.strip('/')}/" if base.strip("/") else "/"
        self._found.clear()

    def named(self, suffix: str) -> list[str]:
        """The files whose names end so, sorted."""
        return sorted(name for name in self.sizes if name.endswith(suffix))

    def read(self, name: str) -> str:
        """A file's text; bytes that are not UTF-8 show as U+FFFD."""
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def locate(self, origin: str, url: str) -> str | None:
        """The file that an own address on the page (or style sheet, or specification) `origin` leads to.

        A folder leads to its index.html; query and fragment are left out; None where nothing is there.
        """
        parts = split_url(url)
        if parts is None:
            return None
        if not parts.path:
            return origin
        # Navigation repeats the same addresses on every page of a folder.
        asked = (posixpath.dirname(origin), parts.path)
        if asked not in self._found:
            self._found[asked] = self._at(asked[0], unquote(parts.path))
        return self._found[asked]

    def _at(self, folder: str, path: str) -> str | None:
        if path.startswith("/"):
            if not (path + "/").startswith(self.base):
                return None
            joined = path[len(self.base) :]
        else:
            joined = posixpath.join(folder, path)
        name = posixpath.normpath(joined) if joined else "."
        if name in self.sizes and not path.endswith("/"):
            return name
        index = "index.html" if name == "." else f"{name}/index.html"
        return index if index in self.sizes else None
