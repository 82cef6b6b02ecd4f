# %% [markdown]
# Other right ways to answer lab 09. Each must get full points.

# %% tags=["setup"]
import math
from collections import Counter

import numpy as np
import pandas as pd


# %% exercise="9.1"
def elo_update__if_chain(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Conditions one after the other, b from its own expectation."""
    if winner == "model_a":
        result_a = 1
    elif winner == "model_b":
        result_a = 0
    elif winner in ("tie", "tie (bothbad)"):
        result_a = 0.5
    else:
        raise ValueError("unknown winner " + repr(winner))
    expected_a = 1 / (1 + math.pow(base, (rating_b - rating_a) / scale))
    expected_b = 1 / (1 + math.pow(base, (rating_a - rating_b) / scale))
    return rating_a + k * (result_a - expected_a), rating_b + k * ((1 - result_a) - expected_b)


def elo_update__strengths(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """Through strengths base ** (rating / scale), relative to the mean so that nothing overflows."""
    middle = (rating_a + rating_b) / 2
    a, b = (base ** ((rating - middle) / scale) for rating in (rating_a, rating_b))
    labels = ["model_b", "tie", "model_a"]
    if winner == "tie (bothbad)":
        winner = "tie"
    score = labels.index(winner) / 2  # a ValueError of its own where the label is none of them
    step = k * (score - a / (a + b))
    return [rating_a + step, rating_b - step]


def elo_update__natural_exponential(rating_a, rating_b, winner, k=4.0, scale=400.0, base=10.0):
    """The logistic function with the scale in units of e, arrays instead of numbers."""
    if not isinstance(winner, str) or winner not in {"model_a", "model_b", "tie", "tie (bothbad)"}:
        raise ValueError("no such label")
    gap = (rating_a - rating_b) * np.log(base) / scale
    surprise = {"model_a": 1, "model_b": 0}.get(winner, 0.5) - 0.5 * (1 + np.tanh(gap / 2))
    return tuple(np.array([rating_a, rating_b]) + k * surprise * np.array([1, -1]))


# %% exercise="9.2"
def _points(wins, ties):
    points = wins + 0.5 * ties
    if min(points.sum(0).min(), points.sum(1).min()) <= 0:
        raise ValueError("a model without a point, or without a point lost")
    return points


def bradley_terry__newton(wins, ties):
    """Newton's method on the log strengths, the last one held at 0."""
    points = _points(wins, ties)
    met = points + points.T
    theta = np.zeros(len(wins))
    for _ in range(100):
        p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        gradient = points.sum(1) - (met * p).sum(1)
        curvature = -met * p * (1 - p)
        np.fill_diagonal(curvature, 0)
        np.fill_diagonal(curvature, -curvature.sum(1))
        step = np.zeros(len(theta))
        step[:-1] = np.linalg.solve(curvature[:-1, :-1], gradient[:-1])
        theta += step / max(1, np.abs(step).max())
        if np.abs(step).max() < 1e-10:
            break
    strengths = np.exp(theta - theta.max())
    return strengths / strengths.sum()


def bradley_terry__gradient_ascent(wins, ties):
    """Gradient steps on the log strengths, each model with a step of its own."""
    points = _points(wins, ties)
    met = points + points.T
    theta, rate = np.zeros(len(wins)), 2 / met.sum(1).max()
    for _ in range(60_000):
        expected = (met / (1 + np.exp(theta[None, :] - theta[:, None]))).sum(1)
        move = rate * (points.sum(1) - expected)
        theta = theta + move
        if np.abs(move).max() < 1e-9:
            break
    return np.exp(theta) / np.exp(theta).sum()


def bradley_terry__one_model_at_a_time(wins, ties):
    """The update of the lab with loops, each model using the newest strengths of the others."""
    points = _points(wins, ties)
    count = len(points)
    p = [1.0] * count
    for _ in range(5000):
        before = list(p)
        for i in range(count):
            below = sum((points[i, j] + points[j, i]) / (p[i] + p[j]) for j in range(count) if j != i)
            p[i] = points[i].sum() / below
        total = sum(p)
        p = [value / total for value in p]
        if max(abs(a / b - 1) for a, b in zip(p, before, strict=True)) < 1e-9:
            break
    return np.array(p)


def bradley_terry__newer_update(wins, ties):
    """Another fixed-point update (Newman 2023), which settles faster."""
    points = _points(wins, ties)
    p = np.ones(len(points))
    for _ in range(4000):
        before = p.copy()
        for i in range(len(points)):
            p[i] = (points[i] * p / (p[i] + p)).sum() / (points[:, i] / (p[i] + p)).sum()
        p = p / np.exp(np.log(p).mean())
        if np.abs(p / before - 1).max() < 1e-9:
            break
    return p / p.sum()


# %% exercise="9.3"
def question_interval__groups_of_rows(rows, questions, statistic, rounds, generator):
    """The rows of each question kept together, `choice` for the draw, quantiles."""
    groups = {question: rows[questions == question] for question in set(questions.tolist())}
    keys = list(groups)
    values = np.array(
        [
            statistic(
                np.vstack([groups[keys[i]] for i in generator.choice(len(keys), len(keys), replace=True)])
            )
            for _ in range(rounds)
        ]
    )
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return low, high


def question_interval__repeated_rows(rows, questions, statistic, rounds, generator):
    """A count for each question, every row repeated as often as its question was drawn; all draws at once."""
    names, code = np.unique(questions, return_inverse=True)
    times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    values = [statistic(np.repeat(rows, row[code], axis=0)) for row in times]
    return tuple(np.percentile(np.stack(values), [2.5, 97.5], axis=0))


def question_interval__pandas(rows, questions, statistic, rounds, generator):
    """A DataFrame with the question as its index; sorted results."""
    groups = dict(list(pd.DataFrame(rows, index=questions).groupby(level=0)))
    names = pd.Index(questions).unique()
    values = []
    for _ in range(rounds):
        picked = names[generator.integers(0, len(names), len(names))]
        values.append(statistic(pd.concat([groups[name] for name in picked]).to_numpy()))
    return (
        pd.DataFrame(np.array(values).reshape(rounds, -1))
        .quantile([0.025, 0.975])
        .to_numpy()
        .reshape((2, *np.shape(values[0])))
    )


# %% exercise="9.4"
def judge_score__counter(verdicts, missing="drop", strong_weight=3):
    """A Counter, the missing ones replaced or removed first."""
    if missing == "tie":
        verdicts = ["A=B" if verdict is None else verdict for verdict in verdicts]
    n = Counter(verdict for verdict in verdicts if verdict is not None)
    if set(n) - {"A>>B", "A>B", "A=B", "B>A", "B>>A"}:
        raise ValueError(f"unknown verdicts: {sorted(n)}")
    total = n.total() if hasattr(n, "total") else sum(n.values())
    if not total:
        return math.nan, math.nan, math.nan
    battles = total + (strong_weight - 1) * (n["A>>B"] + n["B>>A"])
    score = (strong_weight * n["B>>A"] + n["B>A"] + 0.5 * n["A=B"]) / battles
    reward = n["B>>A"] + n["B>A"] / 2 - n["A>B"] / 2 - n["A>>B"]
    return 100 * score, 100 * (n["B>>A"] + n["B>A"]) / total, 100 * reward / total


def judge_score__arrays(verdicts, missing="drop", strong_weight=3):
    """One number from -2 to 2 for each verdict, the rest with arrays."""
    steps = {"A>>B": -2, "A>B": -1, "A=B": 0, "B>A": 1, "B>>A": 2}
    unknown = {verdict for verdict in verdicts if verdict is not None} - set(steps)
    if unknown:
        raise ValueError(str(unknown))
    steps[None] = 0 if missing == "tie" else np.nan
    value = np.array([steps[verdict] for verdict in verdicts], dtype=float)
    value = value[~np.isnan(value)]
    if value.size == 0:
        return (float("nan"),) * 3
    weight = np.where(np.abs(value) == 2, strong_weight, 1)
    return (
        np.average(0.5 + np.sign(value) / 2, weights=weight) * 100,
        (value > 0).mean() * 100,
        value.mean() * 50,
    )


def judge_score__battles(verdicts, missing="drop", strong_weight=3):
    """The list of battles written out, as the published code does."""
    kinds = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
    outcomes, rewards = [], []
    for verdict in verdicts:
        if verdict is None:
            if missing == "drop":
                continue
            verdict = "A=B"
        if verdict not in kinds:
            raise ValueError(verdict)
        place = kinds.index(verdict) - 2
        rewards.append(50 * place)
        outcomes += [0.5 + 0.5 * np.sign(place)] * (strong_weight if abs(place) == 2 else 1)
    if not rewards:
        return float("nan"), float("nan"), float("nan")
    return 100 * np.mean(outcomes), 100 * np.mean([reward > 0 for reward in rewards]), np.mean(rewards)


# %% exercise="9.5"
def agreement__precision_and_recall(votes):
    """Precision, recall and their harmonic mean, label by label."""
    scores = []
    for i in range(len(votes)):
        said, judged, equal = votes[i].sum(), votes[:, i].sum(), votes[i, i]
        if said + judged == 0:
            continue
        if equal == 0:
            scores.append(0.0)
            continue
        precision, recall = equal / judged, equal / said
        scores.append(2 * precision * recall / (precision + recall))
    n = votes.sum()
    observed = sum(votes[i, i] for i in range(len(votes))) / n
    expected = sum(votes[i].sum() * votes[:, i].sum() for i in range(len(votes))) / n / n
    return (
        observed,
        sum(scores) / len(scores),
        math.nan if expected == 1 else 1 - (1 - observed) / (1 - expected),
    )


def agreement__shares(votes):
    """Shares instead of counts, the table of chance as an outer product."""
    share = votes / votes.sum()
    chance = np.outer(share.sum(1), share.sum(0))
    both = share.sum(0) + share.sum(1)
    with np.errstate(invalid="ignore"):
        f1 = np.nanmean(2 * np.diag(share) / both)
        single = np.count_nonzero(both) == 1
        kappa = np.nan if single else (np.trace(share) - np.trace(chance)) / (1 - np.trace(chance))
    return np.trace(share), f1, kappa


def agreement__lists_of_votes(votes):
    """The matrix unrolled into two lists of labels again."""
    first, second = np.nonzero(np.ones_like(votes))
    times = votes.reshape(-1).astype(int)
    first, second = np.repeat(first, times), np.repeat(second, times)
    labels = sorted(set(first) | set(second))
    f1 = []
    for label in labels:
        hits = ((first == label) & (second == label)).sum()
        misses = ((first == label) ^ (second == label)).sum()
        f1.append(hits / (hits + misses / 2))
    observed = (first == second).mean()
    chance = sum((first == label).mean() * (second == label).mean() for label in labels)
    return observed, np.mean(f1), (observed - chance) / (1 - chance) if len(labels) > 1 else float("nan")


# %% exercise="9.6"
def length_controlled__one_parameter_at_a_time(outcome, model, difference, weight):
    """Strengths and coefficient in turn, each by a Newton step of its own."""
    theta, beta = np.zeros(model.max() + 1), 0.0
    for _ in range(4000):
        p = 1 / (1 + np.exp(-(theta[model] + beta * difference)))
        step = np.bincount(model, weight * (outcome - p)) / np.bincount(model, weight * p * (1 - p))
        theta = theta + step
        p = 1 / (1 + np.exp(-(theta[model] + beta * difference)))
        slope = (weight * (outcome - p) * difference).sum() / (weight * p * (1 - p) * difference**2).sum()
        beta = beta + slope
        if abs(slope) + np.abs(step).max() < 1e-10:
            break
    return 100 / (1 + np.exp(-theta)), beta


def length_controlled__weighted_least_squares(outcome, model, difference, weight):
    """Iteratively reweighted least squares, ties split into half a win and half a loss."""
    count = int(model.max()) + 1
    design = np.zeros((len(model), count + 1))
    design[np.arange(len(model)), model] = 1
    design[:, count] = difference
    design = np.vstack([design, design])
    won = np.repeat([1.0, 0.0], len(model))
    size = np.concatenate([weight * outcome, weight * (1 - outcome)])
    theta = np.zeros(count + 1)
    for _ in range(60):
        p = 1 / (1 + np.exp(-design @ theta))
        curve = p * (1 - p)
        root = np.sqrt(size * curve)
        target = design @ theta + (won - p) / curve
        theta = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
    return 100 / (1 + np.exp(-theta[:count])), float(theta[count])


def length_controlled__gradient_ascent(outcome, model, difference, weight):
    """Accelerated gradient ascent, with the strengths as dummies."""
    count = model.max() + 1
    design = np.c_[np.eye(count)[model], difference]
    theta = ahead = np.zeros(count + 1)
    rate = 4 / np.linalg.eigvalsh(design.T @ (design * weight[:, None]))[-1]
    for step in range(3000):
        p = 1 / (1 + np.exp(-design @ ahead))
        new = ahead + rate * design.T @ (weight * (outcome - p))
        ahead = new + step % 400 / (step % 400 + 3) * (new - theta)
        theta = new
    return 100 / (1 + np.exp(-theta[:count])), theta[count]


# %% exercise="9.7"
def mutual_knn__sets(a, b, k=10):
    """A loop and two sets for each image."""
    total = 0
    a, b = (x / np.sqrt((x**2).sum(1, keepdims=True)) for x in (a, b))
    for i in range(len(a)):
        lists = []
        for x in (a, b):
            order = [j for j in np.argsort(x @ x[i])[::-1].tolist() if j != i]
            lists.append(set(order[:k]))
        total += len(lists[0] & lists[1])
    return total / (k * len(a))


def mutual_knn__table_of_neighbours(a, b, k=10):
    """A table of zeros and ones for each space, found with argpartition; the product counts."""

    def table(x):
        x = x / np.linalg.norm(x, axis=1)[:, None]
        s = x @ x.T - 10 * np.eye(len(x))
        near = np.zeros_like(s)
        np.put_along_axis(near, np.argpartition(s, -k, axis=1)[:, -k:], 1.0, axis=1)
        return near

    return float((table(a) * table(b)).sum(1).mean() / k)


def mutual_knn__distances(a, b, k=10):
    """Euclidean distances of rows of length 1: the same order as the cosine."""
    near = []
    for x in (a, b):
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        distance = np.linalg.norm(x[:, None] - x[None, :], axis=2)
        distance[np.diag_indices(len(x))] = np.inf
        near.append(distance.argsort(1)[:, :k])
    return (near[0][:, :, None] == near[1][:, None, :]).any(2).mean()


# %% exercise="9.8"
def scaling_fit__least_squares(x, y, t_point):
    """A design matrix and the covariance of its parameters."""
    if len(x) <= 2:
        raise ValueError("at least three points")
    if np.min(x) <= 0:
        raise ValueError("x is positive")
    design = np.column_stack([np.ones(len(x)), np.log2(x)])
    parameters, *_ = np.linalg.lstsq(design, y, rcond=None)
    rest = y - design @ parameters
    freedom = len(x) - 2
    covariance = (rest**2).sum() / freedom * np.linalg.inv(design.T @ design)
    half = t_point(freedom) * np.sqrt(covariance[1, 1])
    return (
        parameters[1],
        parameters[1] - half,
        parameters[1] + half,
        1 - (rest**2).sum() / ((y - np.mean(y)) ** 2).sum(),
    )


def scaling_fit__sums(x, y, t_point):
    """Plain sums over the points."""
    n = len(x)
    if n < 3 or any(value <= 0 for value in x):
        raise ValueError("three points with positive x")
    u = [math.log(value) / math.log(2) for value in x]
    mean_u, mean_y = sum(u) / n, sum(y) / n
    uu = sum((one - mean_u) ** 2 for one in u)
    uy = sum((one - mean_u) * (other - mean_y) for one, other in zip(u, y, strict=True))
    slope, start = uy / uu, mean_y - uy / uu * mean_u
    rest = sum((other - start - slope * one) ** 2 for one, other in zip(u, y, strict=True))
    total = sum((other - mean_y) ** 2 for other in y)
    error = math.sqrt(rest / (n - 2) / uu)
    return slope, slope - t_point(n - 2) * error, slope + t_point(n - 2) * error, 1 - rest / total


def scaling_fit__covariance(x, y, t_point):
    """Covariance and correlation."""
    if len(x) < 3 or np.any(np.asarray(x) <= 0):
        raise ValueError("not enough")
    u = np.log2(x)
    (uu, uy), (_, yy) = np.cov(u, y)
    r = uy / np.sqrt(uu * yy)
    slope, freedom = uy / uu, len(u) - 2
    half = t_point(freedom) * np.sqrt(max(yy / uu * (1 - r**2), 0) / freedom)
    return np.array([slope, slope - half, slope + half, r**2])
