"""Strengths on Elo's scale, and the win rates that they predict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def elo_scale(
    strengths: pd.Series, scale: float = 400, base: float = 10, anchor: tuple[str, float] | None = None
) -> pd.Series:
    """Ratings scale * log_base(strength) + c: `scale` points more are odds of `base` to 1.

    strengths: positive, by model. anchor: (model, rating) which fixes c; None sets the mean rating to 1000.
    Returns ratings in the order of the strengths.
    Raises ValueError for strengths that are not positive, an anchor that is none of the models, and a scale
    or base that measures nothing. Source: Elo, The Rating of Chessplayers (1978), on the logistic curve.
    """
    points = scale_factor(scale, base)
    logs = _logs(strengths, "elo_scale")
    if anchor is None:
        shift = 1000 - points * logs.mean()
    else:
        model, rating = anchor
        if model not in logs:
            raise ValueError(
                f"elo_scale: the anchor {model!r} is none of the models, which are "
                f"{', '.join(map(repr, logs.index[:8]))}{' ...' if len(logs) > 8 else ''}."
            )
        shift = rating - points * logs[model]
    return (points * logs + shift).rename("rating")


def scale_factor(scale: float, base: float) -> float:
    """Points per unit of log strength: scale / ln(base). Raises ValueError for scale <= 0 or base <= 1."""
    if not (scale > 0 and base > 1 and math.isfinite(scale) and math.isfinite(base)):
        raise ValueError(
            f"elo: scale={scale}, base={base} was given; scale is positive, base above 1, usually 400 and 10."
        )
    return scale / math.log(base)


def win_rates(strengths: pd.Series) -> pd.DataFrame:
    """Predicted win rates: row i, column j holds p_i / (p_i + p_j), a tie being half a win.

    strengths: positive, by model; the order is kept; 0.5 stands on the diagonal. Raises ValueError for
    strengths that are not positive.
    """
    import pandas as pd
    from scipy.special import expit

    logs = _logs(strengths, "win_rates")
    values = logs.to_numpy()
    return pd.DataFrame(expit(values[:, None] - values[None, :]), index=logs.index, columns=logs.index)


def _logs(strengths: pd.Series, caller: str) -> pd.Series:
    import pandas as pd

    if not isinstance(strengths, pd.Series) or not len(strengths):
        raise ValueError(f"{caller}: strengths is a Series by model, as bradley_terry returns it.")
    bad = ~(np.isfinite(strengths) & (strengths > 0))
    if bad.any():
        raise ValueError(
            f"{caller}: strengths are positive and finite; {', '.join(map(repr, strengths.index[bad][:5]))} "
            f"has {strengths[bad].iloc[0]}. Ratings are not strengths: give what bradley_terry returns."
        )
    if (again := strengths.index.duplicated()).any():
        raise ValueError(f"{caller}: {strengths.index[again][0]!r} stands twice in strengths.")
    return np.log(strengths)
