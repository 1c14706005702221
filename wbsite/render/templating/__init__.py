"""Jinja for pages: what templates put out is escaped, and what articles may ask for is listed."""
