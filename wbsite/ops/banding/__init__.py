"""Weight banding: the index H = R − C of a layer, of its positions, and clusters of kernels by shape."""

from .index import BandingIndex, banding_index, expected_shares

__all__ = ["BandingIndex", "banding_index", "expected_shares"]
