"""Evaluation of frozen features: neighbours, probes, few labels, baselines and label-free health numbers."""

from .baselines import evaluate, random_encoder
from .features import embed
from .health import alignment, effective_rank, feature_std, uniformity
from .intervals import Interval, t_interval
from .labels import balanced_draw, few_labels
from .neighbours import accuracy, knn
from .probe import ProbeResult, hold_out, linear_probe

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
