"""Losses as pure functions: tensors in, one number out.

Every loss works in float32 whatever comes in, is exact at low temperature, compiles without a graph break,
and, when torch.distributed is running, has the value and the gradient of one process on the joint batch.
"""

from course_lib.losses.barlow_twins import barlow_twins
from course_lib.losses.byol import byol
from course_lib.losses.dino import dino
from course_lib.losses.gram import gram
from course_lib.losses.ibot import ibot
from course_lib.losses.info_nce import info_nce
from course_lib.losses.inputs import NotFiniteError
from course_lib.losses.instance_discrimination import instance_discrimination
from course_lib.losses.koleo import koleo
from course_lib.losses.masked_pixels import masked_pixels
from course_lib.losses.moco import moco
from course_lib.losses.nt_xent import nt_xent
from course_lib.losses.patches import patchify, unpatchify
from course_lib.losses.simsiam import simsiam
from course_lib.losses.sinkhorn import sinkhorn
from course_lib.losses.swav import swav
from course_lib.losses.vicreg import vicreg

__all__ = [
    "NotFiniteError",
    "barlow_twins",
    "byol",
    "dino",
    "gram",
    "ibot",
    "info_nce",
    "instance_discrimination",
    "koleo",
    "masked_pixels",
    "moco",
    "nt_xent",
    "patchify",
    "simsiam",
    "sinkhorn",
    "swav",
    "unpatchify",
    "vicreg",
]
