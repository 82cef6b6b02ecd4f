"""Attention against masks: hand-made attention, a loop, and the limits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.evaluate import attention_jaccard, mass_mask


def test_the_smallest_set_that_holds_the_mass():
    row = torch.tensor([0.1, 0.4, 0.2, 0.3])
    assert mass_mask(row, 0.4).tolist() == [False, True, False, False]
    assert mass_mask(row, 0.41).tolist() == [False, True, False, True]
    assert mass_mask(row, 0.6).tolist() == [False, True, False, True]
    assert mass_mask(row, 1.0).tolist() == [True] * 4
    assert torch.equal(mass_mask(7 * row, 0.6), mass_mask(row, 0.6))  # what the prefix took does not count
    assert mass_mask(torch.tensor([1.0, 0.0, 0.0]), 1.0).tolist() == [True, False, False]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9).filter(sum), st.floats(0.01, 1))
def test_fewer_patches_do_not_hold_it(values, mass):
    row = torch.tensor(values, dtype=torch.float64)
    mask = mass_mask(row, mass)
    total = row.sum()
    assert row[mask].sum() >= (mass - 1e-6) * total
    smallest = row[mask].min()
    assert row[mask].sum() - smallest < mass * total
    assert (row[~mask] <= smallest).all()


def looks_at(*cells, grid=4):
    attention = torch.full((grid, grid), 1e-6)
    for row, column in cells:
        attention[row, column] = 1.0
    return attention


def test_a_head_on_the_object_scores_one_and_the_best_head_is_taken_per_object():
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[0, :2, :2] = masks[1, 6:, 6:] = True  # the third is hidden
    heads = torch.stack([looks_at((0, 0)), looks_at((3, 3))])[None]  # (1, 2, 4, 4)
    scores = attention_jaccard(heads, [masks], patch_size=2)
    assert scores.best_head == 1
    assert scores.per_head.tolist() == [0.5, 0.5]
    assert scores.n == 1


def test_an_object_that_no_head_looks_at_counts_as_missed():
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, :2, :2] = masks[1, 6:, 6:] = True
    both_on_the_first = torch.stack([looks_at((0, 0)), looks_at((0, 0))])[None]
    assert attention_jaccard(both_on_the_first, [masks], patch_size=2).best_head == 0.5


def test_overlap_is_counted_in_pixels():
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, :3, :2] = True  # 6 pixels, 4 of them in the first patch, 2 in the one below
    one = attention_jaccard(looks_at((0, 0))[None, None], [mask], 2)
    assert one.best_head == pytest.approx(4 / 6)
    two = attention_jaccard(looks_at((0, 0), (1, 0))[None, None], [mask], 2)
    assert two.best_head == pytest.approx(6 / 8)


def test_images_without_objects_are_left_out_and_images_weigh_alike():
    full, empty = torch.ones(1, 8, 8, dtype=torch.bool), torch.zeros(2, 8, 8, dtype=torch.bool)
    uniform = torch.ones(3, 1, 4, 4)
    twice = full.repeat(2, 1, 1)
    scores = attention_jaccard(uniform, [full, empty, twice], 2, mass=1.0)
    assert scores.n == 2
    assert scores.per_image.tolist() == [1, 1]


def test_uniform_attention_on_a_random_object_is_what_area_says():
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, :, :4] = True
    assert attention_jaccard(torch.ones(1, 1, 4, 4), [mask], 2, mass=1.0).best_head == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: mass_mask(torch.ones(3), 0), "mass=0"),
        (lambda: mass_mask(torch.zeros(3)), "row of zeros"),
        (lambda: attention_jaccard(torch.ones(1, 4, 4), [torch.ones(1, 8, 8)], 2), "heads, h, w"),
        (lambda: attention_jaccard(torch.ones(1, 1, 4, 4), [torch.ones(1, 9, 8)], 2), r"\(K, 8, 8\)"),
        (lambda: attention_jaccard(torch.ones(2, 1, 4, 4), [torch.ones(1, 8, 8)], 2), "2 images but 1"),
        (lambda: attention_jaccard(torch.ones(1, 1, 4, 4), [torch.zeros(1, 8, 8)], 2), "visible object"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
