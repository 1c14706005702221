"""Estimators of mutual information, one a file; the registry finds them."""
