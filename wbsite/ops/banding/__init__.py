"""Weight banding: the index H = R − C of a layer, of its positions, and clusters of kernels by shape."""

from .index import BandingIndex, BandingShares, banding_index, banding_shares, expected_shares

__all__ = ["BandingIndex", "BandingShares", "banding_index", "banding_shares", "expected_shares"]
