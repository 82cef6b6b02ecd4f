"""Softmax regression by preconditioned L-BFGS.

Features of a random or half-trained network are almost collinear, and plain L-BFGS crawls along them. Here
the weights are sought in coordinates in which the objective looks round (its curvature at zero is the
identity), so a few dozen steps suffice; the tests hold that the gradient at the end is zero.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def softmax_regression(
    features: Tensor, labels: Tensor, classes: int, penalty: float, start: Tensor | None = None
) -> Tensor:
    """Weights (D + 1, classes), bias last, of least mean cross-entropy + penalty/2 |W without bias|^2.

    features (N, D) float32 with columns of mean 0, labels (N,) in 0..classes-1, or (N, classes) the share of
    each class; a row that sums to less than 1 weighs less. penalty > 0, start: weights to begin from. Matrix
    products run in float32 on the device of the features, the rest in float64.
    """
    from scipy.optimize import minimize

    n, d = features.shape
    # curvature at W = 0: covariance / classes + penalty, the same for every class (Boehning 1992)
    variances, directions = torch.linalg.eigh((features.T @ features / n).double())
    scale = (variances.clamp_min(0) / classes + penalty).rsqrt()
    change = directions * scale  # (D, D): W = change @ V
    round_features = features @ change.float()  # (N, D)
    transposed = round_features.T.contiguous()
    ridge = (penalty * scale**2)[:, None]  # |W|^2 in the new coordinates
    bias_scale = classes**0.5
    target = F.one_hot(labels, classes) if labels.ndim == 1 else labels
    target = target.to(features.dtype)
    weight = target.sum(dim=1, keepdim=True)  # 1 for a label

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = torch.from_numpy(flat).view(d + 1, classes).to(features.device)
        v, bias = weights[:d], weights[d] * bias_scale
        log_probability = (round_features @ v.float() + bias.float()).log_softmax(dim=1)  # (N, classes)
        entropy = -(log_probability * target).sum(dtype=torch.float64) / n
        slope = log_probability.exp_().mul_(weight).sub_(target).div_(n)
        v_slope = (transposed @ slope).double() + ridge * v
        bias_slope = slope.sum(dim=0, dtype=torch.float64) * bias_scale
        value = entropy + 0.5 * (ridge * v * v).sum()
        return value.item(), torch.cat([v_slope, bias_slope[None]]).flatten().cpu().numpy()

    first = torch.zeros(d + 1, classes, dtype=torch.float64, device=features.device)
    if start is not None:
        first[:d] = (directions.T @ start[:d]) / scale[:, None]
        first[d] = start[d] / bias_scale
    options = {"maxiter": 300, "gtol": 1e-4, "ftol": 1e-9, "maxcor": 20}
    found = minimize(objective, first.flatten().cpu().numpy(), jac=True, method="L-BFGS-B", options=options).x
    weights = torch.from_numpy(found).view(d + 1, classes).to(features.device)
    return torch.cat([change @ weights[:d], weights[d:] * bias_scale])


def predict(weights: Tensor, features: Tensor) -> Tensor:
    """The most likely class (N,) of each row."""
    return (features @ weights[:-1].float() + weights[-1].float()).argmax(dim=1)
