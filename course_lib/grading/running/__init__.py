"""A merged notebook runs in a kernel of its own; values come out and are compared outside it."""
