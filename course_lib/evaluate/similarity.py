"""Do two encoders see the same things as alike? Compared by neighbours and by kernels, never axis by axis."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_lib.evaluate.checks import as_features
from course_lib.evaluate.nearest import check_others, nearest_others


def mutual_knn(a, b, k: int = 10, chunk: int = 1024) -> float:
    """Mean share of the k nearest neighbours of an image in space a that are also its neighbours in space b.

    a (N, D), b (N, E): row i of both from the same image; cosine similarity, an image is not its own
    neighbour (Huh et al. 2024, arXiv:2405.07987, appendix A). 1 = the same neighbours everywhere; unrelated
    spaces share k / (N - 1) by chance. Raises ValueError for different lengths, NaN, and k not in 1..N-1.
    """
    a, b = _same_images(a, b, "mutual_knn")
    check_others(k, len(a), "mutual_knn")
    near_a, near_b = (nearest_others(features, k, chunk=chunk)[0] for features in (a, b))  # each (N, k)
    shared = sum(
        int((some_a[:, :, None] == some_b[:, None, :]).sum())
        for some_a, some_b in zip(near_a.split(chunk), near_b.split(chunk), strict=True)
    )
    return shared / (k * len(a))


def cycle_knn(a, b, k: int = 10, chunk: int = 1024) -> float:
    """Share of images that are reached again by one step to a neighbour in b and one step on in a.

    a (N, D), b (N, E): row i of both from the same image; cosine, k nearest in both spaces, the image itself
    is no neighbour. An image counts when it is among the k neighbours in a of any of its k neighbours in b
    (Huh et al. 2024, arXiv:2405.07987, appendix A). Not symmetric, and even a against a need not give 1.
    Raises ValueError for different lengths, NaN, and k not in 1..N-1.
    """
    a, b = _same_images(a, b, "cycle_knn")
    check_others(k, len(a), "cycle_knn")
    near_a, near_b = (nearest_others(features, k, chunk=chunk)[0] for features in (a, b))  # each (N, k)
    back = near_a[near_b.flatten()].view(len(a), k * k)
    return (back == torch.arange(len(a), device=a.device)[:, None]).any(dim=1).double().mean().item()


def cknna(a, b, k: int = 10) -> float:
    """Centred kernel alignment over the pairs of images that are near in both spaces; 1 for equal spaces.

    a (N, D), b (N, E): row i of both from the same image. Rows are scaled to length 1, the inner products
    centred, and the sum of products runs over the ordered pairs in which j is one of the k nearest of i in
    a and in b; divided by the root of the same sums of a with a and b with b (Huh et al. 2024,
    arXiv:2405.07987, appendix A, with both kernels centred as in `cka`). k = N - 1 is `cka` without the
    diagonal. Memory N^2. Raises ValueError for different lengths, NaN, and k not in 1..N-1.
    """
    a, b = _same_images(a, b, "cknna")
    check_others(k, len(a), "cknna")
    kernels, near = [], []
    for x in (a, b):
        unit = F.normalize(x.double(), dim=1)
        unit = unit - unit.mean(dim=0)
        kernels.append(unit @ unit.T)  # (N, N)
        pairs = torch.zeros(len(a), len(a), dtype=torch.bool, device=a.device)
        near.append(pairs.scatter_(1, nearest_others(x, k)[0], True))
    (first, second), (near_a, near_b) = kernels, near
    own = (first.square()[near_a].sum() * second.square()[near_b].sum()).sqrt()
    if own == 0:
        raise ValueError("cknna: all rows of a or of b are equal; there is nothing to compare.")
    return ((first * second)[near_a & near_b].sum() / own).item()


def cka(a, b, unbiased: bool = False) -> float:
    """Linear centred kernel alignment of two spaces, 1 for equal up to rotation, scale and shift.

    a (N, D), b (N, E): row i of both from the same image. HSIC(a, b) / sqrt(HSIC(a, a) HSIC(b, b)) with
    linear kernels (Kornblith et al. 2019, arXiv:1905.00414, equations 3 and 4). With few images and
    many features unrelated spaces look alike; unbiased=True uses the estimator of HSIC that does not have
    this bias (Song et al. 2012, JMLR 13, equation 5), needs 4 images, and may fall below 0.
    Raises ValueError for different lengths, NaN, too few images and a space without any spread.
    """
    a, b = _same_images(a, b, "cka")
    least = 4 if unbiased else 2
    if len(a) < least:
        raise ValueError(f"cka: {len(a)} images were given; give at least {least}.")
    hsic = _unbiased_hsic if unbiased else _hsic
    a, b = (x.double() - x.double().mean(dim=0) for x in (a, b))
    for name, x in (("a", a), ("b", b)):
        if x.abs().max() == 0:
            raise ValueError(f"cka: all rows of {name} are equal; there is nothing to compare.")
    return (hsic(a, b) / (hsic(a, a) * hsic(b, b)).sqrt()).item()


def _hsic(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sum of the products of both linear kernels (N, N), up to a factor that cancels; a, b centred."""
    return (a.T @ b).square().sum()


def _unbiased_hsic(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    n = len(a)
    first, second = ((x @ x.T).fill_diagonal_(0) for x in (a, b))  # (N, N)
    outside = first.sum() * second.sum() / ((n - 1) * (n - 2))
    cross = 2 * (first.sum(dim=0) @ second.sum(dim=0)) / (n - 2)
    return ((first * second).sum() + outside - cross) / (n * (n - 3))


def _same_images(a, b, where: str) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = as_features(a, f"{where}: a"), as_features(b, f"{where}: b")
    if len(a) != len(b):
        raise ValueError(f"{where}: a has {len(a)} rows but b has {len(b)}; row i of both is the same image.")
    return a, b
