#!/usr/bin/env bash
# Altair 6.3.0: a channel that is given as a string costs a search of the whole schema, each time; as an object, nothing.
#
# Seen: `encode(x="a:Q")` turns the string into a channel through `from_dict`, which first serialises the schema of every
# class of the package, more than five hundred, to JSON, to find out which class has which schema; nothing is kept for
# the next call. `encode(x=alt.X("a:Q"))` does none of that, and both give the same specification. A site of a few
# hundred charts with a thousand such strings spent a third of its time on it.
#
# wbsite spells channels out (wbsite/render/charts.py and the figures).
# Fails if the strings no longer cost more than a hundred serialised schemas each, or the specifications differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" altair==6.3.0
"$folder/venv/bin/python" - <<'PY'
import json
from collections.abc import Callable

import altair as alt

assert alt.__version__ == "6.3.0", alt.__version__


def serialised(make: Callable[[], alt.Chart]) -> tuple[int, dict]:
    """How often something is turned into JSON while a chart is made, and the chart's specification."""
    count, dumps = 0, json.dumps

    def counted(*args, **kwargs):
        nonlocal count
        count += 1
        return dumps(*args, **kwargs)

    json.dumps = counted
    try:
        chart = make()
    finally:
        json.dumps = dumps
    return count, chart.to_dict(validate=False)


def chart() -> alt.Chart:
    return alt.Chart(alt.UrlData("data.csv")).mark_point()


serialised(lambda: chart().encode(x="a:Q"))  # what is done once for all
strings = serialised(lambda: chart().encode(x="a:Q", y="b:Q"))
objects = serialised(lambda: chart().encode(x=alt.X("a:Q"), y=alt.Y("b:Q")))
assert strings[1] == objects[1]
assert objects[0] == 0, objects[0]
assert strings[0] > 2 * 100, strings[0]
print(f"two channels as strings: {strings[0]} schemas serialised; as objects: {objects[0]}; the same specification")
PY
