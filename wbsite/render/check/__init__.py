"""`wbsite check`: what is wrong with a built site."""

from .check import check_site

__all__ = ["check_site"]
