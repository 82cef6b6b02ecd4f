"""Self-supervised methods, and the supervised baseline: one method, one file, one page."""

from .base import Method, sgd
from .moco import MoCo
from .simclr import SimCLR
from .supervised import Supervised

__all__ = ["Method", "MoCo", "SimCLR", "Supervised", "sgd"]
