"""Encoders and heads. An encoder takes images in [0, 1], standardises them itself and has a `.width`."""

from .encoder import Encoder
from .heads import mlp
from .resnet import ResNet, resnet

__all__ = ["Encoder", "ResNet", "mlp", "resnet"]
