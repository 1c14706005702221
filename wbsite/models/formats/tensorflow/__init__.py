"""Formats of TensorFlow and Keras, one file each."""
