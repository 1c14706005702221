"""The notebook's claims about which layers compress, with weights free and held small."""

from __future__ import annotations

from .base import COMPRESSES, Comparison, notebook_claim, verdicts

CLAIMS = (
    notebook_claim(
        "tanh-last",
        "tanh: the last hidden layer compresses.",
        Comparison("compression", "tanh", None, COMPRESSES, "last hidden"),
        verdicts(
            "With hyperbolic tangents and free weights, the last hidden layer compresses",
            "With hyperbolic tangents and free weights, the last hidden layer does not compress",
            "the last hidden layer compresses with hyperbolic tangents and free weights",
            "The study has no network of hyperbolic tangents with free weights.",
        ),
    ),
    notebook_claim(
        "tanh-earlier",
        "tanh: the layers before the last do not compress, as the notebook saw in one run.",
        Comparison("compression", "tanh", None, COMPRESSES, "earlier hidden", at_least=0),
        verdicts(
            "The layers before it do not, as in the one run that the notebook shows",
            "Unlike in the one run that the notebook shows, layers before it compress as well",
            "the layers before it stay as they are, as in the one run that the notebook shows,",
        ),
    ),
    notebook_claim(
        "tanh-earlier-average",
        "tanh: on average over several runs, layers before the last compress as well.",
        Comparison("compression", "tanh", None, COMPRESSES, "earlier hidden", at_least=2),
        verdicts(
            "The notebook adds that on average over several runs earlier layers compress too, and so they do here",
            "The notebook adds that on average over several runs earlier layers compress too; that is not so here",
            "earlier layers compress on average over several runs, as the notebook adds,",
        ),
    ),
    notebook_claim(
        "relu-hidden",
        "relu: no hidden layer compresses.",
        Comparison("compression", "relu", None, COMPRESSES, at_least=0),
        verdicts(
            "With rectifiers and free weights, no hidden layer compresses",
            "Even with rectifiers and free weights, a hidden layer compresses",
            "hidden layers keep from compressing with rectifiers and free weights",
            "The study has no network of rectifiers with free weights.",
        ),
    ),
    notebook_claim(
        "relu-output",
        "relu: the output compresses.",
        Comparison("compression", "relu", None, COMPRESSES, "output"),
        verdicts(
            "Their output, a {{ term('softmax') }}, does",
            "Nor does their output, a {{ term('softmax') }}",
            "their output, a {{ term('softmax') }}, compresses",
        ),
    ),
    notebook_claim(
        "relu-0.8",
        "relu, max-norm 0.8: a hidden layer compresses.",
        Comparison("compression", "relu", 0.8, COMPRESSES),
        verdicts(
            "Under the weaker limit, networks of rectifiers have a hidden layer that compresses",
            "Under the weaker limit, no hidden layer of networks of rectifiers compresses",
            "networks of rectifiers have a hidden layer that compresses under the weaker limit",
            "The study has no network of rectifiers under the weaker limit.",
        ),
    ),
    notebook_claim(
        "relu-0.4",
        "relu, max-norm 0.4: a hidden layer compresses.",
        Comparison("compression", "relu", 0.4, COMPRESSES),
        verdicts(
            "Under the stronger one they have one, too",
            "Under the stronger one, no hidden layer of theirs compresses",
            "they have one under the stronger limit",
        ),
    ),
    notebook_claim(
        "tanh-0.8",
        "tanh, max-norm 0.8: several hidden layers compress.",
        Comparison("compression", "tanh", 0.8, COMPRESSES, at_least=2),
        verdicts(
            "With hyperbolic tangents under the weaker limit, several hidden layers compress",
            "With hyperbolic tangents under the weaker limit, at most one hidden layer compresses",
            "several hidden layers compress with hyperbolic tangents under the weaker limit",
            "The study has no network of hyperbolic tangents under the weaker limit.",
        ),
    ),
)
