"""The losses without negatives written out as loops in float64: slow, and nothing to get wrong."""

import torch


def unit(row):
    return row.double() / row.double().norm()


def byol_loop(prediction, target):
    """Equation 2: squared distance of the unit vectors, mean over the batch; the target is a constant."""
    distances = [(unit(p) - unit(t.detach())).square().sum() for p, t in zip(prediction, target, strict=True)]
    return sum(distances) / len(distances)


def simsiam_loop(p1, z2, p2, z1):
    """Algorithm 1: L = D(p1, z2) / 2 + D(p2, z1) / 2, D(p, z) = -(unit p) . (unit z), z detached."""
    first = sum(-unit(p) @ unit(z.detach()) for p, z in zip(p1, z2, strict=True)) / len(p1)
    second = sum(-unit(p) @ unit(z.detach()) for p, z in zip(p2, z1, strict=True)) / len(p2)
    return first / 2 + second / 2


def column(z, feature):
    return torch.stack([row[feature].double() for row in z])


def barlow_twins_loop(z1, z2, weight):
    """Equations 1 and 2, one pair of features at a time; without any epsilon."""
    loss, features = 0.0, z1.shape[1]
    for i in range(features):
        for j in range(features):
            a, b = column(z1, i), column(z2, j)
            a, b = a - a.mean(), b - b.mean()
            c = (a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt())
            loss = loss + ((1 - c) ** 2 if i == j else weight * c**2)
    return loss


def invariance_loop(z1, z2):
    rows = [(a.double() - b.double()).square().mean() for a, b in zip(z1, z2, strict=True)]
    return sum(rows) / len(rows)


def variance_loop(z):
    """Equation 1: max(0, 1 - sqrt(Var + 0.0001)), Var unbiased, mean over the features."""
    terms = []
    for feature in range(z.shape[1]):
        values = column(z, feature)
        unbiased = (values - values.mean()).square().sum() / (len(values) - 1)
        terms.append(torch.clamp(1 - (unbiased + 1e-4).sqrt(), min=0))
    return sum(terms) / len(terms)


def covariance_loop(z):
    """Equations 3 and 4: outer products of the centred rows over N - 1; squares off the diagonal over D."""
    z = z.double()
    mean = sum(z) / len(z)
    matrix = sum(torch.outer(row - mean, row - mean) for row in z) / (len(z) - 1)
    features = z.shape[1]
    pairs = [matrix[i, j] ** 2 for i in range(features) for j in range(features) if i != j]
    return sum(pairs, torch.tensor(0.0).double()) / features


def vicreg_loop(z1, z2, weights=(25, 25, 1)):
    spread = (variance_loop(z1) + variance_loop(z2)) / 2
    redundancy = covariance_loop(z1) + covariance_loop(z2)
    return weights[0] * invariance_loop(z1, z2) + weights[1] * spread + weights[2] * redundancy
