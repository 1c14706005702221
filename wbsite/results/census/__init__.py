"""Results of the census of networks in packages."""
