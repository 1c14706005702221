"""Training of small networks."""
