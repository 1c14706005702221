"""A Dask cluster: who is there and can compute, what it is sent, and tasks handed to it."""
