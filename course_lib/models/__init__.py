"""Encoders and heads. An encoder takes images in [0, 1], standardises them itself and has a `.width`."""

from course_lib.models.decoders import BlockPredictor, MaskedDecoder, sincos_positions
from course_lib.models.encoder import Encoder
from course_lib.models.grouped_norm import group_batch_norm
from course_lib.models.heads import PrototypeHead, mlp, prototype_head
from course_lib.models.resnet import ResNet, resnet
from course_lib.models.vit import VisionTransformer

__all__ = [
    "BlockPredictor",
    "Encoder",
    "MaskedDecoder",
    "PrototypeHead",
    "ResNet",
    "VisionTransformer",
    "group_batch_norm",
    "mlp",
    "prototype_head",
    "resnet",
    "sincos_positions",
]
