"""Intervals for a judge's scores: as published, by verdict and by question, and what the first leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.arena.battles import outcomes
from course_lib.arena.judging.verdicts import star_scores, verdict_battles
from course_lib.arena.ratings.intervals import bootstrap, percentiles

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("battle", "verdict", "question")


def score_rounds(
    verdicts: pd.DataFrame,
    reference: str = "reference",
    unit: str = "question",
    rounds: int = 100,
    strong_weight: float = 3,
    missing: str = "drop",
    verdict: str = "verdict",
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of resampled verdicts in per cent: one row a round, one column a model.

    unit: what is drawn. "battle": each of the strong_weight copies of a ">>" verdict on its own, as
    published; the copies are one observation, so the result varies too little. "verdict": a verdict with
    its weight. "question" (needs that column): all verdicts on a question together, as all models answer the
    same ones. The other arguments are those of `verdict_battles`, which names what it refuses; "battle"
    needs a whole strong_weight. WildVision-Bench also keeps the point estimate as one round; left out here.
    """
    if unit not in UNITS:
        raise ValueError(f"score_rounds: unit={unit!r} was given; it is one of {', '.join(UNITS)}.")
    battles = verdict_battles(verdicts, reference, strong_weight, missing, verdict)
    if unit == "question" and "question" not in battles:
        raise ValueError(
            'score_rounds: unit="question" needs the column question; use unit="verdict" without.'
        )
    if unit == "battle":
        if strong_weight != int(strong_weight):
            raise ValueError(
                f"score_rounds: strong_weight={strong_weight} copies cannot be made; use a whole number."
            )
        copies = battles.index.repeat(battles["weight"].astype(int))
        battles = battles.loc[copies].drop(columns="weight").reset_index(drop=True)
    return bootstrap(battles, star_scores, rounds, "question" if unit == "question" else None, seed)


def score_intervals(
    verdicts: pd.DataFrame,
    reference: str = "reference",
    unit: str = "question",
    rounds: int = 100,
    confidence: float = 0.95,
    strong_weight: float = 3,
    missing: str = "drop",
    verdict: str = "verdict",
    seed: int = 0,
) -> pd.DataFrame:
    """Score of each model with its percentile interval: columns score, low, high, width; best first.

    Arguments: see `score_rounds`. The map from Elo to the win rate rises, so percentiles of the score are the
    percentiles in Elo, mapped.
    """
    drawn = score_rounds(verdicts, reference, unit, rounds, strong_weight, missing, verdict, seed)
    table = percentiles(drawn, confidence)
    table.insert(
        0, "score", star_scores(verdict_battles(verdicts, reference, strong_weight, missing, verdict))
    )
    table["width"] = table["high"] - table["low"]
    return table.sort_values("score", ascending=False, kind="stable")


def score_errors(
    verdicts: pd.DataFrame,
    reference: str = "reference",
    strong_weight: float = 3,
    missing: str = "drop",
    verdict: str = "verdict",
) -> pd.DataFrame:
    """How much too small the published standard errors are, in closed form: no draws, no noise.

    Columns, in points of score: published (every copy an observation of its own), by_question (a verdict with
    its weight is one), and ratio = by_question / published, which lies between 1 and sqrt(strong_weight).
    With outcomes y, weights w and score s (0 to 1) the two variances are sum w (y - s)^2 / (sum w)^2 and
    sum w^2 (y - s)^2 / (sum w)^2, the linearised variance of a weighted mean (Cochran 1977, chapter 6).
    """
    import numpy as np
    import pandas as pd

    battles = verdict_battles(verdicts, reference, strong_weight, missing, verdict)
    score = star_scores(battles)
    won = 1 - outcomes(battles)  # by the model, which is model_b
    weight, squared = battles["weight"], (won - battles["model_b"].map(score) / 100) ** 2
    sums = pd.DataFrame({"once": weight * squared, "twice": weight**2 * squared, "weight": weight})
    sums = sums.groupby(battles["model_b"]).sum()
    table = pd.DataFrame(
        {
            "published": 100 * np.sqrt(sums["once"]) / sums["weight"],
            "by_question": 100 * np.sqrt(sums["twice"]) / sums["weight"],
        }
    )
    table["ratio"] = table["by_question"] / table["published"]
    order = score.sort_values(ascending=False, kind="stable").index
    return table.rename_axis("model").reindex(order)


def score_difference(rounds: pd.DataFrame, first: str, second: str, confidence: float = 0.95) -> pd.Series:
    """Interval of first's score minus second's: median, low, high, from `score_rounds`.

    Rounds by question keep what both models share, a hard question is hard for both; rounds by battle or by
    verdict do not, and give a wider interval where it matters most. Raises ValueError for an unknown model.
    """
    import pandas as pd

    for name in (first, second):
        if name not in rounds:
            raise ValueError(f"score_difference: no model {name!r}; there are {', '.join(map(str, rounds))}.")
    difference = (rounds[first] - rounds[second]).rename("difference")
    ends = percentiles(difference.to_frame(), confidence).iloc[0]
    return pd.Series({"median": difference.median(), "low": ends["low"], "high": ends["high"]})
