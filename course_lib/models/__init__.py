"""Encoders and heads. An encoder takes images in [0, 1], standardises them itself and has a `.width`."""

from .encoder import Encoder
from .grouped_norm import group_batch_norm
from .heads import mlp
from .resnet import ResNet, resnet
from .vit import VisionTransformer

__all__ = ["Encoder", "ResNet", "VisionTransformer", "group_batch_norm", "mlp", "resnet"]
