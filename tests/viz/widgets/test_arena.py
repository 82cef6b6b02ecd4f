"""The arena in a notebook: battles are dealt, votes are kept, names stay at home until they may be seen."""

import json
import random

import pytest

from course_lib.arena.playing.answerers import preference
from course_lib.arena.playing.questions import pool
from course_lib.arena.ratings.bradley_terry import bradley_terry
from course_lib.viz.widgets.arena import ArenaGame


def cast(game, *sides, start=0):
    """What the browser writes when these sides are pressed."""
    events = [
        {"event": "vote", "battle": number, "side": side, "anony": True, "milliseconds": 5}
        for number, side in enumerate(sides, start)
    ]
    game.vote.widget.log = [*game.vote.widget.log, *events]


@pytest.fixture
def game():
    one = ArenaGame(rounds=6, questions=pool(12))
    yield one
    one.close()


def test_votes_become_battles_of_the_arena(game):
    assert game.battles().empty
    cast(game, "left", "right", "tie", "both bad")
    battles = game.battles()
    assert battles["winner"].tolist() == ["model_a", "model_b", "tie", "tie (bothbad)"]
    for row, (shown, left, right) in zip(battles.to_dict("records"), game.dealt, strict=False):
        assert (row["model_a"], row["model_b"]) == (left, right)
        assert row["question"] == shown.image
    assert len(game.battles()) == 4  # asked twice, counted once
    cast(game, "left", start=4)
    assert len(game.battles()) == 5
    assert battles["voter"].unique().tolist() == ["arena_user_0"]


def test_a_vote_taken_back_before_it_is_kept_does_not_count(game):
    cast(game, "left")
    game.vote.widget.log = [*game.vote.widget.log, {"event": "undo", "battle": 0}]
    assert game.battles().empty
    cast(game, "right")
    assert game.battles()["winner"].tolist() == ["model_b"]


def test_left_in_the_arena_is_left_on_the_screen(game):
    for record, (shown, left, right), (_, a, b) in zip(
        game.vote.config["battles"], game.dealt, game.vote.battles, strict=True
    ):
        assert (a, b) == (left, right)
        assert (record["left"], record["right"]) == (shown.left, shown.right)
    sent = json.dumps(game.vote.config) + game.vote.alt_text
    assert not any(name in sent for name in ("Heron", "Otter", "Newt", "Finch", "Mole", "Dice"))
    assert game.vote.arrays["image0"].shape == (3, 96, 96)


def test_a_game_rates_who_answered(tmp_path):
    game = ArenaGame(rounds=112, path=tmp_path / "votes.db", voter="Ada")
    sides = []
    for shown, *_ in game.dealt:
        truth = game.arena.questions[game.arena.place[shown.image]].question.answer
        sides.append(preference(shown.left, shown.right, truth, random.Random(0)))
    cast(game, *sides)
    strengths = bradley_terry(game.battles(), penalty=0.1)
    assert strengths["Heron-Large"] > strengths["Dice"]
    game.close()
    again = ArenaGame(rounds=3, path=tmp_path / "votes.db", voter="Ada")  # the votes are still there
    assert len(again.battles()) == 112
    again.close()


def test_mistakes_get_a_sentence():
    with pytest.raises(ValueError, match="rounds is 0; give at least 1"):
        ArenaGame(rounds=0)
