"""DINOv2: DINO and iBOT together, with a head each, Sinkhorn codes for the centre, and features spread out.

Oquab et al. 2024, arXiv:2304.07193, section 4.
"""

from course_lib.methods.ibot import IBOT
from course_lib.models import VisionTransformer


class DINOv2(IBOT):
    """`IBOT` with DINOv2's three changes switched on; each goes off by one argument.

    shared_head=False: separate heads for CLS and patches. sinkhorn_centering: the teacher's targets are
    Sinkhorn codes, over all large crops for CLS and over all masked patches for the patches; False keeps the
    softmax and its centre. koleo_weight: of the loss that pushes the feature of each large crop away from
    its nearest neighbour in the batch. cls_weight=0 leaves out DINO's loss, patch_weight=0 iBOT's.
    All other options are those of `IBOT` and `DINO`. The loss of a run that learns nothing contains KoLeo,
    which has no such value, so `stuck_values` names the other two parts alone.

    Different from the paper: momentum from 0.99 (0.994), 1,024 prototypes (131,072), bottleneck 64 (384 for
    CLS, 256 for patches); weight decay 1e-4 (0.04 rising to 0.2); KoLeo's neighbours are those of all ranks
    (of one GPU); no smaller learning rate for the patch embedding; an encoder without stochastic depth and
    SwiGLU, and without LayerScale unless you give it; no last phase at 518 pixels; else what differs in
    `DINO`.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        shared_head: bool = False,
        sinkhorn_centering: bool = True,
        koleo_weight: float = 0.1,
        **options,
    ):
        super().__init__(
            encoder,
            shared_head=shared_head,
            sinkhorn_centering=sinkhorn_centering,
            koleo_weight=koleo_weight,
            **options,
        )
