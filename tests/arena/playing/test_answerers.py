"""Samplers: the accuracy that they are made with, plausible mistakes, and styles that say the same."""

import subprocess
import sys

import pytest

from course_lib.arena.playing.answerers import (
    STYLES,
    Sampler,
    default_answerers,
    drawn_from,
    in_style,
    preference,
    says,
    wrong_answer,
)
from course_lib.arena.playing.questions import FAMILIES, pool

QUESTIONS = pool(80)


def sampler(accuracy, style="plain", name="S"):
    return Sampler(name, dict.fromkeys(FAMILIES, accuracy), style)


@pytest.mark.parametrize("style", STYLES)
def test_a_sampler_is_right_as_often_as_it_is_made_to_be(style):
    accuracy = {"general": 0.9, "knowledge": 0.6, "ocr_chart": 0.3, "vision_centric": 0.0}
    one = Sampler("S", accuracy, style)
    for family, expected in accuracy.items():
        right = [
            says(one.answer(q.scene, q.question, seed), q.question.answer)
            for q in QUESTIONS
            if q.family == family
            for seed in range(50)
        ]
        assert len(right) == 1000
        assert abs(sum(right) / 1000 - expected) <= 4 * (expected * (1 - expected) / 1000) ** 0.5


def test_a_mistake_is_wrong_and_of_the_same_sort():
    for q in QUESTIONS:
        for seed in range(5):
            said, right = wrong_answer(q.scene, q.question, drawn_from(seed)), q.question.answer
            assert said != right
            assert said.isdigit() == right.isdigit()
            assert said.isupper() == right.isupper()
            assert (said in ("yes", "no")) == (right in ("yes", "no"))
            for style in STYLES:
                assert says(in_style(right, style), right)
                assert not says(in_style(said, style), right)


def test_answers_are_the_same_in_every_process():
    code = (
        "from course_lib.arena.playing.answerers import default_answerers\n"
        "from course_lib.arena.playing.questions import pool\n"
        "print([a.answer(q.scene, q.question, 5) for q in pool(12) for a in default_answerers()])"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "77"}, capture_output=True, text=True, check=True
    )
    here = [a.answer(q.scene, q.question, 5) for q in pool(12) for a in default_answerers()]
    assert elsewhere.stdout.strip() == str(here)


def test_the_twins_differ_in_length_alone():
    twins = {a.name: a for a in default_answerers()}
    brief, chat = twins["Otter-Brief"], twins["Otter-Chat"]
    assert brief.accuracy == chat.accuracy
    for q in QUESTIONS[:8]:
        assert len(chat.answer(q.scene, q.question, 0)) > 5 * len(brief.answer(q.scene, q.question, 0))
    assert len({a.name for a in default_answerers()}) == 8


def test_no_answer_names_who_answered():
    parts = {part.lower() for a in default_answerers() for part in a.name.split("-") if len(part) > 4}
    for q in QUESTIONS[:12]:
        for a in default_answerers():
            text = a.answer(q.scene, q.question, 0).lower()
            assert not any(part in text for part in parts)


def test_a_simulated_voter_who_looks_takes_the_right_answer():
    draw = drawn_from("voter")
    assert preference("It is red.", "It is blue.", "red", draw) == "left"
    assert preference("It is blue.", "The answer is red.", "red", draw) == "right"
    assert preference("Red.", "It is red.", "red", draw) == "tie"
    assert preference("Blue.", "It is pink.", "red", draw) == "both bad"
    assert preference("Red.", "It is red.", "red", draw, length_bias=1.0) == "right"
    assert preference("It is blue.", "Pink.", "red", draw, length_bias=1.0) == "left"
    careless = {preference("Red.", "Blue.", "red", draw, care=0.0) for _ in range(100)}
    assert careless == {"left", "right", "tie", "both bad"}


@pytest.mark.parametrize(
    ("accuracy", "style", "sentence"),
    [
        ({"general": 1.0}, "plain", "accuracy has no knowledge, ocr_chart, vision_centric"),
        (dict.fromkeys(FAMILIES, 1.5), "plain", "accuracy of general is 1.5; give 0 to 1"),
        (dict.fromkeys(FAMILIES, 0.5), "loud", 'style is "loud"; choose one of terse, plain, wordy'),
    ],
)
def test_mistakes_get_a_sentence(accuracy, style, sentence):
    with pytest.raises(ValueError, match=sentence):
        Sampler("S", accuracy, style)
