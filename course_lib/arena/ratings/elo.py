"""Online Elo: ratings that move with every battle, and so depend on the order of the battles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from course_lib.arena.battles import OUTCOMES, Coded, coded
from course_lib.arena.ratings.scale import scale_factor

if TYPE_CHECKING:
    import pandas as pd


def online_elo(
    battles: pd.DataFrame, k: float = 4, start: float = 1000, scale: float = 400, base: float = 10
) -> pd.Series:
    """Ratings after all battles, played in the order of the rows: sort by time first where that is meant.

    A battle moves model_a by k (result - expected) and model_b by as much the other way, with the result 1,
    0.5 or 0 and expected = 1 / (1 + base^((rating_b - rating_a) / scale)); the mean rating stays at start.
    k: points at stake in one battle. start: rating before the first. Returns ratings by model, highest first.

    Raises what `checked` raises, and ValueError for k <= 0 and for a scale or base that measures nothing.
    Source: Elo, The Rating of Chessplayers (1978); k=4 is FastChat's and WildVision-Arena's.
    """
    import pandas as pd

    played = coded(battles)
    ratings = _play(played, range(len(played.a)), k, start, scale, base)
    table = pd.Series(ratings, index=pd.Index(played.models, name="model"), name="rating").sort_index()
    return table.sort_values(ascending=False, kind="stable")


def elo_over_orders(
    battles: pd.DataFrame,
    rounds: int = 100,
    seed: int = 0,
    k: float = 4,
    start: float = 1000,
    scale: float = 400,
    base: float = 10,
) -> pd.DataFrame:
    """Online Elo of the same battles in `rounds` random orders: one row a round, one column a model.

    The spread of a column is what the order alone decides. Columns stand by mean rating, highest first; the
    other arguments and errors are those of `online_elo`, and ValueError for rounds < 1.
    """
    import pandas as pd

    if rounds < 1:
        raise ValueError(f"elo_over_orders: rounds={rounds} was given; at least 1 is needed.")
    played, generator = coded(battles), np.random.default_rng(seed)
    rows = [
        _play(played, generator.permutation(len(played.a)).tolist(), k, start, scale, base)
        for _ in range(rounds)
    ]
    table = pd.DataFrame(rows, columns=pd.Index(played.models, name="model")).sort_index(axis=1)
    return table[table.mean().sort_values(ascending=False, kind="stable").index]


def _play(played: Coded, order, k: float, start: float, scale: float, base: float) -> list[float]:
    """Ratings (M,) in the order of played.models. Plain floats: each battle needs the one before."""
    if not (k > 0 and math.isfinite(k)):
        raise ValueError(f"online_elo: k={k} was given; the points at stake in a battle are positive.")
    points = scale_factor(scale, base)
    ratings = [float(start)] * len(played.models)
    a, b, result = played.a.tolist(), played.b.tolist(), OUTCOMES[played.winner].tolist()
    for battle in order:
        left, right = a[battle], b[battle]
        # the difference is bounded by the largest float's exponent: beyond it the result is certain
        away = min((ratings[right] - ratings[left]) / points, 700.0)
        moved = k * (result[battle] - 1 / (1 + math.exp(away)))
        ratings[left] += moved
        ratings[right] -= moved
    return ratings
