"""How far a judge agrees with people: F1, Cohen's kappa, Pearson's correlation on votes, with intervals."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.arena.judging.judges import WINNER
from course_lib.arena.ratings.intervals import percentiles

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

VOTES = ("left", "right", "tie", "bad")
PROTOCOLS = ("4-way", "3-way", "binary")
METRICS = ("f1_macro", "f1_micro", "f1_weighted", "kappa", "pearson")
# a preference on a line from left to right: a tie, two bad answers or "other" prefer neither
CODES = {"left": -1.0, "right": 1.0, "tie": 0.0, "bad": 0.0, "other": 0.0}
_FROM_WINNER = {"model_a": "left", "model_b": "right", "tie": "tie", "tie (bothbad)": "bad"}
_FROM_VERDICT = {label: _FROM_WINNER[winner] for label, winner in WINNER.items()}


def agreement(
    human: Sequence[str], judge: Sequence[str], protocol: str, codes: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Agreement of a judge's votes with a human's on the same pairs of answers.

    human, judge: equally many of left, right, tie, bad (see `votes_of`). protocol: "4-way" compares the votes
    as they are; "3-way" left, right and other (tie or bad); "binary" left and right, only where both chose a
    side. codes: numbers for Pearson's correlation; None is left -1, right 1, everything else 0, so that 4-way
    and 3-way give the same value. With other codes they do not: name yours when you report it.

    Keys: n (pairs compared), f1_macro, f1_micro (the share of equal votes), f1_weighted (each over the
    labels that occur, the human's taken as true), kappa, pearson. The last two are NaN where they are
    undefined: a side that always gives the same vote has no variance.
    Raises ValueError for another protocol, unequal lengths, no votes, labels that are none of the four
    (a missing verdict is not a vote: leave the pair out and report how many), or nothing left for "binary".
    Source: Lu et al. 2024, WildVision, arXiv:2406.11069, Figure 6; Cohen 1960 for kappa.
    """
    import numpy as np
    from sklearn.metrics import cohen_kappa_score, f1_score

    first, second, _ = _compared(human, judge, protocol)
    codes = CODES if codes is None else codes
    lacking = sorted({*first, *second} - set(codes))
    if lacking:
        raise ValueError(f"agreement: codes has no number for {', '.join(lacking)}; give one for each label.")
    found: dict[str, float] = {"n": len(first)}
    for average in ("macro", "micro", "weighted"):
        found[f"f1_{average}"] = float(f1_score(first, second, average=average, zero_division=0))
    alone = len({*first, *second}) == 1  # then agreement by chance is 1, and kappa 0 / 0
    found["kappa"] = float("nan") if alone else float(cohen_kappa_score(first, second))
    x, y = (np.array([codes[label] for label in side]) for side in (first, second))
    constant = np.ptp(x) == 0 or np.ptp(y) == 0
    found["pearson"] = float("nan") if constant else float(np.corrcoef(x, y)[0, 1])
    return found


def agreement_intervals(
    human: Sequence[str],
    judge: Sequence[str],
    protocol: str,
    unit: Sequence[Any] | None = None,
    rounds: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every metric of `agreement` with a percentile bootstrap interval.

    unit: None resamples pairs; otherwise one value per vote (its question, its voter), resampled as a block.
    For "binary" the units of the pairs that are left are resampled. rounds: resamples, at least 2.
    Index: the five metrics; columns value, low, high. A resample in which a metric is undefined is left out
    of that metric. Raises ValueError as `agreement`, and for a unit of another length or with missing values.
    """
    import numpy as np
    import pandas as pd

    if rounds < 2:
        raise ValueError(f"agreement_intervals: rounds={rounds} was given; an interval needs at least 2.")
    if not 0 < level < 1:
        raise ValueError(f"agreement_intervals: level={level} was given; it lies between 0 and 1.")
    first, second, kept = _compared(human, judge, protocol)
    if unit is None:
        blocks = np.arange(len(first))
    elif len(unit) != len(human):
        raise ValueError(f"agreement_intervals: {len(unit)} units for {len(human)} votes; give one per vote.")
    else:
        blocks = pd.factorize(np.asarray(unit)[kept])[0]
        if (blocks < 0).any():
            raise ValueError("agreement_intervals: a unit is missing; every vote needs one.")
    # all that counts of a resample is how often each pair of labels occurs
    labels, place = np.unique(np.stack([first, second]), return_inverse=True)
    row, column = place.reshape(2, -1)
    size = len(labels)
    tables = np.zeros((blocks.max() + 1, size * size))
    np.add.at(tables, (blocks, row * size + column), 1)
    equal = np.full(len(tables), 1 / len(tables))
    draws = np.random.default_rng(seed).multinomial(len(tables), equal, rounds)
    found = pd.DataFrame(_of_tables((draws @ tables).reshape(-1, size, size), [CODES[x] for x in labels]))
    table = percentiles(found, level)
    table.insert(0, "value", pd.Series(agreement(human, judge, protocol)))
    return table


def votes_of(labels: Sequence[str]) -> list[str]:
    """Winners of battles (model_a ...) or five-way verdicts (A>>B ...) as votes: left, right, tie, bad.

    The side shown as A is left. Raises ValueError for any other label, missing ones included.
    """
    table = {**_FROM_WINNER, **_FROM_VERDICT}
    labels = list(labels)
    _require_known(
        labels,
        table,
        "votes_of: {label!r} at position {place} ({count} such in all) is neither a winner "
        f"({', '.join(_FROM_WINNER)}) nor a verdict ({', '.join(_FROM_VERDICT)}). Leave missing ones out.",
    )
    return [table[label] for label in labels]


def _require_known(labels: list, known: Container, sentence: str) -> None:
    """Raise ValueError if a label is unknown; sentence: has {label}, {place} of the first, {count} of all."""
    wrong = [place for place, label in enumerate(labels) if label not in known]
    if wrong:
        raise ValueError(sentence.format(label=labels[wrong[0]], place=wrong[0], count=len(wrong)))


def _compared(human, judge, protocol: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both sides as arrays of labels under the protocol, and the positions of the votes that are left."""
    import numpy as np

    if protocol not in PROTOCOLS:
        raise ValueError(f"agreement: protocol={protocol!r} was given; it is one of {', '.join(PROTOCOLS)}.")
    human, judge = list(human), list(judge)
    if len(human) != len(judge):
        raise ValueError(
            f"agreement: {len(human)} human and {len(judge)} judge votes were given; vote i of both must be "
            "about the same pair of answers."
        )
    if not human:
        raise ValueError("agreement: no votes were given; at least one pair of votes is needed.")
    for name, votes in (("human", human), ("judge", judge)):
        _require_known(
            votes,
            VOTES,
            f"agreement: {name} vote {{place}} is {{label!r}} ({{count}} such in all); votes are "
            f"{', '.join(VOTES)}. A missing verdict is no vote: leave the pair out, it is not a tie.",
        )
    first, second = np.array(human, dtype=object), np.array(judge, dtype=object)
    kept = np.arange(len(first))
    if protocol == "3-way":
        first, second = (np.where(np.isin(side, ["tie", "bad"]), "other", side) for side in (first, second))
    elif protocol == "binary":
        kept = np.flatnonzero(np.isin(first, ["left", "right"]) & np.isin(second, ["left", "right"]))
        if not len(kept):
            raise ValueError(
                f"agreement: in none of the {len(first)} pairs of votes did both choose a side; binary "
                "compares only such pairs."
            )
        first, second = first[kept], second[kept]
    return first.astype(str), second.astype(str), kept


def _of_tables(tables: np.ndarray, codes: Sequence[float]) -> dict[str, np.ndarray]:
    """The five metrics of R tables of counts (R, L, L), human in rows; codes: (L,) numbers for Pearson's.

    scikit-learn's definitions, but all resamples at once: its checks of the input, repeated for every
    resample and metric, take fifty times as long.
    """
    import numpy as np

    total, hit = tables.sum((1, 2)), np.einsum("rll->rl", tables)
    human, judge = tables.sum(2), tables.sum(1)
    there = human + judge > 0  # a label that neither used in this resample has no F1
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(there, 2 * hit / (human + judge), 0)
        accuracy, chance = hit.sum(1) / total, (human * judge).sum(1) / total**2
        x, y = human @ codes / total, judge @ codes / total
        xx, yy = (side @ np.square(codes) / total - mean**2 for side, mean in ((human, x), (judge, y)))
        xy = np.einsum("rij,i,j->r", tables, codes, codes) / total - x * y
        defined = (xx > 1e-12) & (yy > 1e-12)
        return {
            "f1_macro": f1.sum(1) / there.sum(1),
            "f1_micro": accuracy,
            "f1_weighted": (f1 * human).sum(1) / total,
            "kappa": np.where(chance < 1, (accuracy - chance) / (1 - chance), np.nan),
            "pearson": np.where(defined, xy / np.sqrt(xx * yy), np.nan),
        }
