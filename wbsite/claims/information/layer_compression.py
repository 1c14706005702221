"""The notebook's claims about which layers compress, with weights free and held small."""

from __future__ import annotations

from .base import COMPRESSES, Comparison, notebook_claim, verdicts

LAYERS = (
    "{% for m in e.bounded %}{{ m.name }} {{ m | interval }}{{ ', ' if not loop.last }}"
    "{% else %}too few runs lived{% endfor %}"
)
NO_NETWORK = "This study has no such network."

CLAIMS = (
    notebook_claim(
        "tanh-last",
        "tanh: the last hidden layer compresses.",
        Comparison("compression", "tanh", None, COMPRESSES, "last hidden"),
        verdicts(f'"The last hidden layer compresses" VERDICT: {LAYERS} bits.', NO_NETWORK),
    ),
    notebook_claim(
        "tanh-earlier",
        "tanh: earlier layers do not.",
        Comparison("compression", "tanh", None, COMPRESSES, "earlier hidden", at_least=0),
        verdicts(f'"The layers before it do not" VERDICT: {LAYERS}.'),
    ),
    notebook_claim(
        "relu-hidden",
        "relu: no hidden layer compresses.",
        Comparison("compression", "relu", None, COMPRESSES, at_least=0),
        verdicts(f'"No hidden layer compresses" VERDICT: {LAYERS}.', NO_NETWORK),
    ),
    notebook_claim(
        "relu-output",
        "relu: the output compresses.",
        Comparison("compression", "relu", None, COMPRESSES, "output"),
        verdicts(f'"The softmax readout does" VERDICT: {LAYERS}.'),
    ),
    notebook_claim(
        "relu-0.8",
        "relu, max-norm 0.8: a hidden layer compresses.",
        Comparison("compression", "relu", 0.8, COMPRESSES),
        verdicts(f'"Some hidden layer compresses" VERDICT at 0.8: {LAYERS}.', "This study has none held at 0.8."),
    ),
    notebook_claim(
        "relu-0.4",
        "relu, max-norm 0.4: a hidden layer compresses.",
        Comparison("compression", "relu", 0.4, COMPRESSES),
        verdicts(f"It VERDICT at 0.4: {LAYERS}."),
    ),
    notebook_claim(
        "tanh-0.8",
        "tanh, max-norm 0.8: several hidden layers compress.",
        Comparison("compression", "tanh", 0.8, COMPRESSES, at_least=2),
        verdicts(f'"Several layers compress" VERDICT: {LAYERS}.', NO_NETWORK),
    ),
)
