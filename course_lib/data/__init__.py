"""Data: datasets behind `load(name, split)`, batched augmentations, and the views methods learn from."""

from . import augment
from .augment import *  # noqa: F403
from .imageset import ImageSet, as_float
from .loading import DatasetStatus, available, data_root, load
from .panels import gallery
from .views import POLICIES, MultiCrop, Recipe, TwoViews

__all__ = [
    *augment.__all__,
    "POLICIES",
    "DatasetStatus",
    "ImageSet",
    "MultiCrop",
    "Recipe",
    "TwoViews",
    "as_float",
    "augment",
    "available",
    "data_root",
    "gallery",
    "load",
]
