"""Self-supervised learning and vision foundation models: the library of the course."""
