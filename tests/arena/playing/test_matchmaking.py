"""Pairs: every one gets its turn, sides by lot, the same again from the same seed."""

from collections import Counter
from itertools import combinations

import pytest

from course_lib.arena.playing.matchmaking import Matchmaker

MODELS = ["d", "a", "c", "b"]


def drawn(count, **options):
    maker, draws = Matchmaker(MODELS, 10, **options), []
    for number in range(count):
        draws.append(maker.draw(number))
        maker.note(draws[-1].model_a, draws[-1].model_b)
    return draws


def pairs(draws):
    return Counter(tuple(sorted((d.model_a, d.model_b))) for d in draws)


def test_fewest_shows_every_pair_once_before_any_twice():
    for rounds in range(1, 5):
        assert pairs(drawn(6 * rounds)) == dict.fromkeys(combinations("abcd", 2), rounds)


def test_uniform_is_uniform():
    counts = pairs(drawn(6000, policy="uniform"))
    assert set(counts) == set(combinations("abcd", 2))
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 20.5  # chi-square, 5 df, p = 0.001


@pytest.mark.parametrize("policy", ["fewest", "uniform"])
def test_sides_and_questions_are_drawn_by_lot(policy):
    draws = drawn(2000, policy=policy)
    turned = sum(d.model_a > d.model_b for d in draws)
    assert abs(turned - 1000) < 4 * 500**0.5
    counts = Counter(d.question for d in draws)
    assert set(counts) == set(range(10))
    assert sum((count - 200) ** 2 / 200 for count in counts.values()) < 27.9  # 9 df, p = 0.001


def test_a_draw_depends_on_seed_and_number():
    assert drawn(50, seed=3) == drawn(50, seed=3)
    assert drawn(50, seed=3) != drawn(50, seed=4)
    maker = Matchmaker(MODELS, 10, policy="uniform")
    assert [maker.draw(n) for n in (7, 3, 7)] == [maker.draw(7), maker.draw(3), maker.draw(7)]


def test_a_question_that_was_seen_does_not_come_again_while_others_are_left():
    maker = Matchmaker(MODELS, 10)
    assert {maker.draw(n, seen=set(range(10)) - {4}).question for n in range(30)} == {4}
    assert len({maker.draw(n, seen=set(range(10))).question for n in range(100)}) == 10


@pytest.mark.parametrize(
    ("models", "questions", "policy", "sentence"),
    [
        (["a"], 3, "fewest", "models are a; give two or more"),
        (["a", "b", "a"], 3, "fewest", "all different"),
        (["a", "b"], 0, "fewest", "questions is 0"),
        (["a", "b"], 3, "best", 'policy is "best"; choose one of fewest, uniform'),
    ],
)
def test_mistakes_get_a_sentence(models, questions, policy, sentence):
    with pytest.raises(ValueError, match=sentence):
        Matchmaker(models, questions, policy)
