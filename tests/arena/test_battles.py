import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.arena import battles as module
from course_lib.arena.battles import WINNERS, checked, coded, outcomes, pairs

from .tables import counted, few, table, tables

GOOD = table(("x", "y", "model_a"), ("y", "x", "tie"), ("z", "x", "tie (bothbad)"), ("y", "z", "model_b"))


def test_outcomes_are_points_of_model_a_and_both_ties_are_half():
    assert outcomes(GOOD).tolist() == [1, 0.5, 0.5, 0]
    assert WINNERS == ("model_a", "model_b", "tie", "tie (bothbad)")


def test_checked_gives_the_battles_back_with_all_their_columns():
    battles = GOOD.assign(question=[1, 2, 3, 4])
    assert checked(battles) is battles


def test_pairs_count_from_the_first_by_name_whatever_the_side():
    found = pairs(
        table(*counted("b", "a", 3, 1, 2, 1), *counted("a", "b", 5, 0, 1), *counted("c", "a", 0, 2))
    )
    assert found.models == ("a", "b", "c")
    assert found.first.tolist() == [0, 0]
    assert found.second.tolist() == [1, 2]
    assert found.wins.tolist() == [6, 2]  # b's one loss and a's five wins
    assert found.losses.tolist() == [3, 0]
    assert found.ties.tolist() == [3, 0]
    assert found.both_bad.tolist() == [1, 0]
    assert found.total.tolist() == [13, 2]
    assert found.score.tolist() == [8, 2]


def test_weights_are_summed_and_come_from_a_column_or_an_array():
    battles = GOOD.assign(weight=[1.0, 2.0, 0.5, 0.0])
    for weights in ("weight", battles["weight"], [1, 2, 0.5, 0]):
        found = pairs(battles, weights)
        assert found.models == ("x", "y", "z")
        assert found.wins.tolist() == [1, 0]
        assert found.ties.tolist() == [2, 0]
        assert found.both_bad.tolist() == [0, 0.5]
        assert found.second.tolist() == [1, 2]  # y against z has weight 0: they did not meet


@few
@given(tables, st.integers(1, 7))
def test_counting_in_chunks_is_counting_at_once(battles, chunk):
    weights = np.arange(1.0, len(battles) + 1)
    whole = pairs(battles, weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        parts = pairs(battles, weights)
        rows = coded(battles)
    assert whole.models == parts.models
    for name in ("first", "second", "wins", "losses", "ties", "both_bad"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    assert [rows.models[i] for i in rows.a] == battles["model_a"].tolist()
    assert [rows.models[i] for i in rows.b] == battles["model_b"].tolist()
    assert [WINNERS[i] for i in rows.winner] == battles["winner"].tolist()


def test_counts_agree_with_a_loop():
    generator = np.random.default_rng(0)
    a, b = generator.integers(6, size=(2, 500))
    kept = a != b
    battles = table(
        *zip(a[kept].astype(str), b[kept].astype(str), generator.choice(WINNERS, kept.sum()), strict=True)
    )
    found = pairs(battles)
    for row, (first, second) in enumerate(zip(found.first, found.second, strict=True)):
        i, j = found.models[first], found.models[second]
        wins = sum(
            (x.model_a, x.model_b, x.winner) in ((i, j, "model_a"), (j, i, "model_b"))
            for x in battles.itertuples()
        )
        assert found.wins[row] == wins
    assert found.total.sum() == len(battles)


@pytest.mark.parametrize("kind", [object, "category", "string"])
def test_names_may_be_stored_in_any_way(kind):
    assert pairs(GOOD.astype(kind)).wins.tolist() == pairs(GOOD).wins.tolist()


def test_memory_follows_the_pairs_and_not_the_battles():
    def peak(rows):
        generator = np.random.default_rng(0)
        a = generator.integers(20, size=rows)
        b = (a + generator.integers(1, 20, size=rows)) % 20
        models = [f"model {i}" for i in range(20)]
        battles = pd.DataFrame({
            "model_a": pd.Categorical.from_codes(a, models),
            "model_b": pd.Categorical.from_codes(b, models),
            "winner": pd.Categorical.from_codes(generator.integers(4, size=rows), WINNERS),
        })  # fmt: skip
        tracemalloc.start()
        try:
            pairs(battles)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 4096)
        peak(4096)  # what is imported on the way is not counted
        assert peak(20 * 4096) < 1.25 * peak(4 * 4096)


def with_winners(*winners):
    return GOOD.assign(winner=winners)


LEFT_RIGHT = GOOD.rename(columns={"model_a": "left", "model_b": "right"})
ITSELF = table(("x", "x", "tie"), ("x", "x", "model_a"))
BAD = [
    ([("x", "y", "model_a")], TypeError, ["DataFrame", "list"]),
    (GOOD.drop(columns="winner"), ValueError, ["column 'winner' is missing", "'model_b'"]),
    (LEFT_RIGHT, ValueError, ["'model_a', 'model_b'", "'left'"]),
    (GOOD.iloc[:0], ValueError, ["no rows"]),
    (
        with_winners("tie", "left", "tie", "left"),
        ValueError,
        ["'left'", "rows 1, 3", "not a tie"],
    ),
    (with_winners("tie", "Tie", "tie", "tie"), ValueError, ["'Tie'", "rows 1"]),
    (with_winners("tie", None, "tie", "tie"), ValueError, ["'winner'", "NaN", "rows 1", "not a tie"]),
    (GOOD.assign(model_a=["x", "y", np.nan, "y"]), ValueError, ["'model_a'", "NaN", "rows 2"]),
    (GOOD.assign(model_b=[None] * 4), ValueError, ["'model_b'", "rows 0, 1, 2, 3"]),
    (GOOD.assign(model_b=["y", "y", "x", "z"]), ValueError, ["'y'", "itself", "rows 1", "'model_b' agree"]),
    (ITSELF, ValueError, ["only model", "'x'", "rows 0, 1", "two different"]),
    (table((1, 2, "tie")), ValueError, ["named by text", "1, 2", "astype(str)"]),
]


@pytest.mark.parametrize(("battles", "error", "said"), BAD)
@pytest.mark.parametrize("function", [checked, outcomes, pairs])
def test_bad_battles_are_said_with_rows_and_columns(function, battles, error, said):
    with pytest.raises(error) as raised:
        function(battles)
    for words in said:
        assert words in str(raised.value)


def test_rows_are_named_by_the_index_and_only_the_first_five():
    battles = pd.concat([GOOD] * 5).set_axis([f"vote {i}" for i in range(20)])
    battles.loc[[f"vote {i}" for i in range(7, 20)], "winner"] = "?"
    with pytest.raises(ValueError, match=r"rows vote 7, vote 8, vote 9, vote 10, vote 11 and 8 more"):
        checked(battles)


def test_a_bad_row_behind_the_first_chunk_is_found():
    battles = pd.concat([GOOD] * 5, ignore_index=True)
    battles.loc[17, "winner"] = "none"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", 4)
        with pytest.raises(ValueError, match="'none' in rows 17"):
            checked(battles)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("importance", "no column 'importance'"),
        ([1, 1], r"4 battles want 4 weights; shape \(2,\)"),
        ([1, 1, -1, 1], r"-1.0 stands in rows 2"),
        ([1, np.nan, 1, 1], r"nan stands in rows 1"),
        ([1, np.inf, 1, 1], r"inf stands in rows 1"),
        ([0, 0, 0, 0], "every weight is 0"),
        (["much", 1, 1, 1], "weights are numbers"),
    ],
)
def test_bad_weights_are_said(weights, said):
    with pytest.raises(ValueError, match=said):
        pairs(GOOD, weights)


def test_rows_recorded_twice_are_said_where_they_can_be_told_apart(recwarn):
    twice = pd.concat([GOOD, GOOD.iloc[[1]]], ignore_index=True)
    checked(twice)  # two people may well vote alike
    assert not recwarn
    voters = twice.assign(voter=["ann", "bob", "cem", "dee", "bob"], timestamp=[1, 2, 3, 4, 2])
    with pytest.warns(
        UserWarning, match=r"1 of \d+ rows repeat an earlier row in every column \('model_a'.* rows 4"
    ):
        assert len(checked(voters)) == 5
    voters.loc[4, "timestamp"] = 9
    recwarn.clear()
    checked(voters)
    assert not recwarn
