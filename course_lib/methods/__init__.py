"""Self-supervised methods, and the supervised baseline: one method, one file, one page."""

from course_lib.methods.base import Method, sgd
from course_lib.methods.moco import MoCo
from course_lib.methods.simclr import SimCLR
from course_lib.methods.supervised import Supervised

__all__ = ["Method", "MoCo", "SimCLR", "Supervised", "sgd"]
