"""Small trained encoders that come with the course: `load(name)`, `card(name)`, `table()`."""

from course_lib.checkpoints.store import card, load, load_method, names, new_encoder, table

__all__ = ["card", "load", "load_method", "names", "new_encoder", "table"]
