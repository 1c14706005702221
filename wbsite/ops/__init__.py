"""Pure mathematics on weights: tensors in, tensors out, no files and no state."""
