"""Claims on the networks that people ship."""
