"""Quizzes and votes with ipywidgets' own buttons: what a click shows, says and logs."""

import html
import io

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.arena.playing.session import WINNERS
from course_lib.viz.widgets.arena import ArenaGame
from course_lib.viz.widgets.context_quiz import SIDES, ContextQuiz
from course_lib.viz.widgets.jigsaw_game import JigsawGame
from course_lib.viz.widgets.pairwise_vote import PairwiseVote


class Box:
    """What a user sees of a basic view, and can press."""

    def __init__(self, view):
        self.image, self.row, self.words = view.basic().children
        self.buttons = {button.description: button for button in self.row.children}

    def press(self, label):
        assert not self.buttons[label].disabled, f"{label} cannot be pressed now"
        self.buttons[label].click()
        return self.said()

    def said(self):
        return html.unescape(self.words.value.removeprefix('<p role="status">').removesuffix("</p>"))

    def picture(self):
        return np.asarray(Image.open(io.BytesIO(self.image.value)).convert("L"))


def pictures(count=6):
    return torch.rand(count, 3, 48, 48, generator=torch.Generator().manual_seed(1))


def always_first(*parts):
    batch = len(parts[0])
    return torch.tensor([1.0, *[0.0] * 7]).expand(batch, 8)


def test_a_round_is_answered_once_and_logged_as_the_live_quiz_does():
    quiz = ContextQuiz(pictures(), always_first, rounds=3)
    box = Box(quiz)
    assert list(box.buttons) == [*SIDES, "Next"]
    assert "Round 1 of 3" in box.said()
    before = box.picture()
    truth = SIDES[quiz.truth[0]]
    said = box.press(truth)
    assert said.startswith(f"Right; the answer is {truth}.")
    assert "you 1 of 1" in said
    assert "chance 12.5 %" in said
    assert box.picture().shape != before.shape, "the solution shows the whole image too"
    assert all(box.buttons[side].disabled for side in SIDES)
    (entry,) = quiz.log
    assert entry.pop("milliseconds") >= 0
    assert entry == {
        **{"round": 1, "mode": "choose", "answer": truth, "truth": truth, "right": 1, "of": 1},
        **{"model_answer": SIDES[0], "model_right": int(truth == SIDES[0]), "colors": False},
    }


def test_all_rounds_lead_to_the_score_table():
    quiz = ContextQuiz(pictures(), always_first, rounds=3)
    box = Box(quiz)
    for number in range(3):
        assert f"Round {number + 1} of 3" in box.said()
        said = box.press("above")
        if number < 2:
            box.press("Next")
    assert said.endswith("That was the last one.")
    assert box.buttons["Next"].disabled
    table = quiz.scores().set_index("who")
    assert table.loc["you", "right"] == int((quiz.truth == SIDES.index("above")).sum())
    assert table.loc["model", "right"] == int((quiz.truth == 0).sum())
    assert "All turns" in Box(quiz).said()


def test_a_second_box_goes_on_where_the_first_is_and_counts_nothing_twice():
    quiz = ContextQuiz(pictures(), rounds=3)
    first = Box(quiz)
    first.press("above")
    second = Box(quiz)
    assert "Round 2 of 3" in second.said()
    first.press("Next")
    first.press("left")
    assert "has its answer already" in second.press("right")
    assert [entry["answer"] for entry in quiz.log] == ["above", "left"]


def test_jigsaw_has_a_button_an_order():
    game = JigsawGame(pictures(), rounds=2, choices=3, permutations=9)
    box = Box(game)
    assert list(box.buttons) == ["A", "B", "C", "Next"]
    wrong = "ABC"[(int(game.truth[0]) + 1) % 3]
    assert box.press(wrong).startswith(f"Wrong: you chose {wrong}")
    assert game.log[0]["switched"] is False
    assert game.log[0]["model_right"] is None
    first = box.picture()
    box.press("Next")
    assert not np.array_equal(first, box.picture())
    assert game.scores()["right"].iloc[0] == 0


@pytest.mark.parametrize("kind", [ContextQuiz, JigsawGame])
def test_each_round_has_its_own_picture(kind):
    options = {"permutations": 9} if kind is JigsawGame else {}
    view = kind(pictures(), rounds=2, **options)
    drawn = [view.figure(first=number).axes[0].images[0].get_array() for number in (0, 1)]
    assert not np.array_equal(*drawn)
    with pytest.raises(ValueError, match="rounds is 1 from number 2; there are 2"):
        view.figure(first=2)


def items(count=3):
    return [
        {"question": f"What is <b>{n}</b>?", "answers": {"Zebra": f"one {n}", "Yak": f"two {n}"}}
        for n in range(count)
    ]


def test_votes_are_those_of_the_live_widget():
    view = PairwiseVote(items(), shuffle=False)
    box = Box(view)
    assert "Zebra" not in box.said()
    said = box.press("Left is better")
    assert "pair 1: Zebra (left), Yak (right)" in said
    box.press("Next")
    box.press("Both bad")
    assert view.votes()["winner"].tolist() == ["model_a", "tie (bothbad)"]
    assert [entry["event"] for entry in view.log] == ["vote", "names", "vote", "names"]
    assert view.votes()["anony"].all()


def test_a_vote_taken_back_is_asked_again_and_no_longer_anonymous():
    view = PairwiseVote(items(), shuffle=False)
    box = Box(view)
    assert box.buttons["Undo"].disabled
    box.press("Tie")
    said = box.press("Undo")
    assert "Vote 1 is taken back; its names have been shown" in said
    assert "Question 1 of 3" in said
    assert view.votes().empty
    box.press("Right is better")
    (vote,) = view.votes().to_dict("records")
    assert (vote["winner"], vote["anony"]) == ("model_b", False)


@pytest.mark.parametrize(("reveal", "told"), [("end", "pair 1: Zebra (left)"), ("never", "")])
def test_names_come_when_they_should(reveal, told):
    view = PairwiseVote(items(), shuffle=False, reveal=reveal)
    box = Box(view)
    for number in range(3):
        said = box.press("Tie")
        if number < 2:
            assert "Zebra" not in said
            box.press("Next")
    assert told in said
    assert ("Zebra" in said) == bool(told)
    assert sum(entry["event"] == "names" for entry in view.log) == (3 if told else 0)


def test_nothing_of_an_answer_becomes_markup():
    view = PairwiseVote([{"question": "?", "answers": {"<i>A</i>": "a", "B": "b"}}], shuffle=False)
    box = Box(view)
    box.press("Tie")
    assert "<i>" not in box.words.value
    assert "&lt;i&gt;A" in box.words.value


def test_the_arena_counts_votes_of_the_buttons():
    game = ArenaGame(rounds=2)
    box = Box(game.vote)
    box.press("Left is better")
    box.press("Next")
    box.press("Tie")
    battles = game.battles()
    assert battles["winner"].tolist() == [WINNERS["left"], WINNERS["tie"]]
    game.close()


def test_it_is_a_box_of_ipywidgets():
    assert isinstance(PairwiseVote(items()).basic(), ipywidgets.VBox)
