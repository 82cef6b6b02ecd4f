"""The pool: balanced, the same for ever, and complete for who cannot see the picture."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from course_lib.arena.playing.questions import DOMAINS, FAMILIES, HOMES, pool
from course_lib.world import World, WorldConfig


def test_every_family_and_within_it_every_domain_comes_equally_often():
    found = Counter((q.family, q.domain) for q in pool(64))
    assert set(Counter(family for family, _ in found.elements()).values()) == {16}
    for family in FAMILIES:
        assert {domain: found[family, domain] for domain in DOMAINS if found[family, domain]} == {
            domain: 16 // len(HOMES[family]) for domain in HOMES[family]
        }


def test_a_pool_is_the_same_for_ever_and_grows_at_its_end():
    ids = [q.id for q in pool(40)]
    assert ids == [q.id for q in pool(60)][:40]
    assert len(set(ids)) == 40
    assert ids != [q.id for q in pool(40, seed=1)]
    assert {q.scene.split for q in pool(8)} == {"test"}


def test_the_picture_is_the_scenes_and_the_question_is_one_of_its_own():
    for question in pool(8, seed=3, side=48):
        world = World(WorldConfig(size=48, seed=3, style="mixed", min_objects=2, **DOMAINS[question.domain]))
        scene = world.scene(int(question.id.split("-")[1]), "test")
        assert (
            question.question
            == [q for q in world.questions(scene) if q.category == question.family][
                int(question.id.rsplit("-", 1)[1])
            ]
        )
        assert np.array_equal(question.image(), world.image(scene))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(question.png()))), question.image())


def test_the_words_for_the_picture_hold_what_a_sign_or_chart_shows():
    for question in pool(24):
        for word in question.scene.words:
            assert word.text in question.alt
        if question.scene.chart:
            assert all(str(value) in question.alt for value in question.scene.chart.values)
        assert all(thing.kind in question.alt for thing in question.scene.objects)


def test_an_empty_pool_is_refused():
    with pytest.raises(ValueError, match="size is 0; give the number of questions"):
        pool(0)
