"""wbsite: reads the weights of vision networks and publishes what it finds as a site."""

__version__ = "0.1.0"
