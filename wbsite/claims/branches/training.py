"""How the networks of the branch laboratory were trained."""

from __future__ import annotations

from wbsite.claims.verdicts import description

from ._laboratory import settings

CLAIMS = (
    description(
        "training-of-branch-networks",
        "How the networks of the branch laboratory were trained.",
        settings,
        "{% for setting in e %}{% set f = setting.facts %}**Training** on {{ f.dataset or 'pictures' }}: {{ f.runs }} runs of"
        " {{ f.epochs | join(' or ') }} epochs, {{ f.seeds_low }}"
        "{% if f.seeds_high > f.seeds_low %} to {{ f.seeds_high }}{% endif %} seeds an experiment, AdamW"
        '{{ cite("loshchilov2019decoupled") }} under a one-cycle learning rate of {{ f.recipe.rate }} at most, weight decay'
        " {{ f.recipe.decay }}, batches of {{ f.recipe.batch }}, on {{ f.devices | join(', ') }}. `wbsite train branches`"
        " repeats it.\n\n{% endfor %}",
    ),
)
