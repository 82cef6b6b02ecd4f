"""Mask patterns: as many patches as asked for, where they belong."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.viz.arrays.mask_patterns import PATTERNS, bayer_ranks, kept_patches


@given(
    st.sampled_from(PATTERNS),
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.floats(0.2, 0.7),
    st.integers(0, 2**31),
)
def test_every_pattern_keeps_the_same_number(pattern, grid, ratio, seed):
    patches = grid[0] * grid[1]
    kept = kept_patches(pattern, grid, ratio, seed)
    assert len(kept) == int(round(patches * (1 - ratio), 6))
    assert (kept.diff() > 0).all()
    assert kept.min() >= 0
    assert kept.max() < patches
    assert torch.equal(kept, kept_patches(pattern, grid, ratio, seed))


def test_the_grid_keeps_one_of_every_two_by_two():
    kept = kept_patches("grid", (6, 8), 0.75)
    assert kept.tolist() == [r * 8 + c for r in (0, 2, 4) for c in (0, 2, 4, 6)]
    half = torch.zeros(36, dtype=torch.bool)
    half[kept_patches("grid", (6, 6), 0.5)] = True
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(6), indexing="ij")
    assert torch.equal(half.view(6, 6), (rows + columns) % 2 == 0)  # a chess board


def test_bayer_ranks_are_the_known_matrix():
    assert bayer_ranks(2, 2).tolist() == [[0, 2], [3, 1]]
    assert bayer_ranks(4, 4).tolist() == [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]
    assert len(bayer_ranks(5, 3).unique()) == 15


def test_random_masks_are_nested_and_blocks_hang_together():
    few, many = (set(kept_patches("random", (6, 6), ratio, 3).tolist()) for ratio in (0.9, 0.5))
    assert few < many

    def borders(pattern, seed):
        mask = torch.ones(144)
        mask[kept_patches(pattern, (12, 12), 0.5, seed)] = 0
        mask = mask.view(12, 12)
        return float(mask.diff(dim=0).abs().sum() + mask.diff(dim=1).abs().sum())

    assert sum(borders("block", s) for s in range(5)) < 0.6 * sum(borders("random", s) for s in range(5))
    assert not torch.equal(kept_patches("block", (6, 6), 0.5, 0), kept_patches("block", (6, 6), 0.5, 1))


def test_bad_input_is_answered_in_a_sentence():
    with pytest.raises(ValueError, match="choose of random, block, grid"):
        kept_patches("stripes", (4, 4), 0.5)
    with pytest.raises(ValueError, match="at least 1 must stay"):
        kept_patches("grid", (2, 2), 0.9)
