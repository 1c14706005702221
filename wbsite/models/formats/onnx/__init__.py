"""Files of ONNX: their weights, layers and constants."""
