"""Self-supervised methods, and the baselines with labels: one method, one file, one page."""

from course_lib.methods.aim import AIM
from course_lib.methods.barlow_twins import BarlowTwins
from course_lib.methods.base import Method, sgd
from course_lib.methods.beit import BEiT
from course_lib.methods.byol import BYOL
from course_lib.methods.codebook import PatchCodebook
from course_lib.methods.colorization import Colorization
from course_lib.methods.context import ContextPrediction
from course_lib.methods.dino import DINO
from course_lib.methods.dinov2 import DINOv2
from course_lib.methods.distillation import Distillation
from course_lib.methods.fine_tune import FineTune
from course_lib.methods.fixmatch import FixMatch, PseudoLabel
from course_lib.methods.gram_anchoring import GramAnchoring
from course_lib.methods.ibot import IBOT
from course_lib.methods.ijepa import IJEPA
from course_lib.methods.instance_discrimination import InstanceDiscrimination
from course_lib.methods.jigsaw import Jigsaw
from course_lib.methods.mae import MAE
from course_lib.methods.maskfeat import MaskFeat
from course_lib.methods.moco import MoCo
from course_lib.methods.moco_v3 import MoCoV3
from course_lib.methods.next_embedding import NextEmbedding
from course_lib.methods.rotation import Rotation
from course_lib.methods.rotation_supervised import RotationSupervised
from course_lib.methods.simclr import SimCLR
from course_lib.methods.simsiam import SimSiam
from course_lib.methods.supervised import Supervised
from course_lib.methods.swav import SwAV
from course_lib.methods.vicreg import VICReg

__all__ = [
    "AIM",
    "BYOL",
    "DINO",
    "IBOT",
    "IJEPA",
    "MAE",
    "BEiT",
    "BarlowTwins",
    "Colorization",
    "ContextPrediction",
    "DINOv2",
    "Distillation",
    "FineTune",
    "FixMatch",
    "GramAnchoring",
    "InstanceDiscrimination",
    "Jigsaw",
    "MaskFeat",
    "Method",
    "MoCo",
    "MoCoV3",
    "NextEmbedding",
    "PatchCodebook",
    "PseudoLabel",
    "Rotation",
    "RotationSupervised",
    "SimCLR",
    "SimSiam",
    "Supervised",
    "SwAV",
    "VICReg",
    "sgd",
]
