"""The definitions written out as loops in float64: slow, and nothing to get wrong."""

import math

import torch


def unit(row):
    return row.double() / row.double().norm()


def nt_xent_loop(z1, z2, temperature):
    """SimCLR, Algorithm 1: interleaved views z_{2k-1}, z_{2k}; l(i, j) summed over both directions."""
    z = [unit(row) for pair in zip(z1, z2, strict=True) for row in pair]
    count = len(z)

    def ell(i, j):
        terms = torch.stack([z[i] @ z[k] / temperature for k in range(count) if k != i])
        return torch.logsumexp(terms, 0) - z[i] @ z[j] / temperature

    pairs = [(2 * k, 2 * k + 1) for k in range(count // 2)]
    return sum(ell(i, j) + ell(j, i) for i, j in pairs) / count


def info_nce_loop(query, positive, negatives, temperature):
    """-log of the positive's share; negatives: (K, D), or None for the other rows of `positive`."""
    losses = []
    for i in range(len(query)):
        others = [positive[k] for k in range(len(query)) if k != i] if negatives is None else list(negatives)
        scores = torch.stack([unit(query[i]) @ unit(c) / temperature for c in [positive[i], *others]])
        losses.append(torch.logsumexp(scores, 0) - scores[0])
    return sum(losses) / len(losses)


def orthonormal(batch, temperature, negatives):
    """All positives perfect, all negatives orthogonal: ln(1 + negatives * e^(-1/T))."""
    return math.log1p(negatives * math.exp(-1 / temperature))
