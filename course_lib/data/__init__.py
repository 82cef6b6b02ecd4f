"""Data: datasets behind `load(name, split)`, batched augmentations, and the views methods learn from."""

from course_lib.data import augment, curation
from course_lib.data.augment import *  # noqa: F403
from course_lib.data.curation_pipeline import Curated, Source, curate
from course_lib.data.dense import DenseSet, load_dense, recollected, relabelled
from course_lib.data.imageset import ImageSet, as_float
from course_lib.data.loading import DatasetStatus, available, data_root, load
from course_lib.data.panels import gallery
from course_lib.data.recipe import POLICIES, Recipe
from course_lib.data.views import MultiCrop, TwoViews, asymmetric_views, default_views

__all__ = [
    *augment.__all__,
    "POLICIES",
    "Curated",
    "DatasetStatus",
    "DenseSet",
    "ImageSet",
    "MultiCrop",
    "Recipe",
    "Source",
    "TwoViews",
    "as_float",
    "asymmetric_views",
    "augment",
    "available",
    "curate",
    "curation",
    "data_root",
    "default_views",
    "gallery",
    "load",
    "load_dense",
    "recollected",
    "relabelled",
]
