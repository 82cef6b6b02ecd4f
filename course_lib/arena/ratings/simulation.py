"""Battles of known strengths: where every rating and every interval can be checked against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course_lib.arena.battles import WINNERS

if TYPE_CHECKING:
    import pandas as pd


def simulate(
    strengths: pd.Series,
    battles: int,
    *,
    ties: float = 0.0,
    questions: int = 1,
    question_effect: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Battles between random pairs of models, whose expected points are Bradley-Terry's p_i / (p_i + p_j).

    strengths: positive, by model, at least two. ties: 0 to 1, a pair of equals ties in half as many battles;
    a tie takes as much from the wins of either side, so expected points stay. questions: battles are spread
    evenly over as many. question_effect: 0 to below 1, how far a question decides: every question prefers
    some models, so its battles agree more than chance. A latent normal variable for the battle, of which the
    question's preference for the one model over the other is that share of the variance, is turned into a
    uniform one, so that over all questions the win rates are still exactly those of the strengths.
    Returns columns model_a, model_b, winner, question, in random order.
    Raises ValueError for fewer than two strengths, strengths that are not positive and numbers out of range.
    """
    import pandas as pd
    from scipy.special import expit, ndtr

    models, p = np.array(list(strengths.index), dtype=object), np.asarray(strengths, dtype=float)
    if len(p) < 2 or not (np.isfinite(p) & (p > 0)).all():
        raise ValueError(f"simulate: strengths must be two or more positive numbers; {p[:5]} was given.")
    if battles < 1 or questions < 1:
        raise ValueError(f"simulate: battles={battles}, questions={questions}; both must be at least 1.")
    if not (0 <= ties <= 1 and 0 <= question_effect < 1):
        raise ValueError(
            f"simulate: ties={ties}, question_effect={question_effect}; [0, 1] and [0, 1) are allowed."
        )
    generator, size = np.random.default_rng(seed), len(p)
    a = generator.integers(size, size=battles)
    b = (a + generator.integers(1, size, size=battles)) % size
    question = generator.permutation(battles) % questions
    preference = generator.standard_normal((questions, size))
    liked = (preference[question, a] - preference[question, b]) / np.sqrt(2)
    chance = generator.standard_normal(battles)
    latent = np.sqrt(question_effect) * liked + np.sqrt(1 - question_effect) * chance
    points = expit(np.log(p[a]) - np.log(p[b]))
    tied = 2 * ties * points * (1 - points)
    luck = ndtr(-latent)  # uniform, and small where the question likes model_a
    winner = np.where(luck < points - tied / 2, 0, np.where(luck < points + tied / 2, 2, 1))
    columns = {"model_a": models[a], "model_b": models[b], "winner": np.array(WINNERS, dtype=object)[winner]}
    return pd.DataFrame({**columns, "question": question})
