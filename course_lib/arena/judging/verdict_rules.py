"""What a missing verdict and a strong one count as: each rule's effect, and the rules of known toolkits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.arena.judging.verdicts import COUNTS, checked_verdicts, judge_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Toolkit:
    """How a toolkit turns five-way verdicts into a table. columns: what it reports, in the course's names."""

    missing: str
    strong_weight: float
    columns: tuple[str, ...]
    source: str


TOOLKITS = {
    "WildVision-Bench": Toolkit(
        "published",
        3,
        ("score", "win_rate", "reward", *COUNTS, "missing"),
        "WildVision-AI/WildVision-Bench @79dacc0, show_results.py",
    ),
    "lmms-eval": Toolkit(
        "tie",
        1,
        ("score", "win_rate", "reward", *COUNTS, "raw_score", "missing"),
        "EvolvingLMMs-Lab/lmms-eval @75571cf, tasks/wild_vision_bench/utils.py",
    ),
    "VLMEvalKit": Toolkit(
        "tie",
        1,
        ("win_rate", "reward", *COUNTS),
        "open-compass/VLMEvalKit @e8e78f0, vlmeval/dataset/wildvision.py",
    ),
}


def toolkit_table(verdicts: pd.DataFrame, toolkit: str, verdict: str = "verdict") -> pd.DataFrame:
    """The table that a toolkit would print for these verdicts, with its rules and its columns.

    toolkit: a name in TOOLKITS. WildVision-Bench weighs ">>" three times and drops missing verdicts from the
    score only. lmms-eval weighs all alike, counts missing ones as ties and adds raw_score, the mean of
    +2 ... -2. VLMEvalKit gives no score at all, its win_rate is a fraction (0 to 1), missing ones are ties.
    Raises ValueError for another name and for verdicts that `checked_verdicts` refuses.
    """
    if toolkit not in TOOLKITS:
        raise ValueError(f"toolkit_table: there is no {toolkit!r}; known are {', '.join(TOOLKITS)}.")
    rules = TOOLKITS[toolkit]
    table = judge_table(verdicts, rules.missing, rules.strong_weight, verdict)
    if toolkit == "lmms-eval":
        table["raw_score"] = table["reward"] / 50
    if toolkit == "VLMEvalKit":
        table["win_rate"] /= 100
    return table[list(rules.columns)]


def missing_rules(
    verdicts: pd.DataFrame, column: str = "score", strong_weight: float = 3, verdict: str = "verdict"
) -> pd.DataFrame:
    """One column of `judge_table` under every rule for missing verdicts, so that the rule's effect is seen.

    column: "score", "win_rate" or "reward". Index: model, in the order of "drop". Columns: missing (how many
    there are); drop, tie, published (see `judge_table`); shared (only questions with a verdict on every
    model; absent without a column question); worst and best (every missing verdict is A>>B, or B>>A: whatever
    the judge would have said, the value lies between the two).
    Raises ValueError for another column and for verdicts that `checked_verdicts` refuses.
    """
    import pandas as pd

    if column not in ("score", "win_rate", "reward"):
        raise ValueError(f"missing_rules: column={column!r} was given; it is score, win_rate or reward.")
    table = checked_verdicts(verdicts, verdict)

    def under(rule: str, given: pd.DataFrame = table) -> pd.Series:
        return judge_table(given, rule, strong_weight)[column]

    rules = {rule: under(rule) for rule in ("drop", "tie", "published")}
    if "question" in table:
        answered = table.loc[table["verdict"].notna(), "question"].value_counts()
        shared = answered.index[answered == table["model"].nunique()]
        rest = table[table["question"].isin(shared)]
        rules["shared"] = under("drop", rest) if len(rest) else rules["drop"] * float("nan")
    for rule, label in (("worst", "A>>B"), ("best", "B>>A")):
        rules[rule] = under("drop", table.assign(verdict=table["verdict"].fillna(label)))
    result = pd.DataFrame(rules).reindex(rules["drop"].index)
    result.insert(0, "missing", judge_table(table)["missing"])
    return result
