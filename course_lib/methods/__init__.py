"""Self-supervised methods: one method, one file, one page."""

from .base import Method, sgd
from .simclr import SimCLR

__all__ = ["Method", "SimCLR", "sgd"]
