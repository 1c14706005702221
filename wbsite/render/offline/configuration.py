"""What mkdocs is told for a site that is read from a folder: mkdocs.yml, and Material's offline plugin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PLUGIN = "offline"
POLYFILLS = ("assets/offline/iframe-worker.js", "assets/offline/offline.js")
"""Scripts before all others: workers, which browsers start for no file (the plugin would take it from another host),
and `fetch`, which they refuse."""


def configuration() -> bytes:
    """As YAML, to be read by `mkdocs build --config-file -`; what stands in mkdocs.yml is inherited."""
    from mkdocs.utils.yaml import yaml_load

    with Path("mkdocs.yml").open("rb") as file:
        own: Mapping[str, Any] = yaml_load(file)
    plugins = own.get("plugins") or ["search"]
    # A list, or a mapping from names to options: INHERIT replaces the one and adds to the other.
    offline = {PLUGIN: {"enabled": True}}
    added: Any = offline if isinstance(plugins, Mapping) else [*_without(plugins), offline]
    polyfills = [*((own.get("extra") or {}).get("polyfills") or ()), *POLYFILLS]
    return yaml.safe_dump({"INHERIT": "mkdocs.yml", "plugins": added, "extra": {"polyfills": polyfills}}).encode()


def _without(plugins: list[Any]) -> list[Any]:
    """The plugins but for the one that is added: it may be there, switched off."""
    return [plugin for plugin in plugins if PLUGIN not in (plugin, *(plugin if isinstance(plugin, Mapping) else ()))]
