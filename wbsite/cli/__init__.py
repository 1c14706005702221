"""The command line, `wbsite` or `python -m wbsite.cli`: options become a configuration, errors an exit status."""

from .app import main

__all__ = ["main"]
