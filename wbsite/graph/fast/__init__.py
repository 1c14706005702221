"""Functions in place of torch's that take less time: what a program of recorded calls is run with."""
