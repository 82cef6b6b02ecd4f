"""Arrays: model and pictures in, tensors out. Nothing here draws."""
