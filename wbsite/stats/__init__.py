"""Statistics on numpy arrays: intervals, permutation tests, rank statistics. No torch, so that pages may use them."""
