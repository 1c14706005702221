"""Libraries of networks with weights and a cache of their own, one file each: `LIBRARY:NAME` names a network of one.

A file defines `HUBS`, a tuple of `Hub`, and imports its library only when a network of it is asked for.
"""
