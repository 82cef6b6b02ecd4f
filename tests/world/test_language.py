"""Every sentence, phrase and answer is read back by a checker that was written separately."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from course_lib.world import World, WorldConfig
from course_lib.world import render as drawing

from . import world_checker as checker

CONFIGS = {
    "default": WorldConfig(),
    "crowded": WorldConfig(seed=1, min_objects=3, max_objects=8),
    "no horizon": WorldConfig(seed=2, horizon=False, max_objects=5, style="mixed"),
    "signs and charts": WorldConfig(seed=3, words=True, charts=True, max_objects=6),
    "two kinds": WorldConfig(
        seed=4, kinds=("cat", "fish", "blossom"), min_objects=3, max_objects=6, words=True
    ),
}
SCENES = 150


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS.keys(), scope="module")
def world(request):
    return World(request.param, "val")


def scenes(world):
    return (world.scene(i) for i in range(SCENES))


def test_every_caption_is_true(world):
    for scene in scenes(world):
        texts = world.captions(scene)
        assert len(texts) >= 4
        assert len(texts[0]) < len(texts[-1])
        for text in texts:
            assert checker.true(scene, text), (scene.index, text)


def test_every_phrase_means_exactly_its_object(world):
    for scene in scenes(world):
        found = world.phrases(scene)
        assert {phrase.object for phrase in found} or len(scene.objects) > 1
        for phrase in found:
            assert phrase.text.startswith("the ")
            assert checker.meant(scene, phrase.text[4:]) == [phrase.object], (scene.index, phrase)


def test_relations_and_negations_are_marked_right(world):
    seen = Counter()
    for scene in scenes(world):
        for statement in world.relations(scene) + world.negations(scene):
            assert checker.true(scene, statement.text) == statement.true, (scene.index, statement)
            seen[statement.form, statement.true] += 1
    assert set(seen) == {(form, truth) for form in ("relation", "negation") for truth in (True, False)}
    assert min(seen.values()) > 50


def test_hard_negatives_are_false_and_of_the_same_words(world):
    seen = Counter()
    for scene in scenes(world):
        for pair in world.hard_negatives(scene):
            assert checker.true(scene, pair.positive), (scene.index, pair)
            assert not checker.true(scene, pair.negative), (scene.index, pair)
            words = [sorted(text.replace("an ", "a ").split()) for text in (pair.positive, pair.negative)]
            assert words[0] == words[1]
            assert pair.positive != pair.negative
            seen[pair.form] += 1
    assert set(seen) == {"swapped roles", "swapped attributes"}


def test_every_answer_is_right(world):
    families = Counter()
    for scene in scenes(world):
        found = world.questions(scene)
        texts = [question.text for question in found]
        assert len(set(texts)) == len(texts), "no question twice"
        for question in found:
            assert checker.answer(scene, question.text) == (question.answer, question.category), question
            families[question.category] += 1
    expected = {"general", "knowledge", "vision_centric"}
    if world.config.words or world.config.charts:
        expected.add("ocr_chart")
    assert set(families) == expected


def test_the_answers_cannot_be_guessed_from_the_question():
    """Of two-way questions, neither answer is more than 3 times as frequent, nor always the first named."""
    world = World(WorldConfig(seed=5))
    sides, first, yes = Counter(), Counter(), Counter()
    for index in range(600):
        for question in world.questions(world.scene(index)):
            if question.text.startswith("Is the "):
                sides[question.answer] += 1
            elif question.text.startswith("Which is nearer"):
                first[f"viewer, the {question.answer} or" in question.text] += 1
            elif question.text.startswith("Is there a"):
                yes[question.answer] += 1
    for counts in (sides, first, yes):
        assert len(counts) == 2
        assert max(counts.values()) < 3 * min(counts.values()), counts


def alone(scene, number):
    """Mask of one object drawn without the others, straight from the ink image."""
    from dataclasses import replace

    return drawing.render(replace(scene, objects=(scene.objects[number],), words=(), chart=None)).masks[0]


def test_left_right_above_below_agree_with_the_pixels():
    """The words come from the scene's numbers; the centres of the drawn silhouettes must say the same."""
    world = World(WorldConfig(seed=6, size=64, max_objects=5))
    checked = 0
    for index in range(120):
        scene = world.scene(index)
        centres = [np.argwhere(alone(scene, k)).mean(0) for k in range(len(scene.objects))]
        names = {phrase.text: phrase.object for phrase in world.phrases(scene)}
        for statement in world.relations(scene):
            for word, axis, sign in (
                ("left of", 1, -1),
                ("right of", 1, 1),
                ("above", 0, -1),
                ("below", 0, 1),
            ):
                if statement.true and f" is {word} " in statement.text:
                    first, second = statement.text.split(f" is {word} ")
                    gap = centres[names[first]][axis] - centres[names[second]][axis]
                    assert sign * gap > -0.03 * scene.size, (index, statement, gap)
                    checked += 1
    assert checked > 200
