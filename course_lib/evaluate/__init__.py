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
from course_lib.evaluate.layer_alignment import LayerAlignment, chance_level, layer_alignment
from course_lib.evaluate.neighbours import accuracy, any_label_accuracy, knn
from course_lib.evaluate.objects import JaccardScores, attention_jaccard, mass_mask
from course_lib.evaluate.probe import ProbeResult, hold_out, linear_probe
from course_lib.evaluate.retrieval import copy_detection, retrieval
from course_lib.evaluate.scaling import log_linear_fit, power_law_fit
from course_lib.evaluate.scaling_compare import crossing, slope_difference
from course_lib.evaluate.scaling_factors import exposure, factor_fit
from course_lib.evaluate.scores import cls_jaccard, frozen_scores
from course_lib.evaluate.similarity import cka, cknna, cycle_knn, mutual_knn
from course_lib.evaluate.stages import stage_features, stage_probes

__all__ = [
    "DenseResult",
    "Interval",
    "JaccardScores",
    "LayerAlignment",
    "ProbeResult",
    "accuracy",
    "alignment",
    "any_label_accuracy",
    "attention_jaccard",
    "balanced_draw",
    "chance_level",
    "cka",
    "cknna",
    "cls_jaccard",
    "copy_detection",
    "crossing",
    "cycle_knn",
    "depth_probe",
    "effective_rank",
    "embed",
    "evaluate",
    "exposure",
    "factor_fit",
    "feature_std",
    "few_labels",
    "frozen_scores",
    "hold_out",
    "knn",
    "layer_alignment",
    "linear_probe",
    "log_linear_fit",
    "mass_mask",
    "mean_iou",
    "mutual_knn",
    "patch_features",
    "power_law_fit",
    "random_encoder",
    "retrieval",
    "segmentation_probe",
    "slope_difference",
    "stage_features",
    "stage_probes",
    "t_interval",
    "token_features",
    "uniformity",
]
