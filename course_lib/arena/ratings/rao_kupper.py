"""Rao and Kupper's model: Bradley-Terry with a probability of its own for ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from course_lib.arena.battles import Pairs, pairs
from course_lib.arena.ratings.bradley_terry import (
    NoFiniteMaximum,
    incidence,
    log_strengths,
    require_finite_maximum,
    strengths,
)
from course_lib.arena.ratings.newton import minimize

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RaoKupper:
    """Strengths by model, summing to 1, strongest first; `tie` >= 1, the odds that still pass for equal."""

    strengths: pd.Series
    tie: float

    def win_probabilities(self) -> pd.DataFrame:
        """Row i beats column j with probability p_i / (p_i + tie p_j). NaN on the diagonal."""
        import pandas as pd

        p = self.strengths.to_numpy()
        table = p[:, None] / (p[:, None] + self.tie * p[None, :])
        np.fill_diagonal(table, np.nan)
        return pd.DataFrame(table, index=self.strengths.index, columns=self.strengths.index)

    def tie_probabilities(self) -> pd.DataFrame:
        """Row i and column j end in a tie with probability 1 - P(i wins) - P(j wins). NaN on the diagonal."""
        wins = self.win_probabilities()
        return 1 - wins - wins.T


def rao_kupper(battles: pd.DataFrame, weights=None, penalty: float = 0.0) -> RaoKupper:
    """Strengths and the tie parameter by maximum likelihood, ties of either kind counted as ties.

    P(i beats j) = p_i / (p_i + tie p_j), tie >= 1; at tie = 1 there are no ties and it is Bradley-Terry.
    battles, weights: as in `bradley_terry`. penalty: penalty / 2 * sum of squared log strengths (centred).
    Returns a RaoKupper with strengths that sum to 1 and tie (1 when no battle was a tie).

    Raises what `bradley_terry` raises; NoFiniteMaximum also when ties explain everything: all battles tied,
    or wins only downhill, so that a larger tie parameter is always at least as likely.
    Source: Rao and Kupper, JASA 62 (1967), equations 2.2 and 2.3.
    """
    counts = pairs(battles, weights)
    logs, tie = fit(counts, penalty)
    return RaoKupper(strengths(counts.models, logs), tie)


def fit(counts: Pairs, penalty: float = 0.0) -> tuple[np.ndarray, float]:
    """((M,) log strengths of mean 0 in the order of counts.models, tie parameter)."""
    if not counts.drawn.any():
        return log_strengths(counts, penalty), 1.0
    _require_finite_maximum(counts, penalty)
    size, i, j = len(counts.models), counts.first, counts.second
    up, down, drawn = counts.wins + counts.drawn, counts.losses + counts.drawn, counts.drawn.sum()
    free = np.r_[np.arange(size if penalty else size - 1), size]  # strengths (one held at 0 if free), log tie

    # P(tie) = P(i beats j) P(j beats i) (tie^2 - 1), so a tie counts as a win of both sides and a term in tie
    def objective(x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        theta, log_tie = x[:size], x[size]
        if log_tie <= 0:
            return np.inf, x, x
        d = theta[i] - theta[j]
        value = up @ np.logaddexp(0, log_tie - d) + down @ np.logaddexp(0, log_tie + d)
        value += penalty / 2 * theta @ theta - drawn * (2 * log_tie + np.log(-np.expm1(-2 * log_tie)))
        lost, won = up * expit(log_tie - d), down * expit(log_tie + d)
        odds = 1 / -np.expm1(-2 * log_tie)  # tie^2 / (tie^2 - 1)
        gradient = np.append(
            incidence(counts, won - lost) + penalty * theta, (lost + won).sum() - 2 * drawn * odds
        )
        bend_up, bend_down = lost * expit(d - log_tie), won * expit(-d - log_tie)
        hessian = np.zeros((size + 1, size + 1))
        hessian[i, j] = hessian[j, i] = -(bend_up + bend_down)
        hessian[:size, :size] += np.diag(penalty - hessian[:size, :size].sum(1))
        hessian[:size, size] = hessian[size, :size] = incidence(counts, bend_down - bend_up)
        hessian[size, size] = (bend_up + bend_down).sum() + 4 * drawn * odds * (odds - 1)
        return value, gradient, hessian

    def solve(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        step = np.zeros(size + 1)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        return step

    x = minimize(objective, solve, np.append(np.zeros(size), 0.5))
    return x[:size] - x[:size].mean(), float(np.exp(x[size]))


def _require_finite_maximum(counts: Pairs, penalty: float) -> None:
    """Raise NoFiniteMaximum where strengths or tie could grow together without losing likelihood.

    In a direction (v, t) of log strengths and log tie the likelihood of a win of i over j never falls when
    v_i - v_j >= t, that of a tie when |v_i - v_j| <= t. With t = 0 this is Bradley-Terry's condition; with
    t = 1 such a v exists exactly when the graph of these constraints has no negative cycle.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import NegativeCycleError, bellman_ford

    if not (counts.wins.any() or counts.losses.any()):
        raise NoFiniteMaximum(
            "rao_kupper: every battle is a tie, so the tie parameter grows without end; at least one battle "
            "must have a winner. bradley_terry works: it gives all models the same strength."
        )
    if penalty:
        return  # v = 0 is all that is left, and a decided battle speaks against t > 0
    require_finite_maximum(counts)
    i, j, size = counts.first, counts.second, len(counts.models)
    upper = np.ones((2, len(i)))  # largest v_i - v_j, and largest v_j - v_i, that does no harm
    upper[0, counts.losses > 0], upper[1, counts.wins > 0] = -1, -1
    met = np.stack([(counts.losses > 0) | (counts.drawn > 0), (counts.wins > 0) | (counts.drawn > 0)])
    edges = (np.concatenate([j[met[0]], i[met[1]]]), np.concatenate([i[met[0]], j[met[1]]]))
    graph = csr_array((np.concatenate([upper[0, met[0]], upper[1, met[1]]]), edges), shape=(size, size))
    try:
        bellman_ford(graph, indices=0)  # every model is reached from the first
    except NegativeCycleError:
        return
    raise NoFiniteMaximum(
        "rao_kupper: there is no maximum: all wins go one way along the ranking, ties fill the rest, so that "
        "distances and the tie parameter grow together. Collect more battles or give penalty=0.1."
    )
