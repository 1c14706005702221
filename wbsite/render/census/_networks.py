"""What figures of the census share: its tables, the names of tasks and measures, links to a network's line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wbsite.core.naming import CENSUS
from wbsite.render.figure import Scene
from wbsite.results.census.census import Census
from wbsite.results.site import Gap

if TYPE_CHECKING:
    import pandas as pd

TASKS = {
    "classification": "Classification",
    "detection": "Detection of objects",
    "segmentation": "Segmentation",
    "text": "Text",
    "faces": "Faces",
    "pose": "Hands and bodies",
    "restoration": "Super-resolution and restoration",
    "audio": "Sound",
    "generation": "Generation and style",
    "depth": "Depth",
}
"""Task of a manifest → its heading."""

POOLED = {"both": "rows and columns", "height": "rows", "width": "columns", "none": "nothing"}
"""Axes that a network averages away → what of its last map goes, in words."""

BANDED = {"horizontal": "horizontal bands", "vertical": "vertical bands", "none": "no bands", "undecided": "undecided"}


def opened(scene: Scene) -> Census | Gap:
    """The census, or why there is none."""
    return scene.site.suite(CENSUS).result_or_gap(Census)


def anchor(network: str) -> str:
    """The id of a network's line in the table of all."""
    return f"network-{network.replace('.', '-')}"


def first_trainings(networks: pd.DataFrame) -> pd.DataFrame:
    """One row for each trained network: of files with the same weights the first, and rather one that can be run."""
    kept = networks.sort_values("weights_alone", kind="stable").drop_duplicates("training")
    return kept.sort_index().reset_index(drop=True)
