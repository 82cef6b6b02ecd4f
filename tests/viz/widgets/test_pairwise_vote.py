"""Votes on anonymous pairs: sides by lot, FastChat's words, names that stay at home."""

import base64
import json
import re

import numpy as np
import pytest
import torch

from course_lib.viz.widgets.pairwise_vote import PairwiseVote

NASTY = '<img src=x onerror="window.hurt = 1"></script><script>window.hurt = 1</script>'


def items(count=6, **more):
    return [
        {"question": f"What is number {n}?", "answers": {"Zebra-7B": f"one {n}", "Yak-3B": f"two {n}"}} | more
        for n in range(count)
    ]


def cast(view, *sides):
    view.widget.log = [
        {"event": "vote", "battle": n, "side": side, "anony": True, "milliseconds": 5}
        for n, side in enumerate(sides)
    ]


def test_votes_are_fastchats_battles():
    view = PairwiseVote(items(4, image=torch.rand(3, 5, 7)), shuffle=False)
    cast(view, "left", "right", "tie", "both bad")
    votes = view.votes()
    assert votes["winner"].tolist() == ["model_a", "model_b", "tie", "tie (bothbad)"]
    assert set(votes["model_a"]) == {"Zebra-7B"}
    assert set(votes["model_b"]) == {"Yak-3B"}
    assert votes["question_id"].tolist() == [0, 1, 2, 3]
    assert {"side", "milliseconds", "anony"} <= set(votes.columns)
    assert view.log[0] | {"model_a": "Zebra-7B", "winner": "model_a"} == view.log[0]
    view.close()


def test_an_undone_vote_does_not_count_and_stays_in_the_log():
    view = PairwiseVote(items(3), shuffle=False)
    vote = {"event": "vote", "anony": True, "milliseconds": 5}
    view.widget.log = [
        vote | {"battle": 0, "side": "left"},
        vote | {"battle": 1, "side": "left"},
        {"event": "undo", "battle": 1},
        vote | {"battle": 1, "side": "right"},
        {"event": "names", "battle": 1},
    ]
    assert view.votes()["winner"].tolist() == ["model_a", "model_b"]
    assert len(view.log) == 5
    assert PairwiseVote(items(1)).votes().empty
    view.close()


def test_sides_and_order_are_drawn_by_seed():
    given = PairwiseVote(items(200), shuffle=False)
    assert given.battles == [(n, "Zebra-7B", "Yak-3B") for n in range(200)]
    drawn = PairwiseVote(items(200), seed=1)
    assert drawn.battles == PairwiseVote(items(200), seed=1).battles
    assert drawn.battles != PairwiseVote(items(200), seed=2).battles
    assert sorted(n for n, *_ in drawn.battles) == list(range(200))
    assert [n for n, *_ in drawn.battles] != list(range(200))
    left = sum(left == "Zebra-7B" for _, left, _ in drawn.battles)
    assert 70 < left < 130
    for (number, left, _), record in zip(drawn.battles, drawn.config["battles"], strict=True):
        assert record["left"] == drawn.items[number]["answers"][left]


def test_of_three_answers_every_pair_is_voted_on():
    view = PairwiseVote(
        [{"id": "q", "question": "?", "answers": {"A": "1", "B": "2", "C": "3"}}], shuffle=False
    )
    assert view.battles == [(0, "A", "B"), (0, "A", "C"), (0, "B", "C")]
    assert {record["question_id"] for record in view.config["battles"]} == {"q"}


def test_names_do_not_travel_before_they_are_asked_for(tmp_path):
    for reveal in ("each", "end", "never"):
        view = PairwiseVote(items(), reveal=reveal)
        sent = json.dumps(view.config) + json.dumps(view.state) + view.alt_text
        assert "Zebra" not in sent
        text = view.save_html(tmp_path / "vote.html").read_text("utf-8")
        assert "Zebra" not in text
        assert not re.search(r"https?://", text)
        answers = re.search(r'id="answers">([^<]*)<', text).group(1)
        assert (b"Zebra" in base64.b64decode(answers)) == (reveal != "never")


def test_names_of_one_pair_come_on_request():
    view = PairwiseVote(items(), seed=3)
    for number, (_, left, right) in enumerate(view.battles):
        assert json.loads(view.answer({"battle": number})["names"].tobytes()) == [left, right]
    with pytest.raises(ValueError, match="battle is 6; there are 6, from 0"):
        view.answer({"battle": 6})
    with pytest.raises(ValueError, match='reveal is "never"'):
        PairwiseVote(items(), reveal="never").answer({"battle": 0})


def test_rows_that_a_page_saved_get_their_names_back():
    view = PairwiseVote(items(), seed=3, reveal="never")
    votes = view.votes([{"battle": 2, "side": "right", "anony": True, "milliseconds": 7, "model_a": ""}])
    assert votes.loc[0, ["model_a", "model_b"]].tolist() == list(view.battles[2][1:])
    assert votes.loc[0, "winner"] == "model_b"
    for wrong in ({"battle": 6, "side": "left"}, {"battle": 0, "side": "up"}, {"side": "left"}):
        with pytest.raises(ValueError, match="battle from 0 to 5 and side of left, right, tie, both bad"):
            view.votes([wrong])


def test_pictures_travel_once_and_only_where_there_are_any():
    three = [
        {"question": "?", "answers": {"A": "1", "B": "2", "C": "3"}, "image": np.zeros((3, 4, 6), np.uint8)}
    ]
    view = PairwiseVote([*three, *items(1)])
    assert {name: array.shape for name, array in view.arrays.items()} == {"image0": (3, 4, 6)}


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        ([], ValueError, "items is empty"),
        (["?"], TypeError, "item 0 is '\\?'; give a dict"),
        ([{"question": "?"}], TypeError, "give a dict with question and answers"),
        ([{"question": " ", "answers": {"A": "1", "B": "2"}}], ValueError, "item 0 has no question"),
        ([{"question": "?", "answers": {"A": "1"}}], ValueError, "give two texts or more"),
        ([{"question": "?", "answers": {"A": "1", "B": None}}], ValueError, "give two texts or more"),
        (items(1, id=[1]), TypeError, "id of type list"),
        (items(1, image=torch.rand(4, 4)), ValueError, "the image of item 0 has shape"),
    ],
)
def test_mistakes_get_a_sentence(wrong, error, sentence):
    with pytest.raises(error, match=sentence):
        PairwiseVote(wrong)
    with pytest.raises(ValueError, match='reveal is "later"; choose one of each, end, never'):
        PairwiseVote(items(1), reveal="later")


@pytest.mark.parametrize("image", [None, torch.rand(3, 32, 48)])
def test_the_figure_shows_any_text_and_no_name(legible, image):
    long = "A sentence with $5 and x_1 and <b>. " * 20
    view = PairwiseVote(
        [{"question": "What costs $5?", "answers": {"Zebra": long, "Yak": "No."}, "image": image}]
    )
    figure = legible(view.figure())
    assert "Zebra" not in figure.alt_text
    assert "What costs $5?" in figure.alt_text


def test_markup_in_an_answer_cannot_close_the_pages_script(tmp_path):
    view = PairwiseVote([{"question": NASTY, "answers": {"A": NASTY, "B": NASTY}}])
    text = view.save_html(tmp_path / "vote.html").read_text("utf-8")
    assert "<script>window.hurt" not in text
    assert "<img src=x" not in text
