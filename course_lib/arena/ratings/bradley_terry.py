"""Bradley-Terry strengths by maximum likelihood, on counts per pair of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from course_lib.arena.battles import Pairs, pairs
from course_lib.arena.ratings.newton import minimize

if TYPE_CHECKING:
    import pandas as pd

WILDVISION_PENALTY = 0.5 / np.log(10) ** 2  # what scikit-learn's C=1 is, on +-ln 10 and doubled battles


class NoFiniteMaximum(ValueError):
    """The strengths are not determined: the likelihood grows without end, or has many maxima.

    It grows where some models never dropped, or never took, a point from the others. Between groups that
    never met every distance is as likely.
    """


def bradley_terry(battles: pd.DataFrame, weights=None, penalty: float = 0.0) -> pd.Series:
    """Strengths p, positive and summing to 1, under which i beats j with probability p_i / (p_i + p_j).

    battles: columns model_a, model_b, winner; a tie of either kind is half a win to each. weights: None, the
    name of a column, or (N,) numbers. penalty: adds penalty / 2 * sum of squared log strengths (centred) to
    the negative log-likelihood, which pulls all strengths together; 0 is maximum likelihood, and
    WILDVISION_PENALTY what WildVision's arena code does through scikit-learn's C=1.
    Returns the strengths by model, strongest first.

    Raises what `checked` raises; NoFiniteMaximum, a ValueError, when without penalty a model or a group never
    lost or tied against the rest, or two groups never met; ValueError for a negative penalty.
    Source: Bradley and Terry, Biometrika 39 (1952), equation of the likelihood; Ford (1957) on existence.
    """
    counts = pairs(battles, weights)
    return strengths(counts.models, log_strengths(counts, penalty))


def strengths(models: tuple[str, ...], logs: np.ndarray) -> pd.Series:
    """Log strengths (M,) as strengths that sum to 1, strongest first (ties in the order of the names)."""
    import pandas as pd

    p = np.exp(logs - logs.max())
    table = pd.Series(p / p.sum(), index=pd.Index(models, name="model"), name="strength")
    return table.sort_values(ascending=False, kind="stable")


def log_strengths(counts: Pairs, penalty: float = 0.0, start: np.ndarray | None = None) -> np.ndarray:
    """(M,) log strengths in the order of counts.models, of mean 0. start: (M,) where the search begins."""
    if not (np.isfinite(penalty) and penalty >= 0):
        raise ValueError(f"bradley_terry: penalty={penalty} was given; 0 (none) or a positive number works.")
    if penalty == 0:
        require_finite_maximum(counts)
    i, j, gained = counts.first, counts.second, counts.score
    given, total = counts.total - gained, counts.total

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        d = theta[i] - theta[j]
        won, lost = expit(d), expit(-d)
        value = gained @ np.logaddexp(0, -d) + given @ np.logaddexp(0, d) + penalty / 2 * theta @ theta
        gradient = incidence(counts, given * won - gained * lost) + penalty * theta
        return value, gradient, total * won * lost

    def solve(curvature: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return laplacian_solve(counts, curvature, gradient, penalty)

    theta = minimize(objective, solve, np.zeros(len(counts.models)) if start is None else start)
    return theta - theta.mean()


def incidence(counts: Pairs, values: np.ndarray) -> np.ndarray:
    """(M,) sums of the (P,) values: plus where a model is first in the pair, minus where it is second."""
    size = len(counts.models)
    return np.bincount(counts.first, values, size) - np.bincount(counts.second, values, size)


def laplacian_solve(counts: Pairs, w: np.ndarray, right: np.ndarray, penalty: float = 0.0) -> np.ndarray:
    """Solve (L + penalty) x = right, L the Laplacian of the graph of pairs with (P,) weights w.

    Without penalty L knows no constant: the last model is held at 0. Dense where the table of pairs is well
    filled, else sparse, so that memory stays in proportion to the pairs.
    """
    size, i, j = len(counts.models), counts.first, counts.second
    diagonal = np.bincount(i, w, size) + np.bincount(j, w, size) + penalty
    free = size if penalty else size - 1
    x = np.zeros(size)
    if size**2 <= 64 * len(w):
        matrix = np.zeros((size, size))
        matrix[i, j] = matrix[j, i] = -w
        matrix[np.diag_indices(size)] = diagonal
        x[:free] = np.linalg.solve(matrix[:free, :free], right[:free])
    else:
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import spsolve

        every = np.arange(size)
        rows, columns = np.concatenate([i, j, every]), np.concatenate([j, i, every])
        sparse = csc_array((np.concatenate([-w, -w, diagonal]), (rows, columns)), shape=(size, size))
        x[:free] = spsolve(sparse[:free, :free], right[:free])
    return x


def require_finite_maximum(counts: Pairs) -> None:
    """Raise NoFiniteMaximum unless every model took points, over others, from every other (Ford, 1957).

    That is when exactly one vector of strengths is most likely.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    size, i, j = len(counts.models), counts.first, counts.second
    up, down = counts.score > 0, counts.total > counts.score
    both = up & down
    if np.bincount(np.concatenate([i[both], j[both]]), minlength=size).max() == size - 1:
        return  # one model took points from all others and gave some to each: the usual case, quickly seen
    winner, loser = np.concatenate([i[up], j[down]]), np.concatenate([j[up], i[down]])
    graph = csr_array((np.ones(len(winner)), (winner, loser)), shape=(size, size))
    groups, group = connected_components(graph, directed=True, connection="strong")
    if groups == 1:
        return
    islands, island = connected_components(graph, directed=False)
    if islands > 1:
        found = "; ".join(_list(counts.models, island == number) for number in range(min(islands, 4)))
        what = (
            f"there is no single maximum: {islands} groups of models never met each other ({found}), so "
            "every distance between the groups is as likely"
        )
    else:
        beaten = np.isin(np.arange(groups), group[loser[group[winner] != group[loser]]])
        winning = np.isin(np.arange(groups), group[winner[group[winner] != group[loser]]])
        never_lost = " and ".join(_list(counts.models, group == g) for g in np.flatnonzero(~beaten))
        never_won = " and ".join(_list(counts.models, group == g) for g in np.flatnonzero(~winning))
        what = (
            f"there is no maximum: {never_lost} never lost or tied a battle against the other models, "
            f"{never_won} never won or tied one, so their distance grows without end"
        )
    raise NoFiniteMaximum(
        f"bradley_terry: {what}. Collect battles that connect them, leave them out, or give penalty=0.1, "
        "which keeps the strengths finite and unique."
    )


def _list(models: tuple[str, ...], members: np.ndarray) -> str:
    names = [models[position] for position in np.flatnonzero(members)]
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
