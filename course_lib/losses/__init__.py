"""Losses as pure functions: tensors in, one number out.

Every loss works in float32 whatever comes in, is exact at low temperature, compiles without a graph break,
and, when torch.distributed is running, has the value and the gradient of one process on the joint batch.
"""

from .info_nce import info_nce
from .inputs import NotFiniteError
from .moco import moco
from .nt_xent import nt_xent

__all__ = ["NotFiniteError", "info_nce", "moco", "nt_xent"]
