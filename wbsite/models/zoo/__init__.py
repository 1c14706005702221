"""Specifications of networks, one file a family; the networks themselves are in `wbsite.models.networks`.

A file defines `MODELS`, a tuple of `ModelSpec`. Those that come with wbsite do not import torch, so that
`wbsite list models` answers at once: they name their network with `lazily("package.module:name")`. A family of your own
may import torch and define its module in the same file, at the price of the time that the import takes.
"""
