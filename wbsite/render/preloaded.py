"""Imports everything that pages are made with, for the process that those which make pages are forked from."""

import altair  # noqa: F401
import pandas  # noqa: F401
import pyarrow.parquet  # noqa: F401

from wbsite.core import registry

for kind in ("results", "claims", "figures", "pages"):
    registry.entries(kind)
