"""Evaluation of frozen features: neighbours, probes, few labels, baselines and label-free health numbers."""

from course_lib.evaluate.baselines import evaluate, random_encoder
from course_lib.evaluate.features import embed
from course_lib.evaluate.health import alignment, effective_rank, feature_std, uniformity
from course_lib.evaluate.intervals import Interval, t_interval
from course_lib.evaluate.labels import balanced_draw, few_labels
from course_lib.evaluate.neighbours import accuracy, knn
from course_lib.evaluate.probe import ProbeResult, hold_out, linear_probe

__all__ = [
    "Interval",
    "ProbeResult",
    "accuracy",
    "alignment",
    "balanced_draw",
    "effective_rank",
    "embed",
    "evaluate",
    "feature_std",
    "few_labels",
    "hold_out",
    "knn",
    "linear_probe",
    "random_encoder",
    "t_interval",
    "uniformity",
]
