"""Evaluation of frozen features: neighbours, probes, few labels, baselines and label-free health numbers."""

from course_lib.evaluate.baselines import evaluate, random_encoder
from course_lib.evaluate.dense import (
    DenseResult,
    depth_probe,
    mean_iou,
    patch_features,
    segmentation_probe,
)
from course_lib.evaluate.features import embed, token_features
from course_lib.evaluate.health import alignment, effective_rank, feature_std, uniformity
from course_lib.evaluate.intervals import Interval, t_interval
from course_lib.evaluate.labels import balanced_draw, few_labels
from course_lib.evaluate.neighbours import accuracy, any_label_accuracy, knn
from course_lib.evaluate.objects import JaccardScores, attention_jaccard, mass_mask
from course_lib.evaluate.probe import ProbeResult, hold_out, linear_probe
from course_lib.evaluate.retrieval import copy_detection, retrieval
from course_lib.evaluate.scores import cls_jaccard, frozen_scores
from course_lib.evaluate.similarity import cka, mutual_knn

__all__ = [
    "DenseResult",
    "Interval",
    "JaccardScores",
    "ProbeResult",
    "accuracy",
    "alignment",
    "any_label_accuracy",
    "attention_jaccard",
    "balanced_draw",
    "cka",
    "cls_jaccard",
    "copy_detection",
    "depth_probe",
    "effective_rank",
    "embed",
    "evaluate",
    "feature_std",
    "few_labels",
    "frozen_scores",
    "hold_out",
    "knn",
    "linear_probe",
    "mass_mask",
    "mean_iou",
    "mutual_knn",
    "patch_features",
    "random_encoder",
    "retrieval",
    "segmentation_probe",
    "t_interval",
    "token_features",
    "uniformity",
]
