"""The sliders: each position asks for its curve once, shows it, and says it in words."""

import sys

from course_lib.viz.labelling_explorer import explorer, sentence


def make(asked):
    def accuracy(answers, votes, examples):
        asked.append((answers, votes, examples))
        return min(1.0, answers * examples / 10_000 / votes)

    return explorer(accuracy, answers=(100, 200, 400), votes=(1, 3), examples=(5, 10), chance=0.1)


def parts(box):
    *sliders, text, image = box.children
    return {slider.description: slider for slider in sliders}, text, image


def test_moving_a_slider_changes_picture_and_sentence():
    asked = []
    sliders, text, image = parts(make(asked))
    assert sorted(set(asked)) == [(100, 1, 5), (200, 1, 5), (400, 1, 5)]
    assert "200 answers, 1 per picture: 200 labelled pictures" in text.value
    assert "10.0 %" in text.value
    first = bytes(image.value)
    assert first.startswith(b"\x89PNG")
    sliders["training"].value = 10
    assert "20.0 %" in text.value
    assert bytes(image.value) != first
    assert len(asked) == 6


def test_a_curve_is_measured_once():
    asked = []
    sliders, text, _ = parts(make(asked))
    sliders["per picture"].value = 3
    sliders["per picture"].value = 1
    sliders["answers"].value = 400
    assert len(asked) == 6
    assert "400 answers, 1 per picture: 400 labelled pictures" in text.value


def test_without_ipywidgets_there_is_no_box(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert make([]) is None


def test_sentence_counts_whole_pictures():
    assert "33 labelled pictures" in sentence({"answers": 100, "votes": 3, "examples": 7}, 0.5)
