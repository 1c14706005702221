"""What analyses of this subject hand to figures, one schema a file."""
