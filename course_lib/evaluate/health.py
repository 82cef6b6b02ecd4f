"""Is the representation alive? Four numbers that need no labels."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_lib.evaluate.checks import as_features


def _rows(features, name: str) -> torch.Tensor:
    features = as_features(features, name)
    if len(features) < 2:
        raise ValueError(f"{name}: one row was given; a spread needs a batch of at least 2.")
    return features


def feature_std(features) -> float:
    """Spread of the directions: 1 = isotropic, 0 = collapsed to one point.

    Each row of (N, D) is scaled to length 1; the standard deviation (1/N) of each column is taken, averaged
    over the D columns and multiplied by sqrt(D) (Chen & He 2021, arXiv:2011.10566, section 4.1, where a
    Gaussian gives 1/sqrt(D)). Raises ValueError for NaN and for a batch of one.
    """
    features = F.normalize(_rows(features, "feature_std"), dim=1)
    return (features.std(dim=0, correction=0).mean() * features.shape[1] ** 0.5).item()


def effective_rank(features, center: bool = False) -> float:
    """How many directions the features use: exp of the entropy of the singular values, in 1..min(N, D).

    p_i = s_i / sum(s) for the singular values s of (N, D) (Roy & Vetterli 2007, EUSIPCO, eq. 1-4; RankMe,
    Garrido et al. 2023, arXiv:2210.02885, eq. 1, uses it on features without labels).
    center: subtract the mean row first; the papers do not. All-zero features give 0.
    Raises ValueError for NaN and for a batch of one.
    """
    features = _rows(features, "effective_rank").double()
    if center:
        features = features - features.mean(dim=0)
    values = torch.linalg.svdvals(features)
    if values.sum() == 0:
        return 0.0
    share = values / values.sum()
    return torch.special.entr(share).sum().exp().item()


def alignment(a, b, power: float = 2) -> float:
    """Mean distance^power between the unit vectors of two views; 0 = views agree.

    a, b: (N, D), row i of both from the same image (Wang & Isola 2020, arXiv:2005.10242, eq. for L_align).
    Raises ValueError for NaN, a power that is not above 0, and when the shapes differ.
    """
    if not power > 0:
        raise ValueError(f"alignment: power={power} was given; it must be above 0, for example 2.")
    a, b = as_features(a, "alignment: a"), as_features(b, "alignment: b")
    if a.shape != b.shape:
        raise ValueError(
            f"alignment: a is {tuple(a.shape)} but b is {tuple(b.shape)}; rows are pairs of views."
        )
    return (F.normalize(a, dim=1) - F.normalize(b, dim=1)).norm(dim=1).pow(power).mean().item()


def uniformity(features, t: float = 2) -> float:
    """Log of the mean Gaussian potential over all pairs of unit vectors; 0 = one point, lower = spread out.

    log mean_{i<j} exp(-t |x_i - x_j|^2) (Wang & Isola 2020, arXiv:2005.10242, eq. for L_uniform).
    features: (N, D). Raises ValueError for NaN, a t that is not above 0, and for a batch of one.
    """
    if not t > 0:
        raise ValueError(f"uniformity: t={t} was given; it must be above 0, for example 2.")
    features = F.normalize(_rows(features, "uniformity"), dim=1)
    squared = torch.pdist(features).pow(2)  # (N (N - 1) / 2,)
    return (torch.logsumexp(-t * squared, dim=0) - torch.log(torch.tensor(float(len(squared))))).item()
