#!/usr/bin/env bash
# altair 6.3.0, compiled by vl-convert-python 1.9.0: a legend selection added to a layered chart hears no click.
#
# Seen: `alt.layer(rule, dots).add_params(pick)` with `pick = alt.selection_point(fields=["name"], bind="legend")` gives
# the selection to the first layer. Where that layer has no encoding of the field, the compiled chart draws the legend,
# shows the condition of the other layer, and has no signal that listens to the legend: clicks do nothing, and neither
# Altair nor the compiler warns. `alt.layer(rule, dots.add_params(pick))`, with the selection on the layer that the
# legend comes from, listens. The first figure of wbsite's that stacked a rule under dots had a dead legend for it.
#
# Fails if the layered chart listens to its legend, if the other no longer does, or if a warning is given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" altair==6.3.0 vl-convert-python==1.9.0
"$folder/venv/bin/python" -W error - <<'PY'
import json

import altair as alt
import vl_convert

data = alt.Data(values=[{"x": 1, "y": 2, "name": "a"}, {"x": 2, "y": 3, "name": "b"}])
pick = alt.selection_point(fields=["name"], bind="legend", name="pick")
rule = alt.Chart(data).mark_rule().encode(y=alt.datum(0))
dots = (
    alt.Chart(data)
    .mark_point()
    .encode(x="x:Q", y="y:Q", color="name:N", opacity=alt.condition(pick, alt.value(1), alt.value(0.2)))
)


def listens(chart):
    """Whether the compiled chart has a signal that clicks on its legend change, and whether it has the legend."""
    vega = vl_convert.vegalite_to_vega(chart.to_dict(), vl_version=vl_convert.get_vegalite_versions()[-1])
    text = json.dumps(vega)
    return "pick_name_legend" in text, bool(vega.get("legends")), "isSelectionEmpty" in text or "pick_store" in text


on_chart, on_layer = listens(alt.layer(rule, dots).add_params(pick)), listens(alt.layer(rule, dots.add_params(pick)))
assert on_chart == (False, True, True), on_chart
assert on_layer == (True, True, True), on_layer
print(f"altair {alt.__version__}, vl-convert {vl_convert.__version__}: the legend is drawn both times; with the selection")
print("on the layered chart nothing listens to it, with the selection on its layer clicks do.")
PY
