"""The census: trained networks that people install with packages, their facts, and the numbers of their weights.

`networks/TASK/NAME.toml` says where a network is and what is known of it; `manifest` reads these, `packages` brings a
network's file out of its registry, `measure` reads the weights, `record` keeps what was found, `run` does all of it.
"""
