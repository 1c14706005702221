"""What analyses hand to figures, claims and tables: a schema an analysis, and the site's records read through them.

Nothing here imports torch. `base` has the parts a schema is declared with, `site` the models and suites of a store.
"""
