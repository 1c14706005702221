"""The command line, `wbsite` or `python -m wbsite.cli`: options become a configuration, errors an exit status.

Importing it imports nothing else, so that a command heeds signals before it does anything that takes time.
"""
