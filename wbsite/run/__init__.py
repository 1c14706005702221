"""What to compute, and where."""
