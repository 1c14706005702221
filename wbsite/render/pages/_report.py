"""The page on the last run that computed something: build/report.html, beside the site and no part of it.

It has times, which differ from run to run, where the same results make the same site, byte for byte.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from wbsite.core.store import Store
from wbsite.render import sources
from wbsite.render.output import write_file

RECORD = "report"
TEMPLATE = "report.html.j2"


def write_report(store: Store) -> Path | None:
    """Writes it, where the store knows of a run that it does not tell of yet; returns where."""
    record = store.record(RECORD)
    if record is None:
        return None
    path = sources.PAGES.parent / "report.html"
    data = page(record).encode()
    if path.exists() and path.read_bytes() == data:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data)
    return path


def page(record: dict[str, Any]) -> str:
    """As HTML, in one file."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(sources.templates()[TEMPLATE].read_text(encoding="utf-8"))
    states = [task["state"] for task in record["tasks"]]
    tasks = sorted(record["tasks"], key=lambda task: -(task["seconds"] or 0.0))
    return template.render(
        {**record, "tasks": tasks, "counts": {state: states.count(state) for state in dict.fromkeys(states)}}
    )
