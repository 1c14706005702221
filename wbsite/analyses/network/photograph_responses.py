"""How strongly photographs excite the units of all convolutions: one pass over the photographs for all of them."""

from __future__ import annotations

from contextlib import suppress

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.featurevis import Target, photograph_responses
from wbsite.featurevis.objectives import locate
from wbsite.graph.recording import Recorded
from wbsite.results.network.photograph_responses import PhotographResponses
from wbsite.results.photographs import PhotographSet


def run(context: Context) -> PhotographResponses:
    """The strongest response of each unit."""
    tape, targets = Recorded.of(context.model).tape, []
    for layer in context.layers.convs:
        with suppress(WbsiteError):  # no calls lead to it, which the layer's own analyses say on its page
            locate(tape, Target(layer.name, 0))
            targets += [Target(layer.name, channel) for channel in range(layer.out_channels)]
    photographs = context.photographs()
    strongest = photograph_responses(context.model, targets, photographs.inputs, context.device).amax(1).tolist()
    rows = [
        {"layer": target.layer, "unit": target.channel, "strongest": response}
        for target, response in zip(targets, strongest, strict=True)
    ]
    return PhotographResponses(
        photographs=PhotographSet(**photographs.about), rows=PhotographResponses.frame("rows", rows)
    )


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=PhotographResponses,
        inputs=("photographs",),
    ),
)
