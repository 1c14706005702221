"""A site that works from a folder, without a server: what mkdocs is told, and what is done to its pages afterwards."""
