"""Losses as pure functions: tensors in, one number out.

Every loss works in float32 whatever comes in, is exact at low temperature, compiles without a graph break,
and, when torch.distributed is running, has the value and the gradient of one process on the joint batch.
"""

from course_lib.losses.info_nce import info_nce
from course_lib.losses.inputs import NotFiniteError
from course_lib.losses.moco import moco
from course_lib.losses.nt_xent import nt_xent

__all__ = ["NotFiniteError", "info_nce", "moco", "nt_xent"]
