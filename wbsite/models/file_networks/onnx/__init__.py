"""Networks of ONNX: the graph in a file, run on torch's functions."""
