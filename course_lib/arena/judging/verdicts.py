"""Five-way verdicts of a judge who compares each model with one reference: the table and its battles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from course_lib.arena.battles import outcomes
from course_lib.arena.judging.judges import WINNER

if TYPE_CHECKING:
    import pandas as pd

# A is the reference's answer, B the evaluated model's; the names of the columns are seen from the model
VERDICTS = {"B>>A": "much_better", "B>A": "better", "A=B": "tie", "A>B": "worse", "A>>B": "much_worse"}
REWARD = {"much_better": 100.0, "better": 50.0, "tie": 0.0, "worse": -50.0, "much_worse": -100.0}
MISSING = ("drop", "tie", "published")
COUNTS = list(VERDICTS.values())


def judge_table(
    verdicts: pd.DataFrame, missing: str = "drop", strong_weight: float = 3, verdict: str = "verdict"
) -> pd.DataFrame:
    """Leaderboard of models that a judge compared with one reference, best score first.

    verdicts: one row per model and question with the columns model and `verdict` (B>>A, B>A, A=B, A>B, A>>B,
    or missing: None or NaN), optionally question. A is the reference, B the model.
    missing: what a missing verdict is. "drop": nothing, it is in no count and no denominator. "tie": a tie
    everywhere. "published": WildVision-Bench's own mixture, dropped from the score, a tie in the rest.
    strong_weight: how many battles a ">>" verdict counts as in the score, > 0 (WildVision-Bench: 3).

    Index: model. score: expected win rate against the reference by Bradley-Terry, in per cent; as every model
    meets the reference alone it is (W + T/2) / (W + T + L) with W = strong_weight much_better + better.
    win_rate: per cent of questions won. reward: mean of +100, +50, 0, -50, -100. Then the five counts, and
    how many verdicts were missing. A model without any verdict has NaN in the first three.

    Raises ValueError for another rule, a weight <= 0, and for verdicts that `checked_verdicts` refuses.
    Source: Lu et al. 2024, WildVision, arXiv:2406.11069, Table 4, and the released show_results.py.
    """
    _check_rule("judge_table", missing, strong_weight, MISSING)
    counts = _counts(checked_verdicts(verdicts, verdict))
    absent = counts.pop("missing")
    in_score = counts.copy()
    if missing != "drop":
        counts["tie"] += absent
    if missing == "tie":
        in_score["tie"] += absent
    asked = counts.sum(axis=1)
    table = counts.astype(int)
    table.insert(0, "score", _score(in_score, strong_weight))
    table.insert(1, "win_rate", 100 * (counts["much_better"] + counts["better"]) / asked)
    table.insert(2, "reward", sum(value * counts[name] for name, value in REWARD.items()) / asked)
    table["missing"] = absent.astype(int)
    return table.sort_values("score", ascending=False, kind="stable")


def verdict_battles(
    verdicts: pd.DataFrame,
    reference: str = "reference",
    strong_weight: float = 3,
    missing: str = "drop",
    verdict: str = "verdict",
) -> pd.DataFrame:
    """The same verdicts as battles: model_a (the reference), model_b, winner, weight, question if given.

    A ">>" weighs `strong_weight`, all others 1. missing: "drop" or "tie". Rows of the reference against
    itself are left out: they say nothing about strength. `bradley_terry(battles, "weight")` gives each model
    the odds score / (100 - score) against the reference, score being that of `judge_table`, because the
    comparison graph is a star. Raises ValueError as `judge_table` does.
    """
    import pandas as pd

    _check_rule("verdict_battles", missing, strong_weight, ("drop", "tie"))
    table = checked_verdicts(verdicts, verdict)
    table = table[table["model"] != reference]
    labels = table["verdict"].fillna("A=B") if missing == "tie" else table["verdict"].dropna()
    table = table.loc[labels.index]
    if table.empty:
        raise ValueError(
            f"verdict_battles: no verdict on a model other than {reference!r} is left; give at least one."
        )
    battles = pd.DataFrame(
        {
            "model_a": reference,
            "model_b": table["model"],
            "winner": labels.map(WINNER),
            "weight": labels.isin(["A>>B", "B>>A"]).map({True: float(strong_weight), False: 1.0}),
        }
    )
    if "question" in table:
        battles["question"] = table["question"]
    return battles.reset_index(drop=True)


def star_scores(battles: pd.DataFrame) -> pd.Series:
    """Score of each model in battles against one reference (model_a), in per cent: wins plus half the ties.

    battles: as `verdict_battles` gives them; a column weight counts. Raises what `checked` raises, and
    ValueError when model_a names more than one model: then the graph is no star and only a fit
    (`bradley_terry`) gives the ratings.
    """
    import numpy as np
    import pandas as pd

    references = battles["model_a"].unique()
    if len(references) != 1:
        raise ValueError(
            f"star_scores: model_a names {len(references)} models ({', '.join(map(str, references[:5]))}); "
            "it must be one reference in all battles. Use bradley_terry for battles of all against all."
        )
    codes, models = pd.factorize(battles["model_b"], sort=True)
    weight = battles["weight"].to_numpy(float) if "weight" in battles else np.ones(len(battles))
    share = np.bincount(codes, weight * (1 - outcomes(battles))) / np.bincount(codes, weight)
    return pd.Series(100 * share, index=pd.Index(models, name="model"), name="score")


def checked_verdicts(verdicts: pd.DataFrame, verdict: str = "verdict") -> pd.DataFrame:
    """A copy with the columns model, verdict (missing is NaN) and question if given; else a ValueError.

    Refused: no DataFrame, a missing column, no rows, a row without a model, a label that is not one of the
    five (an unknown label is never taken for a tie), and two verdicts on one question and model.
    """
    import pandas as pd

    if not isinstance(verdicts, pd.DataFrame):
        raise TypeError(
            f"verdicts: a {type(verdicts).__name__} was given; give a DataFrame, a verdict a row."
        )
    lacking = [name for name in ("model", verdict) if name not in verdicts]
    if lacking:
        raise ValueError(
            f"verdicts: the column {' and '.join(lacking)} is missing; there are "
            f"{', '.join(map(str, verdicts.columns)) or 'none'}. Needed are model and {verdict}."
        )
    if not len(verdicts):
        raise ValueError("verdicts: the table has no rows; give at least one verdict.")
    nameless = verdicts["model"].isna()
    if nameless.any():
        raise ValueError(f"verdicts: column model is empty in {_rows(nameless)}; every verdict needs one.")
    labels = verdicts[verdict].astype(object)
    unknown = labels.notna() & ~labels.isin(list(VERDICTS))
    if unknown.any():
        found = ", ".join(repr(label) for label in labels[unknown].unique()[:3])
        raise ValueError(
            f"verdicts: column {verdict} holds {found} in {_rows(unknown)}; a verdict is one of "
            f"{', '.join(VERDICTS)}, or None where the judge gave none. Nothing else is counted as a tie."
        )
    table = pd.DataFrame({"model": verdicts["model"], "verdict": labels})
    if "question" in verdicts:
        table["question"] = verdicts["question"]
        twice = table.duplicated(["model", "question"]) & table["question"].notna()
        if twice.any():
            raise ValueError(
                f"verdicts: {_rows(twice)} repeat a model and question that stand further up; keep one "
                "verdict for each, for example with drop_duplicates(['model', 'question'])."
            )
    return table.reset_index(drop=True)


def _counts(table: pd.DataFrame) -> pd.DataFrame:
    """How often each verdict was given, per model in order of appearance, as floats; last column: missing."""
    import numpy as np
    import pandas as pd

    columns = [*COUNTS, "missing"]
    model, models = pd.factorize(table["model"])
    place = pd.Index(list(VERDICTS)).get_indexer(table["verdict"]) % len(columns)  # -1, missing, is the last
    counts = np.bincount(model * len(columns) + place, minlength=len(models) * len(columns)).astype(float)
    shape = (len(models), len(columns))
    return pd.DataFrame(counts.reshape(shape), index=pd.Index(models, name="model"), columns=columns)


def _score(counts: pd.DataFrame, strong_weight: float) -> pd.Series:
    """Share of the weighted battles won, ties half, in per cent; NaN where there are none."""
    won = strong_weight * counts["much_better"] + counts["better"]
    lost = strong_weight * counts["much_worse"] + counts["worse"]
    return 100 * (won + counts["tie"] / 2) / (won + counts["tie"] + lost)


def _check_rule(name: str, missing: str, strong_weight: float, rules: tuple[str, ...]) -> None:
    if missing not in rules:
        raise ValueError(f"{name}: missing={missing!r} was given; the rules are {', '.join(rules)}.")
    if not (isinstance(strong_weight, (int, float)) and math.isfinite(strong_weight) and strong_weight > 0):
        raise ValueError(f"{name}: strong_weight={strong_weight!r} was given; it must be a number above 0.")


def _rows(mask: pd.Series) -> str:
    """The rows of a mask by their index labels, the first five named: rows 3, 5, 8."""
    names = [str(name) for name in mask.index[mask.to_numpy()]]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"row{'s' if len(names) > 1 else ''} {', '.join(names[:5])}{more}"
