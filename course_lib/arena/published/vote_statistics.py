"""The numbers of a voting log as in an arena paper's first table, and the identities they must satisfy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Lu et al. 2024, WildVision, arXiv:2406.11069, Table 1
WILDVISION_TABLE_1 = {
    "votes": 8076,
    "anonymous": 6636,
    "named": 1440,
    "left": 2932,
    "right": 2839,
    "tie": 979,
    "bad": 1326,
    "days": 102,
    "rounds": 10884,
    "rounds_per_vote": 1.34,
    "input_tokens": 31.00,
    "output_tokens": 108.87,
}
_AVERAGED = ("input_tokens", "output_tokens")


def vote_statistics(votes: pd.DataFrame) -> dict[str, float]:
    """Counts and averages of a log of votes.

    votes: battles (model_a, model_b, winner), one vote a row; optional columns add their lines: anonymous
    (bool), rounds (turns of the chat), timestamp (seconds since 1970, or datetimes), input_tokens and
    output_tokens (numbers per vote). Keys: votes, left, right, tie, bad; anonymous and named; days (calendar
    days, UTC, from the first vote to the last, both counted); rounds and rounds_per_vote; average tokens.
    Raises what `battles.checked` raises.
    """
    import pandas as pd

    from course_lib.arena.battles import checked

    votes = checked(votes)
    kinds = votes["winner"].map({"model_a": "left", "model_b": "right", "tie": "tie", "tie (bothbad)": "bad"})
    found: dict[str, float] = {"votes": len(votes)}
    found |= {kind: int((kinds == kind).sum()) for kind in ("left", "right", "tie", "bad")}
    if "anonymous" in votes:
        found["anonymous"] = int(votes["anonymous"].astype(bool).sum())
        found["named"] = len(votes) - int(found["anonymous"])
    if "timestamp" in votes:
        seconds = pd.api.types.is_numeric_dtype(votes["timestamp"])
        day = pd.to_datetime(votes["timestamp"], unit="s" if seconds else None, utc=True).dt.floor("D")
        found["days"] = (day.max() - day.min()).days + 1
    if "rounds" in votes:
        found["rounds"] = int(votes["rounds"].sum())
        found["rounds_per_vote"] = float(votes["rounds"].mean())
    found |= {column: float(votes[column].mean()) for column in _AVERAGED if column in votes}
    return found


def check_votes(statistics: Mapping[str, float], decimals: int = 2) -> list[str]:
    """A sentence for each identity that the numbers break; an empty list when all hold.

    statistics: keys as of `vote_statistics`; identities with a missing key are skipped. Checked: left +
    right + tie + bad = votes, anonymous + named = votes, rounds >= votes, rounds / votes = rounds_per_vote
    as printed with `decimals` places (rounded, not cut off), no negative count.
    """
    problems = [f"{key} is negative: {value:,}." for key, value in statistics.items() if value < 0]
    for parts in (("left", "right", "tie", "bad"), ("anonymous", "named")):
        if {*parts, "votes"} <= set(statistics):
            total = sum(statistics[part] for part in parts)
            if total != statistics["votes"]:
                problems.append(
                    f"{' + '.join(parts)} = {total:,}, but votes = {statistics['votes']:,} "
                    f"(difference {total - statistics['votes']:+,})."
                )
    if {"rounds", "votes"} <= set(statistics) and statistics["rounds"] < statistics["votes"]:
        problems.append(f"rounds = {statistics['rounds']:,} is below votes = {statistics['votes']:,}.")
    if {"rounds", "votes", "rounds_per_vote"} <= set(statistics) and statistics["votes"]:
        average, printed = statistics["rounds"] / statistics["votes"], statistics["rounds_per_vote"]
        if not math.isclose(average, printed, rel_tol=0, abs_tol=0.5 * 10**-decimals + 1e-9):
            problems.append(
                f"rounds / votes = {average:.{decimals + 1}f}, but rounds_per_vote = {printed:.{decimals}f}."
            )
    return problems


def check_battle_counts(battles_per_model: pd.Series, votes: int | None = None) -> list[str]:
    """A sentence for each thing that is wrong with a leaderboard's column of battles; empty when all hold.

    battles_per_model: battles of each model. Every battle has two models, so the sum is even and half of it
    is the number of battles, which equals `votes` (when given) if both come from the same log.
    """
    total = int(battles_per_model.sum())
    problems = []
    if total % 2:
        problems.append(f"battles add up to {total:,}, an odd number, but every battle has two models.")
    if votes is not None and total != 2 * votes:
        problems.append(
            f"battles add up to {total:,}, that is {total / 2:,.0f} battles, but there are {votes:,} votes."
        )
    if (battles_per_model > total / 2).any():
        name = battles_per_model.idxmax()
        problems.append(
            f"{name} has more battles than there are: {battles_per_model.max():,} of {total / 2:,.0f}."
        )
    return problems
