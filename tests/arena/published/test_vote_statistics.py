"""Statistics of a voting log and the identities that they must satisfy."""

import pandas as pd
import pytest

from course_lib.arena.published.datasets import load
from course_lib.arena.published.vote_statistics import check_battle_counts, check_votes, vote_statistics

LOG = pd.DataFrame(
    {
        "model_a": ["x", "y", "x", "z", "x"],
        "model_b": ["y", "z", "z", "x", "y"],
        "winner": ["model_a", "model_b", "tie", "tie (bothbad)", "model_a"],
        "anonymous": [True, True, False, True, True],
        "rounds": [1, 3, 1, 1, 2],
        "timestamp": [0, 86_399, 86_400, 200_000, 90_000],
        "input_tokens": [10, 20, 30, 40, 50],
        "output_tokens": [1, 2, 3, 4, 10],
    }
)


def test_by_hand():
    assert vote_statistics(LOG) == {
        "votes": 5,
        "left": 2,
        "right": 1,
        "tie": 1,
        "bad": 1,
        "anonymous": 4,
        "named": 1,
        "days": 3,
        "rounds": 8,
        "rounds_per_vote": 1.6,
        "input_tokens": 30,
        "output_tokens": 4,
    }


def test_dates_count_like_seconds_and_columns_that_are_not_there_give_no_line():
    dated = LOG.assign(timestamp=pd.to_datetime(LOG["timestamp"], unit="s"))
    assert vote_statistics(dated) == vote_statistics(LOG)
    assert list(vote_statistics(LOG[["model_a", "model_b", "winner"]])) == [
        "votes",
        "left",
        "right",
        "tie",
        "bad",
    ]


def test_statistics_of_a_real_log_satisfy_the_identities():
    found = vote_statistics(load("llmfao_crowd"))
    assert found == {"votes": 8931, "left": 2911, "right": 2549, "tie": 3471, "bad": 0}
    assert check_votes(found) == []
    assert check_votes(vote_statistics(LOG)) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"left": 3}, "left + right + tie + bad = 6, but votes = 5 (difference +1)."),
        ({"named": 0}, "anonymous + named = 4, but votes = 5 (difference -1)."),
        ({"rounds": 4, "rounds_per_vote": 0.8}, "rounds = 4 is below votes = 5."),
        ({"rounds_per_vote": 1.5}, "rounds / votes = 1.600, but rounds_per_vote = 1.50."),
        ({"rounds_per_vote": 1.59}, "rounds / votes = 1.600, but rounds_per_vote = 1.59."),
        ({"days": -3}, "days is negative: -3."),
    ],
)
def test_each_broken_identity_has_its_sentence(change, sentence):
    assert check_votes({**vote_statistics(LOG), **change}) == [sentence]


def test_battle_counts():
    assert check_battle_counts(pd.Series({"x": 4, "y": 3, "z": 3}), votes=5) == []
    assert "an odd number" in check_battle_counts(pd.Series({"x": 4, "y": 3}))[0]
    assert "x has more battles than there are: 5 of 4" in check_battle_counts(pd.Series({"x": 5, "y": 3}))[0]
