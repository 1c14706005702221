"""The recorded forward pass of a network, and what can be read off it: layers, data flow, receptive fields."""
